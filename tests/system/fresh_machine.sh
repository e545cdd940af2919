#!/usr/bin/env bash
# The README's commands on a fresh Debian: a debootstrap folder, a clone, chroot, nothing else. Root; minutes; by hand.
#
#   tests/system/fresh_machine.sh                  ./dev run --once, then ./dev test
#   tests/system/fresh_machine.sh check            ./dev check alone; also: run, test, "sh -- CMD"
#   tests/system/fresh_machine.sh first-green      docs/getting-started.md, timed: with WordPress, Apache and MariaDB
#   tests/system/fresh_machine.sh first-green nothing    the same on a machine with nothing
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
  # Not under /srv, where the inventory rightly looks for databases, and finds those of a checkout's tools.
  git clone -q --no-local "$here" "$machine/usr/src/intendance"
  mount --bind "$machine" "$machine" # so that it is a mount point, as the root of every machine
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
  chroot "$machine" env -i "${settings[@]}" "${as_person[@]}" bash -c "cd /usr/src/intendance && $1"
}

become_a_person() {
  inside "apt-get -q update && apt-get -q -y install --no-install-recommends python3 python3-venv gnupg zstd" >/dev/null
  chown -R 1000:1000 "$machine/usr/src/intendance"
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

site_of_debian() { # WordPress as its package's README tells to set it up; the database listens on its socket alone
  local socket=/run/mysqld/mysqld.sock
  inside "export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -q -y install apache2 mariadb-server wordpress" >"$FRESH_INSIDE/wordpress.log" 2>&1
  # shellcheck disable=SC2016 # for the shell inside
  inside 'mkdir -p /run/mysqld && chown mysql /run/mysqld && { setsid mariadbd --user=mysql --skip-networking >/var/log/mariadb.log 2>&1 & echo $! >/run/mariadb.pid; }
    for _ in $(seq 200); do mariadb-admin ping >/dev/null 2>&1 && break; sleep 0.2; done
    mariadb -e "CREATE DATABASE wordpress; GRANT ALL ON wordpress.* TO wordpress@localhost IDENTIFIED BY '"'fr3sh-machine'"'"
    printf "%s\n" "<?php" "define(\"DB_NAME\", \"wordpress\");" "define(\"DB_USER\", \"wordpress\");" "define(\"DB_PASSWORD\", \"fr3sh-machine\");" "define(\"DB_HOST\", \"localhost\");" "define(\"WP_CONTENT_DIR\", \"/var/lib/wordpress/wp-content\");" >/etc/wordpress/config-default.php
    printf "%s\n" "<VirtualHost *:80>" "ServerName blog.example.org" "DocumentRoot /usr/share/wordpress" "Alias /wp-content /var/lib/wordpress/wp-content" "</VirtualHost>" >/etc/apache2/sites-available/wp.conf
    ln -s ../sites-available/wp.conf /etc/apache2/sites-enabled/wp.conf
    cd /usr/share/wordpress && HTTP_HOST=blog.example.org php -r "\$_SERVER[\"HTTP_HOST\"]=\"blog.example.org\"; define(\"WP_INSTALLING\", true); require \"wp-load.php\"; require \"wp-admin/includes/upgrade.php\"; wp_install(\"Blog\", \"admin\", \"admin@example.org\", true, \"\", \"fr3sh-machine\");"'
  [ -S "$machine$socket" ] || { say "the database did not start"; return 1; }
}

first_green() { # the page's own commands, one after the other, each timed
  local began=$SECONDS command left
  # shellcheck disable=SC2016 # the marks of a code block
  local block='/^```sh$/,/^```$/{/^```/d;p}'
  while read -r command; do
    left=$SECONDS
    say "$command"
    inside "cd /root && ${command//\/path\/to\/this\/clone//usr/src/intendance}" || { say "exit $?"; return 1; }
    say "$((SECONDS - left)) s"
  done < <(sed -n "$block" "$machine/usr/src/intendance/docs/getting-started.md")
  say "from the first command to the verdict: $((SECONDS - began)) s"
  inside "cd /root && intendance status --json" >"$FRESH_INSIDE/status.json" || true
  inside "cat /etc/intendance/intendance.yaml" >&2
  python3 - "$FRESH_INSIDE/status.json" "$((SECONDS - began))" "$1" <<'PYTHON'
import json, sys
verdicts = [each for each in json.load(open(sys.argv[1]))["verdicts"] if each["performed"]]
states = {}
for each in verdicts:
    states.setdefault(each["state"], []).append(f"{each['rule']} {each['asset'] or ''}".strip())
print(states)
green = {each["rule"] for each in verdicts if each["state"] == "pass"}
wanted = {"ASBL_011", "ASBL_012"} | ({"ASBL_010"} if sys.argv[3] == "wordpress" else set())
sys.exit(0 if wanted <= green and "fail" not in states and int(sys.argv[2]) <= 300 else f"not green: {states}")
PYTHON
}

bare_debian
tell_surroundings
as_person=()
if [ "${1:-}" = first-green ]; then
  if [ "${2:-wordpress}" = wordpress ]; then site_of_debian; fi
  first_green "${2:-wordpress}"
  if [ -e "$machine/run/mariadb.pid" ]; then kill "$(cat "$machine/run/mariadb.pid")"; fi
  exit
fi
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
