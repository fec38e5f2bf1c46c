#!/bin/sh
# Runs the specs of tests/spec in both modes of the collector, which works nearly all the time. Usage, from the
# root: tests/stress_gc.sh BUILD. TESTS="spec/json spec/yaml" in the environment runs those alone. The last line is
# "N passed, N failed", counted in files.
set -u

build=${1:?usage: tests/stress_gc.sh BUILD}
passed=0 failed=0
TEST_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/anyreach-tests.XXXXXX") || exit 1
trap 'rm -rf "$TEST_DIRECTORY"' EXIT

specs() {
  if [ -z "${TESTS:-}" ]; then
    echo tests/spec/*_spec.lua
  else
    for test in $TESTS; do echo "tests/${test%_spec}_spec.lua"; done
  fi
}

run_stressed() { # MODE SPEC
  env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$TEST_DIRECTORY" PWD="$PWD" TEST_BUILD="$build" \
    TEST_DIRECTORY="$TEST_DIRECTORY" STRESS_GC=yes timeout --kill-after=5 900 \
    "$build/anyreach" tests/helpers/stress_gc.lua "$1" "$2" </dev/null >"$TEST_DIRECTORY/output" 2>&1
}

for mode in incremental generational; do
  for spec in $(specs); do
    began=$(date +%s)
    printf '%-13s %-45s ' "$mode" "$spec"
    if run_stressed "$mode" "$spec"; then
      passed=$((passed + 1))
      echo "$(($(date +%s) - began)) s"
    else
      failed=$((failed + 1))
      echo "FAILED after $(($(date +%s) - began)) s"
      sed 's/^/  | /' "$TEST_DIRECTORY/output"
    fi
  done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
