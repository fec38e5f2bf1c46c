#!/bin/sh
# Lets an outside linter read the OpenAPI documents. Usage, from the root: tests/helpers/lint_openapi.sh DIRECTORY
# The linter comes from npm's registry, once, into DIRECTORY. It runs on Node 18 and later.
set -u

directory=${1:?usage: tests/helpers/lint_openapi.sh DIRECTORY}
version=1.27.2
linter=$directory/$version/node_modules/.bin/redocly
log=$directory/log
mkdir -p "$directory"

# Without the scripts of packages: the linter needs none.
install_linter() {
  npm install --prefix "$directory/new" --ignore-scripts --no-audit --no-fund --no-save --no-package-lock \
    --fetch-retries=1 --fetch-retry-mintimeout=1000 "@redocly/cli@$version" >"$log" 2>&1 &&
    mv "$directory/new" "$directory/$version"
}

if [ ! -x "$linter" ]; then
  rm -rf "$directory/new" "${directory:?}/$version"
  if ! install_linter; then
    cat "$log" >&2
    echo "lint_openapi: cannot install @redocly/cli $version from $(npm config get registry 2>/dev/null);" >&2
    echo "  the check of src/openapi needs npm's registry once" >&2
    exit 1
  fi
fi

# The documents carry no licence of their own.
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
"$linter" lint src/openapi/*.yaml --skip-rule=info-license >"$log" 2>&1 && exit 0
cat "$log" >&2
exit 1
