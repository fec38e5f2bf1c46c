#!/bin/sh
# Runs every target of `make help` as a user does, the long ones for a moment only; those of which `.ci/run` runs the
# whole are left out. Usage, from the root: tests/targets.sh. The last line is "N passed, N failed"; a target for
# which there is no line below counts as failed.
set -u

directory=$(mktemp -d "${TMPDIR:-/tmp}/anyreach-targets.XXXXXX") || exit 1
trap 'rm -rf "$directory"' EXIT
passed=0 failed=0

# The arguments of make that make the target short, or "-" for one that `.ci/run` runs.
arguments() { # TARGET
  case $1 in
  all | help | deps | deps-test | demo | check-generated | generate) echo "$1" ;;
  lint | test) echo - ;;
  asan | stress-gc) echo "$1 TESTS=spec/json" ;;
  fuzz) echo "$1 FUZZ_SECONDS=1" ;;
  torture) echo "$1 TORTURE_STEPS=20" ;;
  mutate) echo "$1 FILE=src/net/retry.c LINES=41-41" ;;
  bench) echo "$1 ROWS=json" ;;
  soak) echo "$1 SOAK_REQUESTS=20000" ;;
  install | uninstall) echo "$1 DESTDIR=$directory/root" ;;
  clean) echo "$1 BUILD=$directory/build" ;;
  *) return 1 ;;
  esac
}

run_target() { # TARGET
  words=$(arguments "$1") || { echo "tests/targets.sh says nothing about it" >"$directory/log" && return 1; }
  [ "$words" != - ] || return 0
  # shellcheck disable=SC2086 # words on purpose
  env -u TESTS make $words </dev/null >"$directory/log" 2>&1
}

mkdir -p "$directory/build"
for target in $(make -s help | cut -d ' ' -f 1); do
  began=$(date +%s)
  if run_target "$target"; then
    passed=$((passed + 1))
    printf 'make %-16s %4d s\n' "$target" "$(($(date +%s) - began))"
  else
    failed=$((failed + 1))
    printf 'make %-16s FAILED\n' "$target"
    tail -n 40 "$directory/log" | sed 's/^/  | /'
  fi
done
[ ! -e "$directory/build" ] || { echo "make clean left its BUILD"; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
