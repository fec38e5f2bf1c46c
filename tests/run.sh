#!/bin/sh
# Runs the suite against one build and sums it up. Usage, from the root: tests/run.sh BUILD
# TESTS="unit/test_url spec/json" in the environment runs those alone. JOBS files of tests run at once, by default as
# many as there are processors, and at most four; their results are printed as they come.
# The last line is "N passed, N failed", with ", N skipped" after it when there are any.
#
# With VALGRIND=yes the unit tests run under valgrind. Every process of the run carries TEST_DIRECTORY
# in its environment: what of them is alive at the end counts as a failure and is killed.
#
# The script calls itself for each file: tests/run.sh BUILD --one FILE, with the directory of the run in RUN_DIRECTORY.
set -u

build=${1:?usage: tests/run.sh BUILD}
limit=600 # seconds that one file of tests may take

# Runs a command with nothing of the user's own settings.
hermetic() {
  env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$TEST_DIRECTORY" PWD="$PWD" TEST_BUILD="$build" \
    TEST_DIRECTORY="$TEST_DIRECTORY" ${ASAN_OPTIONS:+"ASAN_OPTIONS=$ASAN_OPTIONS"} \
    ${HAR_VALIDATOR:+"HAR_VALIDATOR=$HAR_VALIDATOR"} \
    ${UBSAN_OPTIONS:+"UBSAN_OPTIONS=$UBSAN_OPTIONS"} ${LSAN_OPTIONS:+"LSAN_OPTIONS=$LSAN_OPTIONS"} \
    timeout --kill-after=5 "$limit" "$@" </dev/null >"$output" 2>&1
}

# Prints a result and notes it for the sums; a bad exit code with no failure counted is one, and so is a file without
# any test.
count() { # NAME CODE PASSED FAILED SKIPPED
  [ "$2" -eq 0 ] || [ "$4" -gt 0 ] || set -- "$1" "$2" "$3" 1 "$5"
  [ $(($3 + $4 + $5)) -gt 0 ] || set -- "$1" "$2" 0 1 0
  echo "$3 $4 $5" >>"$TEST_DIRECTORY/counts"
  print_result "$@" >"$output.result"
  cat "$output.result" # at once, because others print too
}

print_result() {
  printf '%-28s %4d passed' "$1" "$3"
  [ "$5" -eq 0 ] || printf ', %d skipped' "$5"
  [ "$4" -eq 0 ] || printf ', %d FAILED (exit code %d)' "$4" "$2"
  printf '\n'
  if [ "$4" -gt 0 ]; then
    sed 's/^/  | /' "$output"
  elif [ "$5" -gt 0 ]; then
    sed -n '/^skipped:/,/^  /s/^/  | /p' "$output"
  fi
}

run_generated_check() {
  hermetic sh tests/helpers/check_generated.sh "$build"
  code=$?
  count check-generated "$code" $((code == 0)) 0 0
}

# Prints N of cmocka's line "[  STATE  ] N test(s)".
cmocka_count() {
  sed -n "s/^\[  $1  \] \([0-9]*\) test(s).*/\1/p" "$output" | grep . || echo 0
}

run_unit_test() {
  name=$(basename "$1")
  if [ "${VALGRIND:-no}" = yes ]; then
    hermetic valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect \
      --error-exitcode=99 "$1"
  else
    hermetic "$1"
  fi
  count "unit/$name" $? "$(cmocka_count PASSED)" "$(cmocka_count FAILED)" 0
}

# Prints N of "N STATE" in the last line of a spec's output.
spec_count() {
  tail -n 1 "$output" | sed -n "s/^\(.*, \)\{0,1\}\([0-9]*\) $1.*/\2/p" | grep . || echo 0
}

run_spec() {
  name=${1#tests/}
  hermetic "$build/anyreach" tests/run.lua "$1"
  count "${name%.lua}" $? "$(spec_count passed)" "$(spec_count failed)" "$(spec_count skipped)"
}

check_leftovers() {
  marked=$(grep -lsz "^TEST_DIRECTORY=$TEST_DIRECTORY\$" /proc/[0-9]*/environ | cut -d/ -f3)
  left=0
  for id in $marked; do
    left=1
    ps -o pid=,args= -p "$id" >"$output" 2>/dev/null
    kill -9 "$id"
  done
  count "nothing left running" "$left" $((1 - left)) 0 0
}

run_one() { # unit/test_NAME, spec/NAME, e2e/NAME or generated
  case $1 in
  generated) run_generated_check ;;
  unit/*) run_unit_test "$build/$1" ;;
  *) run_spec "tests/${1%_spec}_spec.lua" ;;
  esac
}

if [ "${2:-}" = --one ]; then
  TEST_DIRECTORY=$RUN_DIRECTORY
  output=$(mktemp "$TEST_DIRECTORY/output.XXXXXX")
  run_one "$3"
  rm -f "$output" "$output.result"
  exit 0
fi

TEST_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/anyreach-tests.XXXXXX") || exit 1
output=$TEST_DIRECTORY/output
trap 'rm -rf "$TEST_DIRECTORY"' EXIT
trap 'exit 130' INT TERM

all_tests() {
  echo generated
  for source in tests/unit/test_*.c; do echo "unit/$(basename "$source" .c)"; done
  for file in tests/spec/*_spec.lua tests/e2e/*_spec.lua; do
    file=${file#tests/}
    echo "${file%_spec.lua}"
  done
}

processors=$(nproc 2>/dev/null || echo 1)
jobs=${JOBS:-$((processors < 4 ? processors : 4))}
# shellcheck disable=SC2086 # words on purpose
{ if [ -n "${TESTS:-}" ]; then printf '%s\n' $TESTS; else all_tests; fi; } |
  RUN_DIRECTORY=$TEST_DIRECTORY xargs -P "$jobs" -n 1 sh "$0" "$build" --one
check_leftovers

summary=$(awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed", p, f; if (s) printf ", %d skipped", s }' \
  "$TEST_DIRECTORY/counts")
echo "$summary"
case $summary in *" 0 failed"*) ;; *) exit 1 ;; esac
