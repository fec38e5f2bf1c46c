#!/bin/sh
# Runs fuzzers one after the other. Usage, from the root: tests/fuzz/run.sh BUILD SECONDS NAME...
# Each starts from tests/fuzz/corpus/NAME and from what earlier runs have found (BUILD/corpus/NAME), and
# runs SECONDS seconds; with 0 it only runs what is there. An input that fails is left in
# BUILD/failures/NAME. The last line is "N passed, N failed".
set -u

build=${1:?usage: tests/fuzz/run.sh BUILD SECONDS NAME...}
seconds=${2:?usage: tests/fuzz/run.sh BUILD SECONDS NAME...}
shift 2
passed=0 failed=0

# Inputs that other files of the project give.
gather_seeds() { # NAME DIRECTORY
  case $1 in
  sandbox) "$build/anyreach" tests/fuzz/seeds.lua "$2" tests/spec/sandbox*_spec.lua >/dev/null ;;
  openapi) cp src/openapi/admin.yaml src/openapi/workflow.yaml "$2" ;;
  yaml) cp scripts/examples/clinic/agents/*.yaml "$2" ;;
  esac
}

fuzz() { # NAME
  name=$1 seeds=$build/seeds/$1 found=$build/corpus/$1
  mkdir -p "$seeds" "$found" "$build/failures/$1"
  gather_seeds "$1" "$seeds"
  set -- "$found" "tests/fuzz/corpus/$1" "$seeds"
  [ ! -e "tests/fuzz/$name.dict" ] || set -- "-dict=tests/fuzz/$name.dict" "$@"
  # The sandbox's state holds more after most inputs than before: each would be searched for leaks.
  [ "$name" != sandbox ] || set -- -detect_leaks=0 "$@"
  if [ "$seconds" -gt 0 ]; then set -- "-max_total_time=$seconds" "$@"; else set -- -runs=0 "$@"; fi
  "$build/fuzz/$name" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
    "-artifact_prefix=$build/failures/$name/" "$@" >"$build/$name.log" 2>&1
}

for name; do
  if fuzz "$name"; then
    passed=$((passed + 1))
    printf '%-10s %s\n' "$name" "$(grep -E '^(Done|#[0-9]+.*DONE)' "$build/$name.log" | tail -n 1)"
  else
    failed=$((failed + 1))
    printf '%-10s FAILED; see %s and %s\n' "$name" "$build/$name.log" "$build/failures/$name"
    tail -n 40 "$build/$name.log" | sed 's/^/  | /'
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
