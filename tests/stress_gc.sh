#!/bin/sh
# Runs every spec of tests/spec in both modes of the collector, which works nearly all the time. Usage, from the
# root: tests/stress_gc.sh BUILD. The last line is "N passed, N failed", counted in files.
set -u

build=${1:?usage: tests/stress_gc.sh BUILD}
passed=0 failed=0
TEST_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/anyreach-tests.XXXXXX") || exit 1
trap 'rm -rf "$TEST_DIRECTORY"' EXIT

for mode in incremental generational; do
  for spec in tests/spec/*_spec.lua; do
    if env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$TEST_DIRECTORY" PWD="$PWD" TEST_BUILD="$build" \
      TEST_DIRECTORY="$TEST_DIRECTORY" STRESS_GC=yes timeout --kill-after=5 900 \
      "$build/anyreach" tests/helpers/stress_gc.lua "$mode" "$spec" </dev/null >"$TEST_DIRECTORY/output" 2>&1
    then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      echo "$mode $spec: FAILED"
      sed 's/^/  | /' "$TEST_DIRECTORY/output"
    fi
  done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
