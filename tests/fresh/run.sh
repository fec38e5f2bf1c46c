#!/bin/sh
# Runs the README's two commands, `make demo` and `make test`, on fresh machines: in bare roots of Debian that hold
# git, make and sudo, as root and as a user who may use sudo, in a path with a space, under umask 077, with LANG=C
# and without TERM. What is tested is the last commit. Needs root, mmdebstrap and the network; apt's own settings
# say where packages come from. Takes some ten minutes for each release and user.
#
# Usage: tests/fresh/run.sh [--release NAME]... [--user root|guest]... [--without-terminals] [--keep DIRECTORY]
#                           [--tests NAMES]
#   --release NAME       bookworm or trixie; both without it
#   --user NAME          root, or guest, who may use sudo; both without it
#   --without-terminals  leave out /dev/pts
#   --tests NAMES        only these of the suite, such as "spec/wire e2e/proxy", and no demo: what depends on libcurl
#                        and OpenSSL, say, with those of both releases
#   --keep DIRECTORY     where roots and logs are kept, and bare roots are found again
#
# The last line is "N passed, N failed", counted in commands.
set -eu

PACKAGES=git,make,sudo,ca-certificates
releases='' users='' terminals=yes work='' tests=''
passed=0 failed=0

usage() {
  sed -n 's/^# \{0,1\}//; /^Usage/,/found again/p' "$0" >&2
  exit 64
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
    --release) releases="$releases ${2:?--release needs a name}" && shift ;;
    --user) users="$users ${2:?--user needs a name}" && shift ;;
    --without-terminals) terminals=no ;;
    --tests) tests=${2:?--tests needs names} && shift ;;
    --keep) work=${2:?--keep needs a directory} && shift ;;
    *) usage ;;
    esac
    shift
  done
  : "${releases:=bookworm trixie}" "${users:=root guest}"
}

# {====== roots ======

# Where this machine gets Debian from.
mirror() {
  # shellcheck disable=SC2016 # the words of apt
  apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1
}

# The settings of apt on this machine that the network or the clock may make necessary, one a line.
apt_settings() {
  apt-config dump | grep -E '^Acquire::(https?::Proxy|Check)'
}

build_bare_root() { # RELEASE
  [ ! -e "$work/$1/etc/debian_version" ] || return 0
  apt_settings >"$work/apt.conf" || :
  mmdebstrap --quiet --variant=minbase --include="$PACKAGES" --aptopt="$work/apt.conf" "$1" "$work/$1.$$" "$(mirror)"
  mv -T "$work/$1.$$" "$work/$1" 2>/dev/null || rm -rf "$work/$1.$$" # another run was faster
}

copy_root() { # RELEASE ROOT
  rm -rf "$2"
  cp -a "$work/$1" "$2"
  cp /etc/resolv.conf /etc/hosts "$2/etc/"
  cp "$work/project" "$work/session" "$2/tmp/"
  chmod 644 "$2/tmp/project" "$2/tmp/session"
  chroot "$2" useradd --create-home --shell /bin/sh guest
  echo 'guest ALL=(ALL) NOPASSWD: ALL' >"$2/etc/sudoers.d/guest"
}

# }======

# {====== the two commands ======

# What somebody does who has just heard of the project. $1: a command of the README.
write_session() {
  cat >"$work/session" <<'END'
umask 077
cd
[ -d "any reach" ] || git clone --quiet /tmp/project "any reach"
cd "any reach"
exec make "$1" TESTS="$2"
END
}

# $1: root; $2: whether there are terminals; $3: user; $4: target; $5: tests. In namespaces of its own: what is mounted and
# what is left running ends with it.
# shellcheck disable=SC2016 # expanded inside
INSIDE='
mount --bind "$1" "$1" && cd "$1"
mount -t proc proc proc && mount -t tmpfs tmpfs dev/shm
[ "$2" = no ] || mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
home=/home/$3; [ "$3" != root ] || home=/root
exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C HOME="$home" USER="$3" \
  chroot --userspec="$3:$3" --groups="$3" . sh /tmp/session "$4" "$5"
'

run_inside() { # ROOT USER TARGET
  unshare --mount --pid --fork --kill-child sh -ec "$INSIDE" sh "$1" "$terminals" "$2" "$3" "$tests" </dev/null
}

run_command() { # RELEASE USER TARGET
  log=$work/$1-$2-$3.log
  began=$(date +%s)
  code=0
  run_inside "$work/$1-$2" "$2" "$3" >"$log" 2>&1 || code=$?
  seconds=$(($(date +%s) - began))
  if [ "$code" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-9s %-6s make %-5s %4d s  exit code %d  %s\n' "$1" "$2" "$3" "$seconds" "$code" "$(tail -n 1 "$log")"
  [ "$code" -eq 0 ] || grep -E '^  \||FAILED' "$log" | head -n 100 || :
}

run_commands() { # RELEASE USER
  copy_root "$1" "$work/$1-$2"
  [ -n "$tests" ] || run_command "$1" "$2" demo
  run_command "$1" "$2" test
  [ "$kept" = yes ] || rm -rf "$work/$1-$2"
}

# }======

read_options "$@"
kept=yes
if [ -z "$work" ]; then
  kept=no work=$(mktemp -d "${TMPDIR:-/tmp}/anyreach-fresh.XXXXXX")
  trap 'rm -rf --one-file-system "$work"' EXIT
fi
mkdir -p "$work"
work=$(cd "$work" && pwd)
git -C "$(dirname "$0")" bundle create --quiet "$work/project.$$" HEAD
mv "$work/project.$$" "$work/project"
write_session
for release in $releases; do
  build_bare_root "$release"
  for user in $users; do run_commands "$release" "$user"; done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
