"""No name of a file is in what is said of a tree, whatever the names are and whatever tar says of them."""

from __future__ import annotations

import errno
import os

from hypothesis import given
from hypothesis import strategies as st

from intendance.engines.files import tar

TOKEN = "Wy7hKq"
"""What every name of these trees holds, and nothing else does."""
ODD = st.sampled_from(
    [b" ", b"'", b'"', b"\\", b"\n", b": ", b"\ntar: ", b"\xff", b"\xc3\xa9", b".db", b"]", b"\t", b"/"]
)
NAMES = st.lists(ODD, max_size=4).map(lambda odd: b"./" + TOKEN.encode().join([b"", *odd, b""]))
REASONS = [os.strerror(number) for number in (errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOSPC, errno.EPERM)]


def quoted(name: bytes) -> bytes:
    """A name as GNU tar writes it with --quoting-style=c."""
    plain = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n").replace(b"\t", b"\\t")
    return b'"' + plain.replace(b"\xff", b"\\377").replace(b"\xc3\xa9", b"\\303\\251") + b'"'


def sentences(name: bytes, other: bytes, reason: str) -> list[bytes]:
    """What GNU tar 1.34 says of names, quoted by its own rules or, of attributes and lists, not at all."""
    why = reason.encode()
    q = quoted(name)
    return [
        b"tar: %s: Cannot open: %s\n" % (q, why),
        b"tar: %s: Cannot stat: %s\n" % (q, why),
        b"tar: %s: Read error at byte 0, while reading 512 bytes: %s\n" % (q, why),
        b"tar: %s: Cannot hard link to %s: %s\n" % (q, quoted(other), why),
        b"tar: %s: Cannot create symlink to %s: %s\n" % (q, quoted(other), why),
        b"tar: setxattrat: Cannot set 'user.%s' extended attribute for file '%s': %s\n" % (TOKEN.encode(), name, why),
        b"tar: acl_set_file_at: Cannot set POSIX ACLs for file '%s': %s\n" % (name, why),
        b"tar: %s: %s\n" % (name, why),
        b"/usr/bin/tar: Warning: %s: Cannot llistxattr: %s\n" % (q, why),
    ]


@given(st.lists(st.tuples(NAMES, NAMES, st.sampled_from(REASONS), st.integers(0, 8)), min_size=1, max_size=6))
def test_reasons_hold_no_name(told: list[tuple[bytes, bytes, str, int]]) -> None:
    said = tar.Said()
    for name, other, reason, number in told:
        for line in sentences(name, other, reason)[number].splitlines(keepends=True):
            said.hear(line)
    reasons = tar.reasons(said.errors)
    assert TOKEN not in reasons, reasons
    assert "\n" not in reasons
    if any(number < 3 for *_, number in told):
        assert TOKEN in "".join(tar.complaints(said.errors))


@given(NAMES, st.sampled_from(REASONS))
def test_the_reason_stays(name: bytes, reason: str) -> None:
    said = tar.Said()
    for line in sentences(name, name, reason)[:2]:
        said.hear(line)
    assert tar.reasons(said.errors) == f"Cannot open: {reason}; Cannot stat: {reason}"
