# Locks a program in: `unshare … -- sh sandbox.sh ROOT FOLDER UID NAME READABLE… -- NAME=VALUE… -- PROGRAM ARGUMENT…`.
# Run in namespaces of its own. What is not named here does not exist for the program: no home, no key, no state, no
# store. Only FOLDER can be written to, and nothing in it can be executed or acts as a device.
set -eu
root=$1 folder=$2 uid=$3 name=$4
shift 4

# lock PATH FLAGS: forbid more than the mount it came from did; what that already forbids has to be named again.
lock() {
  had=$(findmnt -n -o VFS-OPTIONS -M "$root$1" | tail -n 1 | sed 's/^r[wo],\{0,1\}//')
  mount -o "remount,bind,$2,nosuid,nodev${had:+,$had}" "$root$1"
}

# show PATH: let the program read it.
show() {
  mkdir -p "$root$1"
  mount --rbind "$1" "$root$1"
  lock "$1" ro
}

mount --make-rprivate /
mount -t tmpfs -o mode=755,size=4m,nosuid,nodev sandbox "$root"
mkdir "$root/etc" "$root/dev" "$root/proc" "$root/none" "$root/old"
show /usr
for place in /bin /sbin /lib /lib32 /lib64 /libx32; do
  if [ -L "$place" ]; then
    ln -s "$(readlink "$place")" "$root$place"
  elif [ -d "$place" ]; then
    show "$place"
  fi
done
for place in /etc/ld.so.cache /etc/ld.so.conf /etc/localtime; do
  [ ! -f "$place" ] || cp -L "$place" "$root$place"
done
for place in /etc/ld.so.conf.d /etc/alternatives; do
  [ ! -d "$place" ] || show "$place"
done
printf '%s:x:%d:%d::/none:/bin/false\n' "$name" "$uid" "$uid" >"$root/etc/passwd"
printf '%s:x:%d:\n' "$name" "$uid" >"$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files\n' >"$root/etc/nsswitch.conf"
printf '127.0.0.1 localhost %s\n' "$(uname -n)" >"$root/etc/hosts"
for device in null zero full random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
while [ "$1" != -- ]; do
  show "$1"
  shift
done
shift
mkdir -p "$root$folder"
mount --bind "$folder" "$root$folder"
lock "$folder" rw,noexec
# A container that hides parts of /proc allows no new one: the program then has none.
mount -t proc -o nosuid,nodev,noexec proc "$root/proc" 2>/dev/null || :
mount -o remount,ro,nosuid,nodev sandbox "$root"
cd "$root"
pivot_root . old
cd /
umount -l /old
cd "$folder"
environment="PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
if [ "$uid" -eq 0 ]; then
  exec env -i "$environment" setpriv --no-new-privs --inh-caps=-all --bounding-set=-all --pdeathsig KILL -- env "$@"
fi
exec env -i "$environment" setpriv "--reuid=$uid" "--regid=$uid" --clear-groups --no-new-privs --inh-caps=-all \
  --bounding-set=-all --pdeathsig KILL -- env "$@"
