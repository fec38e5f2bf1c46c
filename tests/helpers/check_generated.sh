#!/bin/sh
# Says whether the committed generated files are what src/gen makes of src/openapi now.
# Usage, from the root: check_generated.sh BUILD
set -eu

fresh=$1/generated
rm -rf "$fresh"
"$1/anyreach" src/gen/generate.lua "$fresh" >/dev/null
stale=0
for file in $(cd "$fresh" && find . -type f); do
  cmp -s "$fresh/$file" "$file" && continue
  echo "${file#./} is not what src/gen/generate.lua writes: run 'make generate'"
  stale=1
done
exit "$stale"
