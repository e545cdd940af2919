"""The program between an archive and tar in a drill: `python sift.py tar …`. It needs the standard library only.

It reads the archive on standard input and hands it on to that tar, without devices and without setuid or setgid bits
of files, and stops at what no backup of a tree holds: a name or a link that leads out of the tree, a file below a
symbolic link of the same archive. At its end it says on standard error, as one line of JSON, how much it left out.
Formats: POSIX ustar and pax, and GNU's long names and sparse files (`tar(5)`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import IO, NoReturn

BLOCK_BYTES = 512
HOSTILE = 3
_PIECE_BYTES = 1 << 18
_LONGEST_RECORDS_BYTES = 8 << 20
_DEVICES, _FILES, _LINK, _SYMLINK = b"34", b"0\0007S", b"1", b"2"
_RECORDS, _LONG_NAME, _LONG_LINK, _GLOBAL = b"xX", b"L", b"K", b"g"
_SETS_IDS = 0o6000


class Hostile(Exception):
    """What the archive holds that no backup of a tree holds."""


class Sieve:
    """Carries one archive from `source` to `target`."""

    def __init__(self, source: IO[bytes], target: IO[bytes]) -> None:
        self._source, self._target = source, target
        self._held: list[bytes] = []
        self._names: dict[str, bytes] = {}
        self._symlinks: set[bytes] = set()
        self.left_out = {"devices": 0, "setuid": 0}

    def run(self) -> None:
        """Everything up to the archive's end. Raises Hostile, BrokenPipeError when tar is gone."""
        while len(header := self._read(BLOCK_BYTES)) == BLOCK_BYTES and any(header):
            self._member(header)
        self._target.write(header)
        while piece := self._source.read(_PIECE_BYTES):
            self._target.write(piece)

    def _member(self, header: bytes) -> None:
        kind = header[156:157]
        size = self._size(header)
        if kind in _RECORDS or kind in (_LONG_NAME, _LONG_LINK, _GLOBAL):
            self._note(kind, header, size)
            return
        name = self._names.get("path") or _name(header)
        self._require_inside(name, "a name")
        if kind == _LINK:
            self._require_inside(self._names.get("linkpath") or _text(header[157:257]), "a link")
        if kind in _DEVICES:
            self.left_out["devices"] += 1
            self._forget()
            return
        if kind == _SYMLINK:
            self._symlinks.add(_plain(name))
        else:
            self._symlinks.discard(_plain(name))
        if kind in _FILES:
            header = self._tamed(header)
        extension = self._extension(header, kind)
        self._target.write(b"".join(self._held) + header + extension)
        self._forget()
        self._carry(-(-size // BLOCK_BYTES) * BLOCK_BYTES)

    def _note(self, kind: bytes, header: bytes, size: int) -> None:
        """Records about the member that follows; held back until it is known whether that goes on."""
        if size > _LONGEST_RECORDS_BYTES:
            raise Hostile("a name of more than 8 MiB")
        content = self._read(-(-size // BLOCK_BYTES) * BLOCK_BYTES)
        self._held.append(header + content)
        if kind == _LONG_NAME:
            self._names["path"] = _text(content[:size])
        elif kind == _LONG_LINK:
            self._names["linkpath"] = _text(content[:size])
        else:
            found = _records(content[:size])
            if kind == _GLOBAL and found.keys() & {"path", "linkpath", "size"}:
                raise Hostile("one name for all that follows")
            self._names |= found if kind != _GLOBAL else {}

    def _size(self, header: bytes) -> int:
        if "size" in self._names and header[156:157] not in (_LONG_NAME, _LONG_LINK):
            return int(self._names["size"])
        if header[156:157] in b"123456":  # these have no content, whatever they say
            return 0
        return _number(header[124:136])

    def _extension(self, header: bytes, kind: bytes) -> bytes:
        """The further blocks of an old sparse file's map."""
        if kind != b"S" or not header[482]:
            return b""
        blocks = [self._read(BLOCK_BYTES)]
        while blocks[-1][504:505] not in (b"", b"\0"):
            blocks.append(self._read(BLOCK_BYTES))
        return b"".join(blocks)

    def _tamed(self, header: bytes) -> bytes:
        mode = _number(header[100:108])
        if not mode & _SETS_IDS:
            return header
        self.left_out["setuid"] += 1
        changed = bytearray(header)
        changed[100:108] = b"%07o\0" % (mode & ~_SETS_IDS & 0o7777)
        changed[148:156] = b" " * 8
        changed[148:156] = b"%06o\0 " % sum(changed)
        return bytes(changed)

    def _require_inside(self, name: bytes, what: str) -> None:
        parts = name.split(b"/")
        if name.startswith(b"/"):
            raise Hostile(f"{what} that begins at the root of the system")
        if b".." in parts:
            raise Hostile(f"{what} with `..` in it")
        parts = _plain(name).split(b"/")
        if any(b"/".join(parts[:length]) in self._symlinks for length in range(1, len(parts))):
            raise Hostile(f"{what} that goes through a symbolic link of the archive")

    def _forget(self) -> None:
        self._held, self._names = [], {}

    def _carry(self, count: int) -> None:
        while count:
            piece = self._source.read(min(count, _PIECE_BYTES))
            if not piece:
                return  # tar says so
            self._target.write(piece)
            count -= len(piece)

    def _read(self, count: int) -> bytes:
        return self._source.read(count)


def _name(header: bytes) -> bytes:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _plain(name: bytes) -> bytes:
    return b"/".join(part for part in name.split(b"/") if part not in (b"", b"."))


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _number(field: bytes) -> int:
    """A field in octal digits, or in base 256 when its first bit is set."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ~(0x80 << 8 * (len(field) - 1))
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise Hostile("a header that is none") from None


def _records(content: bytes) -> dict[str, bytes]:
    """The records of a pax header that say which member follows, and how long it is."""
    found: dict[str, bytes] = {}
    while content:
        length, _, _ = content.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(content):
            raise Hostile("records that are none")
        record, content = content[: int(length)], content[int(length) :]
        key, _, value = record[len(length) + 1 : -1].partition(b"=")
        if key in (b"path", b"GNU.sparse.name"):
            found["path"] = value
        elif key == b"linkpath":
            found["linkpath"] = value
        elif key == b"size":
            if not value.isdigit():
                raise Hostile("records that are none")
            found["size"] = value
    return found


def main(argv: list[str]) -> NoReturn:
    """Run tar on what is let through, and end as it does."""
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, bufsize=_PIECE_BYTES)  # noqa: TID251 -- all of it ends with the sandbox
    assert child.stdin is not None  # noqa: S101 -- asked for above
    sieve = Sieve(sys.stdin.buffer, child.stdin)
    try:
        sieve.run()
        child.stdin.close()
    except BrokenPipeError:  # tar says why, or has met the archive's end
        while sys.stdin.buffer.read(_PIECE_BYTES):
            pass
    except Hostile as found:
        child.kill()
        child.wait()
        sys.stderr.write(json.dumps({"hostile": str(found)}) + "\n")
        sys.exit(HOSTILE)
    code = child.wait()
    sys.stderr.write(json.dumps({"left_out": sieve.left_out}) + "\n")
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main(sys.argv[1:])
