"""`python -m tests.support.cage CAGE WORDS…`: a command under what the unit's lines in the file CAGE leave it.

It does what systemd does with these lines, by the same means of the kernel: mounts of its own, another user without any
capability, and a filter of system calls. A call that the filter refuses fails as it would there, and is written down:
the listener of the filter (seccomp_unotify(2)) is a process beside it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import stat
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from tests.support.refused import Filter, watch

CLONE_NEWNS = 0x20000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
CAPABILITIES = 64
KERNEL_TUNED = ("sys", "sysrq-trigger", "acpi", "fs", "irq")
KERNEL_HIDDEN = ("/proc/kcore", "/proc/kallsyms", "/proc/kmsg", "/usr/lib/modules", "/lib/modules")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


@dataclass(frozen=True, kw_only=True)
class Cage:
    """What a unit leaves. `shown` are places that a private /tmp or a hidden home would take away and that the program
    needs here: its own code, the plan. `refused` is the file that takes what the filter refused."""

    refused: str
    account: str
    number: int
    home: str
    state: str
    shown: tuple[str, ...]
    program: str
    calls: tuple[str, ...]
    known: tuple[str, ...]
    families: tuple[str, ...]
    tasks: int
    environment: dict[str, str]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Cage:
        return msgspec.json.decode(path.read_bytes(), type=cls)


_libc = ctypes.CDLL(None, use_errno=True)


def _must(done: int, what: str) -> None:
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _mount(source: str, target: Path | str, kind: str = "", flags: int = 0, options: str = "") -> None:
    words = (source.encode(), str(target).encode(), kind.encode() or None, flags, options.encode() or None)
    _must(_libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[4]), f"mount {kind} {target}")


def _bind(source: Path | str, target: Path | str, *, writable: bool) -> None:
    _mount(str(source), target, flags=MS_BIND | MS_REC)
    _mount("none", target, flags=MS_REMOUNT | MS_BIND | (0 if writable else MS_RDONLY))


def _empty(place: Path | str, mode: str = "0755") -> None:
    _mount("tmpfs", place, "tmpfs", MS_NOSUID, f"mode={mode}")


def _read_only_everything() -> None:
    """ProtectSystem=strict: every mount but those of the kernel."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split()[4].encode().decode("unicode_escape")
        if not place.startswith(("/proc", "/sys", "/dev")):
            _mount("none", place, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)


def _stage(cage: Cage, stage: Path) -> dict[str, Path]:
    """What is to be shown again, bound aside before it is hidden."""
    _empty(stage)
    places: dict[str, Path] = {}
    for number, place in enumerate((*cage.shown, cage.state)):
        places[place] = stage / str(number)
        if Path(place).is_dir():
            places[place].mkdir()
        else:
            places[place].touch()
        _bind(place, places[place], writable=place == cage.state)
    for name in DEVICES:
        (stage / name).touch()
        _bind(f"/dev/{name}", stage / name, writable=True)
    return places


def _show(source: Path, place: str, *, writable: bool) -> None:
    target = Path(place)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    if source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _bind(source, target, writable=writable)


def _mounts(cage: Cage) -> None:
    """ProtectSystem=strict, ProtectHome=, PrivateTmp=, PrivateDevices=, StateDirectory=, ProtectProc=invisible,
    ProtectKernel…=, ProtectControlGroups=."""
    _must(_libc.unshare(CLONE_NEWNS), "unshare")
    _mount("none", "/", flags=MS_REC | MS_PRIVATE)
    stage = Path("/mnt")
    _read_only_everything()
    places = _stage(cage, stage)
    hidden = [place for place in ("/home", "/root", "/run/user", "/opt", "/var/lib") if Path(place).is_dir()]
    for place in hidden:
        _empty(place)
    for place in ("/tmp", "/var/tmp"):
        _empty(place, "1777")
    for place, source in places.items():
        _show(source, cage.home if place == cage.state else place, writable=place == cage.state)
    Path("/opt/intendance").symlink_to(cage.program)
    _accounts(cage, stage)
    _devices(stage)
    for place in hidden:
        _mount("none", place, flags=MS_REMOUNT | MS_RDONLY)
    _kernel(stage)
    _must(_libc.umount2(str(stage).encode(), 2), "umount")  # lazily: what was bound from it stays


def _accounts(cage: Cage, stage: Path) -> None:
    """The account that systemd-sysusers makes."""
    lines = {
        "passwd": f"{cage.account}:x:{cage.number}:{cage.number}:Intendance:{cage.home}:/usr/sbin/nologin\n",
        "group": f"{cage.account}:x:{cage.number}:\n",
    }
    for name, line in lines.items():
        (stage / f"etc-{name}").write_text(Path("/etc", name).read_text() + line)
        _bind(stage / f"etc-{name}", f"/etc/{name}", writable=False)


def _devices(stage: Path) -> None:
    fresh = stage / "dev"
    fresh.mkdir()
    _empty(fresh)
    for name in DEVICES:
        (fresh / name).touch()
        _bind(stage / name, fresh / name, writable=True)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (fresh / name).symlink_to(f"/proc/self/{target}")
    (fresh / "shm").mkdir()
    _empty(fresh / "shm", "1777")
    _bind(fresh, "/dev", writable=True)
    _mount("none", "/dev", flags=MS_REMOUNT | MS_BIND | MS_RDONLY)


def _kernel(stage: Path) -> None:
    nothing = stage / "nothing"
    nothing.mkdir(mode=0)
    (stage / "no-file").touch(mode=0)
    _mount("proc", "/proc", "proc", 0, "hidepid=invisible")
    for name in KERNEL_TUNED:
        if Path("/proc", name).exists():
            _bind(f"/proc/{name}", f"/proc/{name}", writable=False)
    for place in KERNEL_HIDDEN:
        if Path(place).exists() and not Path(place).is_symlink():
            _bind(nothing if Path(place).is_dir() else stage / "no-file", place, writable=False)
    _bind("/sys", "/sys", writable=False)


def _become(cage: Cage) -> None:
    """User=, Group=, CapabilityBoundingSet= (empty), NoNewPrivileges=, TasksMax=, UMask=."""
    for number in range(CAPABILITIES):
        if _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0:
            break  # the kernel knows no more
    resource.setrlimit(resource.RLIMIT_NPROC, (cage.tasks, cage.tasks))
    os.setgroups([])
    os.setresgid(cage.number, cage.number, cage.number)
    os.setresuid(cage.number, cage.number, cage.number)
    _must(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    os.umask(0o077)
    os.chdir("/")


def _own(cage: Cage) -> None:
    """StateDirectory= gives the folder to the user."""
    os.chown(cage.state, cage.number, cage.number)
    Path(cage.state).chmod(stat.S_IRWXU)


def main(file: str, *words: str) -> None:
    """Become the command."""
    cage = Cage.read(Path(file))
    filtered = Filter(cage.calls, cage.families)
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        watch(theirs, Path(cage.refused), frozenset(cage.known))
        os._exit(0)
    theirs.close()
    _own(cage)
    _mounts(cage)
    _become(cage)
    listener = filtered.load()
    socket.send_fds(ours, [b"x"], [listener])
    os.close(listener)
    ours.close()
    os.execve(words[0], list(words), cage.environment)


if __name__ == "__main__":
    main(*sys.argv[1:])
