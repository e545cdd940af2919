"""GNU tar: its arguments, and what it says, understood. Pure.

Messages are those of GNU tar 1.34 under LC_ALL=C with `--quoting-style=c`, where a name stands in double quotes with
escapes, so that no name can look like a message.
"""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import field

from intendance.model.frozen import dataclass

_BLOCKS = 64  # 32 KiB a write: tar's own 10 KiB cost it a tenth of its time in system calls
COMMON = ("--numeric-owner", "--acls", "--xattrs", "--quoting-style=c")
READING = (
    "--sparse",
    "--one-file-system",
    "--no-check-device",
    "--totals",
    "-vv",
    "--warning=no-new-dir",
    f"--blocking-factor={_BLOCKS}",
)

_SAID = re.compile(rb'^(?:/\S*/)?tar: (?:Warning: )?"(?P<name>(?:[^"\\]|\\.)*)": (?P<what>.*?)\n?\Z', re.DOTALL)
_TOTAL = re.compile(rb"^Total bytes written: (\d+)")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}

KEPT_NAMES = 10_000


def create(folder: str, index: str, *selection: str) -> tuple[str, ...]:
    """tar that writes an archive of `folder` to standard output and its listing into the file `index`."""
    listing = f"--index-file={index}"
    return ("tar", "--create", "--file=-", f"--directory={folder}", *COMMON, *READING, listing, *selection)


def extract(folder: str, *, incremental: bool) -> tuple[str, ...]:
    """tar that extracts standard input into `folder`; an incremental archive would delete strangers there (trap 1)."""
    # Without `--xattrs-include` only attributes named user.* come back.
    mode = ("--listed-incremental=/dev/null",) if incremental else ()
    return (
        "tar", "--extract", "--file=-", f"--directory={folder}", *COMMON, "--xattrs-include=*",
        "--preserve-permissions", "--warning=no-timestamp", *mode,
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Said:
    """What one run of tar reported, name by name (bytes, as in the file system), at most 10,000 of each kind."""

    changed: list[bytes] = field(default_factory=list)
    vanished: list[bytes] = field(default_factory=list)
    mounts: list[bytes] = field(default_factory=list)
    moved: list[bytes] = field(default_factory=list)
    errors: list[tuple[bytes, str]] = field(default_factory=list)
    sockets: int = 0
    archive_bytes: int = 0
    more_changed: int = 0

    def hear(self, line: bytes) -> None:
        """Take in one line of stderr."""
        total = _TOTAL.match(line)
        if total:
            self.archive_bytes = int(total[1])
            return
        said = _SAID.match(line)
        if said is None:
            _, _, what = line.decode(errors="replace").partition("tar: ")
            if what and not what.startswith("Exiting with failure status"):
                self._error(b"", what.strip())
            return
        self._sort(unquoted(said["name"]), said["what"].decode(errors="replace"))

    def _sort(self, name: bytes, what: str) -> None:
        if what == "file changed as we read it" or what.startswith("File shrank by"):
            if name not in self.changed[-1:]:
                self._changed(name)
        elif what == "File removed before we read it" or what == "Cannot stat: No such file or directory":
            self.vanished.append(name)
        elif what == "socket ignored":
            self.sockets += 1
        elif what.endswith("is on a different filesystem; not dumped"):
            self.mounts.append(name)
        elif what.startswith("Directory has been renamed from "):
            self.moved.append(name)
        elif what == "Directory has been renamed":  # another folder of that name: it is read whole
            return
        elif not what.startswith("Warning: "):
            self._error(name, what)

    def _changed(self, name: bytes) -> None:
        if len(self.changed) < KEPT_NAMES:
            self.changed.append(name)
        else:
            self.more_changed += 1

    def _error(self, name: bytes, what: str) -> None:
        if len(self.errors) < KEPT_NAMES:
            self.errors.append((name, what))


@dataclass(slots=True, kw_only=True)
class Listing:
    """What an archive holds, by its own listing. `bytes` is the size of the files, holes included.

    `others` are devices and pipes, `devices` those among them; `setuid` counts files that set a user or group.
    `named` are the regular files whose names end as asked, at most 10,000, as bytes from the tree's folder on.
    """

    directories: int = 0
    files: int = 0
    hard_links: int = 0
    symlinks: int = 0
    others: int = 0
    devices: int = 0
    setuid: int = 0
    named: list[bytes] = field(default_factory=list)
    bytes: int = 0

    def details(self) -> dict[str, int]:
        """For the manifest."""
        return {
            "directories": self.directories, "files": self.files, "hard_links": self.hard_links,
            "symlinks": self.symlinks, "others": self.others, "bytes": self.bytes, "devices": self.devices,
            "setuid": self.setuid,
        }  # fmt: skip


def read_listing(lines: Iterable[bytes], endings: tuple[str, ...] = ()) -> Listing:
    """Count the lines of a listing made with -vv: type and mode, owner, size or device number, time, name."""
    listing = Listing()
    wanted = tuple(b'%s"\n' % ending.encode() for ending in endings)
    for line in lines:
        kind = line[:1]
        if kind == b"-":
            listing.files += 1
            listing.setuid += b"s" in line[:10].lower()
            listing.bytes += int(line.split(maxsplit=3)[2])
            if wanted and line.endswith(wanted) and len(listing.named) < KEPT_NAMES:
                listing.named.append(unquoted(line[line.index(b'"') + 1 : -2]))
        elif kind == b"d":
            listing.directories += 1
        elif kind == b"h":
            listing.hard_links += 1
        elif kind == b"l":
            listing.symlinks += 1
        elif kind in (b"c", b"b", b"p"):
            listing.others += 1
            listing.devices += kind != b"p"
    return listing


def unquoted(name: bytes) -> bytes:
    """A name as it is, from between the double quotes of `--quoting-style=c`."""

    def plain(found: re.Match[bytes]) -> bytes:
        escape = found[1]
        if len(escape) == 3:
            return bytes((int(escape, 8) & 255,))
        return _ESCAPES.get(escape, escape)

    return _ESCAPE.sub(plain, name)


_REASONS = frozenset(os.strerror(number) for number in errno.errorcode)
_NAMELESS = frozenset(
    {"Unexpected EOF in archive", "This does not look like a tar archive", "Skipping to next header"}
)  # what tar says of an archive as a whole
_QUOTED = re.compile("[\"'].*[\"']", re.DOTALL)


def reasons(errors: Iterable[tuple[bytes, str]]) -> str:
    """What went wrong, and how often, without any name: for records and logs."""
    counts = Counter(_reason(name, what) for name, what in errors)
    return "; ".join(f"{what}: {count}" if count > 1 else what for what, count in counts.most_common())


def _reason(name: bytes, what: str) -> str:
    if name:  # a second name in it stands in quotes
        return _QUOTED.sub("…", what)
    last = what.rpartition(": ")[2]
    return last if last in _REASONS or last in _NAMELESS else "tar complained"


def complaints(errors: Iterable[tuple[bytes, str]]) -> list[str]:
    """The same with all names, for people at the machine."""
    return [f"  {shown(name)}: {what}" if name else f"  {what}" for name, what in errors]


def shown(name: bytes) -> str:
    """A name for people and for the manifest: what is not text is escaped."""
    text = name.decode("utf-8", errors="backslashreplace").removeprefix("./") or "."
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
