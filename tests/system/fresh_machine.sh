#!/usr/bin/env bash
# The README's commands on a fresh Debian: a debootstrap folder, a clone, chroot, nothing else. Root; minutes; by hand.
#
#   tests/system/fresh_machine.sh                  ./dev run --once, then ./dev test
#   tests/system/fresh_machine.sh check            ./dev check alone; also: run, test, "sh -- CMD"
#
# What the machine is told about its surroundings is copied in: apt sources, pip settings, certificates, name resolution.
# FRESH_BASE=DIR keeps the bare Debian there and uses it again; FRESH_COPY="DIR…" copies more folders (a local wheel house).
# FRESH_PERSON=1 tries as an ordinary user, on a machine whose root installed Python, gnupg and zstd and nothing more;
# `run --once` then ends with 5, for no database is under the plan.
# It runs in its own mount and process namespaces: nothing is left mounted or running, whatever happens.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ "$(id -u)" -eq 0 ] || { echo "fresh_machine.sh: only root can debootstrap and chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "fresh_machine.sh: apt-get install debootstrap" >&2; exit 1; }
if [ -z "${FRESH_INSIDE:-}" ]; then
  FRESH_INSIDE=$(mktemp -d /tmp/fresh.XXXXXX)
  export FRESH_INSIDE
  trap 'rm -rf --one-file-system "$FRESH_INSIDE"' EXIT
  code=0
  unshare --mount --pid --fork --kill-child "$here/tests/system/fresh_machine.sh" "$@" || code=$?
  exit "$code"
fi
machine=$FRESH_INSIDE/root
say() { printf '\n══ %s\n' "$*" >&2; }

bare_debian() {
  local base=${FRESH_BASE:-$FRESH_INSIDE/base} mirror
  if [ ! -e "$base/etc/debian_version" ]; then
    # shellcheck disable=SC2016 # apt's own variable
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 'Created-By: Packages' | head -n1)
    say "debootstrap"
    debootstrap --variant=minbase bookworm "$base" "$mirror" >"$FRESH_INSIDE/debootstrap.log"
  fi
  cp -a "$base" "$machine"
}

copy_in() { # a file or folder to the same place inside
  local path
  for path in "$@"; do
    [ ! -e "$path" ] || { mkdir -p "$machine$(dirname "$path")" && cp -aL "$path" "$machine$(dirname "$path")/"; }
  done
}

tell_surroundings() {
  rm -f "$machine/etc/apt/sources.list"
  copy_in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources /etc/apt/auth.conf /etc/apt/auth.conf.d
  copy_in /etc/resolv.conf /etc/hosts /usr/local/share/ca-certificates /etc/ssl/certs
  copy_in /etc/pip.conf "$HOME/.pip" "$HOME/.config/pip"
  [ "$HOME" = /root ] || copy_in "$HOME"/.config/uv
  local more
  read -ra more <<<"${FRESH_COPY:-}"
  copy_in "${more[@]}"
  git clone -q --no-local "$here" "$machine/srv/intendance"
  mount -t proc proc "$machine/proc"
  mount --rbind /dev "$machine/dev"
}

inside() {
  local settings=(HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
  local name
  for name in $(compgen -e); do
    case $name in
      PIP_* | SSL_CERT_* | *_proxy | *_PROXY | CI) settings+=("$name=${!name}") ;;
    esac
  done
  chroot "$machine" env -i "${settings[@]}" "${as_person[@]}" bash -c "cd /srv/intendance && $1"
}

become_a_person() {
  inside "apt-get -q update && apt-get -q -y install --no-install-recommends python3 python3-venv gnupg zstd" >/dev/null
  chown -R 1000:1000 "$machine/srv/intendance"
  mkdir -p "$machine/srv/home" && chown 1000:1000 "$machine/srv/home"
  as_person=(setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/srv/home)
}

strangers() { # processes that outlived the command: in this namespace there is this script and nobody else
  local process
  for process in "$machine"/proc/[0-9]*; do
    [ "$(readlink "$process/root" 2>/dev/null)" != "$machine" ] || tr '\0' ' ' <"$process/cmdline"
  done
}

try() {
  local began=$SECONDS left
  say "./dev $1"
  inside "./dev $1" || { say "./dev $1: exit $?"; return 1; }
  left=$(strangers)
  [ -z "$left" ] || { say "still running after ./dev $1: $left"; return 1; }
  say "./dev $1: right, in $((SECONDS - began)) s, nothing left running"
}

bare_debian
tell_surroundings
as_person=()
[ -z "${FRESH_PERSON:-}" ] || become_a_person
if [ $# -gt 0 ]; then
  try "$*"
else
  try "run --once"
  try test
fi
# no package of ours brought something that starts by itself
units=$(chroot "$machine" dpkg-query -L mariadb-server-core mariadb-client mariadb-backup 2>/dev/null | grep -E '/(init\.d|systemd/system)/.' || true)
[ -z "$units" ] || { say "these packages bring services: $units"; exit 1; }
