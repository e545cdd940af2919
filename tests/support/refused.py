"""A filter of system calls as systemd sets it, and the process that writes down what it refuses."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000
NOT_EQUAL, LESS, EQUAL, MASKED_EQUAL = 1, 2, 4, 7
NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWTIME and the other seven, as in `namespaces(7)`."""
SET_ID = 0o6000
AS_THEY_ARE = (
    "clone",
    "unshare",
    "setns",
    "chmod",
    "fchmod",
    "fchmodat",
    "socket",
    "sched_setscheduler",
    "personality",
)
"""Calls whose arguments other lines look at: RestrictNamespaces=, RestrictSUIDSGID=, RestrictAddressFamilies=,
RestrictRealtime=, LockPersonality=."""
UNSEEN = ("clone3", "openat2", "fchmodat2")
"""Their arguments lie in memory: systemd says that they do not exist."""


class Compared(ctypes.Structure):
    """libseccomp's scmp_arg_cmp."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


class Data(ctypes.Structure):
    """The kernel's seccomp_data."""

    _fields_ = (("nr", ctypes.c_int), ("arch", ctypes.c_uint32), ("at", ctypes.c_uint64), ("args", ctypes.c_uint64 * 6))


class Asked(ctypes.Structure):
    """The kernel's seccomp_notif."""

    _fields_ = (("id", ctypes.c_uint64), ("pid", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("data", Data))


class Answered(ctypes.Structure):
    """The kernel's seccomp_notif_resp."""

    _fields_ = (("id", ctypes.c_uint64), ("val", ctypes.c_int64), ("error", ctypes.c_int32), ("flags", ctypes.c_uint32))


@cache
def _library() -> ctypes.CDLL:
    found = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_syscall_resolve_num_arch.restype = ctypes.c_void_p
    return found


def name_of(number: int) -> str:
    """The name of a system call of this machine; empty if the library knows none."""
    pointer = _library().seccomp_syscall_resolve_num_arch(_library().seccomp_arch_native(), number)
    if not pointer:
        return ""
    name = ctypes.cast(pointer, ctypes.c_char_p).value or b""
    ctypes.CDLL(None).free(ctypes.c_void_p(pointer))
    return name.decode()


class Filter:
    """Built first, loaded last: from then on what is not allowed waits for the listener's word."""

    def __init__(self, calls: Sequence[str], families: Sequence[str]) -> None:
        self._library = _library()
        self._context = ctypes.c_void_p(self._library.seccomp_init(NOTIFY))
        for name in calls:
            if name not in AS_THEY_ARE and name not in UNSEEN:
                self._allow(name)
        self._allow("clone", (0, MASKED_EQUAL, NEW_NAMESPACES, 0))
        self._allow("unshare", (0, MASKED_EQUAL, NEW_NAMESPACES, 0))
        for name, argument in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2)):
            self._allow(name, (argument, MASKED_EQUAL, SET_ID, 0))
        for family in families:
            self._allow("socket", (0, EQUAL, int(getattr(socket, family)), 0))
        for policy in (os.SCHED_OTHER, os.SCHED_BATCH, os.SCHED_IDLE):
            self._allow("sched_setscheduler", (1, EQUAL, policy, 0))
        for persona in (0, 0xFFFFFFFF):
            self._allow("personality", (0, EQUAL, persona, 0))

    def _allow(self, name: str, *compared: tuple[int, int, int, int]) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # of another architecture
        array = (Compared * max(len(compared), 1))(*(Compared(*each) for each in compared))
        done = self._library.seccomp_rule_add_array(self._context, ctypes.c_uint32(ALLOW), number, len(compared), array)
        assert done in {0, -errno.EINVAL, -errno.EEXIST}, (name, done)

    def load(self) -> int:
        """From here on; the descriptor of the listener."""
        done = self._library.seccomp_load(self._context)
        assert done == 0, os.strerror(-done)
        return int(self._library.seccomp_notify_fd(self._context))


def watch(hand: socket.socket, file: Path, known: frozenset[str]) -> None:
    """Answer for the filter until nobody lives under it, and write down what was refused."""
    name_of(0)  # the library is there before anybody waits
    _, descriptors, _, _ = socket.recv_fds(hand, 1, 1)
    hand.close()
    if not descriptors:
        return  # it did not come so far
    library, listener = _library(), descriptors[0]
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    with file.open("a", buffering=1) as written:
        while all(event & select.POLLIN for _, event in poll.poll()):
            asked, answer = Asked(), Answered()
            if library.seccomp_notify_receive(listener, ctypes.byref(asked)) < 0:
                continue  # who asked was killed meanwhile
            name = name_of(asked.data.nr)
            error = _refusal(name, known)
            if error != errno.ENOSYS:
                words = " ".join(hex(each) for each in asked.data.args)
                written.write(f"{name}({words}) of process {asked.pid} {_program(asked.pid)}\n")
            answer.id, answer.error = asked.id, -error
            library.seccomp_notify_respond(listener, ctypes.byref(answer))


def _refusal(name: str, known: frozenset[str]) -> int:
    """What systemd's filter answers; a call that is younger than systemd does not exist, as on an older kernel."""
    if name in UNSEEN or name not in known:
        return errno.ENOSYS
    return errno.EAFNOSUPPORT if name == "socket" else errno.EPERM


def _program(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "that is gone"
    return " ".join(" ".join(words).split())[:200]
