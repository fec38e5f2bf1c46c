#!/bin/sh
# Fetches the official JSON Schema test suite into a directory, as `tests` and `remotes`: Debian has draft 2020-12 of
# it in a package of Perl's, of which nothing is installed. Without apt-get or the network it says so; the spec is
# skipped then. Usage: json_schema_suite.sh DIRECTORY
set -u

directory=${1:?usage: json_schema_suite.sh DIRECTORY}
package=libtest-json-schema-acceptance-perl
inside=usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance

[ ! -d "$directory/tests" ] || exit 0
new=$directory.new
rm -rf "$new" "$directory"
mkdir -p "$new"
if (cd "$new" && apt-get download "$package" && dpkg-deb --extract "$package"_*.deb .) >"$new/log" 2>&1; then
  mv "$new/$inside" "$directory"
else
  echo "The JSON Schema suite is missing: apt-get cannot download $package." >&2
fi
rm -rf "$new"
