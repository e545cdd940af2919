"""An auditor's bundle, read where it lies: a folder or an uncompressed tar, of which nothing is believed."""

from __future__ import annotations

import os
import re
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from intendance.ledger.report import Case, Report
from intendance.ledger.rows import Block, Row
from intendance.ledger.source import Unreadable
from intendance.ledger.tlog import TILE_WIDTH, Tile, parse_path, unbundle
from intendance.model.errors.ledger import BundleUnusable

SUMS = "SHA256SUMS"
LIMIT_FILE_BYTES = 64 * 2**20
"""Of files read whole; a bundle of 256 records has 16 MiB at most."""
LIMIT_FILES = 1_000_000
LOG = "ledger/"
WITNESSED = f"{LOG}witnessed/"
_PIECE_BYTES = 2**20
_SUM_LINE = re.compile(r"([0-9a-f]{64})  (\S+)", re.ASCII)


class Files(ABC):
    """The plain files of a bundle by name, and the names that are none of them.

    A name that is not listed is not opened: no name in a record or in SHA256SUMS leads out of the bundle.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.strange: list[str] = []

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """The bytes of a listed file."""

    def read(self, name: str) -> bytes | None:
        """A file's bytes, None when it is not there. Raises Unreadable."""
        if name not in self.sizes:
            return None
        self._refuse_large(name)
        with _reading(), self.open(name) as content:
            return content.read(LIMIT_FILE_BYTES)

    def digest(self, name: str) -> str:
        """A file's SHA-256 in hex. Raises Unreadable."""
        if not name.startswith("attachments/"):
            self._refuse_large(name)
        found = sha256()
        with _reading(), self.open(name) as content:
            while piece := content.read(_PIECE_BYTES):
                found.update(piece)
        return found.hexdigest()

    def _refuse_large(self, name: str) -> None:
        if self.sizes[name] > LIMIT_FILE_BYTES:
            raise Unreadable(f"{name!r} has {self.sizes[name]} bytes, at most {LIMIT_FILE_BYTES} are read")

    def _note(self, name: str, size: int) -> None:
        if name in self.sizes:
            raise Unreadable(f"{name!r} is in the bundle twice")
        if len(self.sizes) == LIMIT_FILES:
            raise Unreadable(f"the bundle holds more than {LIMIT_FILES} files")
        self.sizes[name] = size


class _Folder(Files):
    def __init__(self, place: Path) -> None:
        super().__init__()
        self._place = place
        for folder, folders, names in os.walk(place):
            for path in (Path(folder, name) for name in (*names, *folders)):
                name = path.relative_to(place).as_posix()
                if path.is_symlink() or not (path.is_file() or path.is_dir()):
                    self.strange.append(name)
                elif path.is_file():
                    self._note(name, path.stat().st_size)

    def open(self, name: str) -> BinaryIO:
        return (self._place / name).open("rb")


class _Archive(Files):
    def __init__(self, tar: tarfile.TarFile) -> None:
        super().__init__()
        self._tar = tar
        self._members: dict[str, tarfile.TarInfo] = {}
        for member in tar:
            if member.isdir():
                continue
            top, _, name = member.name.partition("/")
            if top in ("", "..") or {"", ".", ".."} & {*name.split("/")}:
                self.strange.append(member.name)
            elif member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
                self.strange.append(name)
            else:
                self._note(name, member.size)
                self._members[name] = member

    def open(self, name: str) -> BinaryIO:
        content = self._tar.extractfile(self._members[name])
        assert content is not None  # noqa: S101 -- only plain files are listed
        return content  # type: ignore[return-value]


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """A bundle's files. Raises BundleUnusable when there is nothing to read, Unreadable."""
    if path.is_dir():
        with _reading():
            files: Files = _Folder(path)
        yield files
        return
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115 -- closed below, where its other errors are told apart
    except (OSError, tarfile.TarError) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else "it is no uncompressed tar"
        raise BundleUnusable(path=path, detail=detail) from None
    with tar:
        with _reading():
            files = _Archive(tar)
        yield files


class FilesSource:
    """What a bundle's files hold beside records; `_damage` gathers what is wrong with their form."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._damage: list[str] = []

    @contextmanager
    def checking(self) -> Iterator[Callable[[], tuple[str, str]]]:
        yield lambda: ("bundle", "; ".join(dict.fromkeys(self._damage)))

    def checkpoint(self) -> bytes | None:
        return self.files.read(f"{LOG}checkpoint")

    def witnessed(self) -> list[bytes]:
        names = sorted(name for name in self.files.sizes if name.startswith(WITNESSED))
        return [self.files.read(name) or b"" for name in names]

    def present(self) -> list[tuple[str, Tile | None]]:
        names = [name.removeprefix(LOG) for name in self.files.sizes if name.startswith(f"{LOG}tile/")]
        return [(name, parse_path(name)) for name in names]

    def tile(self, tile: Tile) -> bytes | None:
        return self.files.read(LOG + tile.path)

    def attachment(self, sha256: str) -> bytes | None:
        return self.files.read(f"attachments/sha256/{sha256[:2]}/{sha256}")


class BundleSource(FilesSource):
    """The bundle's ledger for `verify`: the records are those of its entry files, in order."""

    @cached_property
    def _bundles(self) -> dict[int, Tile]:
        """The widest file of records of each place."""
        found: dict[int, Tile] = {}
        for _, tile in self.present():
            if tile is not None and tile.level is None and tile.width > found.get(tile.index, Tile(None, 0, 0)).width:
                found[tile.index] = tile
        return found

    @cached_property
    def _size(self) -> int:
        """The records up to the first file that is missing or not full; a name may promise any number beyond it."""
        size = index = 0
        while index in self._bundles and size == index * TILE_WIDTH:
            size += len(self._entries(index))
            index += 1
        return size

    def size(self) -> int:
        return self._size

    def rows(self, first: int, end: int) -> Iterator[Row]:
        for index in range(first // TILE_WIDTH, -(-min(end, self._size) // TILE_WIDTH)):
            for seq, content in enumerate(self._entries(index), index * TILE_WIDTH):
                if first <= seq < end:
                    yield row_of(seq, content)

    def _entries(self, index: int) -> list[bytes]:
        tile = self._bundles.get(index)
        if tile is None:
            return []
        entries, _ = unbundled(self.tile(tile) or b"")
        if len(entries) != tile.width:
            self._damage.append(f"{tile.path} holds {len(entries)} records, not {tile.width}")
        return entries[: tile.width]

    def blocks(self, first: int, end: int) -> Iterator[Block]:
        found = self.rows(first, end)
        while block := list(islice(found, TILE_WIDTH)):
            yield block


def check_files(files: Files, report: Report) -> None:
    """Compare every file with SHA256SUMS, which binds what nothing signs: texts, rules, the verifier itself.

    Raises Unreadable.
    """
    for name in files.strange:
        report.add(Case.FILE_UNKNOWN, repr(name), "it is not a plain file of a bundle; it was not read")
    apart = files.read("ledger.vkey")
    if apart is not None and report.key and apart.decode(errors="replace").strip() != report.key:
        report.add(Case.FILE_DIFFERS, "ledger.vkey", "it is not the key in record 0")
    content = files.read(SUMS)
    if content is None:
        report.add(Case.FILE_MISSING, SUMS, "the file is missing")
        return
    listed: dict[str, str] = {}
    for line in content.decode(errors="replace").splitlines():
        found = _SUM_LINE.fullmatch(line)
        if found is None:
            report.add(Case.SUMS_MALFORMED, SUMS, f"{line[:80]!r} is not a line of it")
        else:
            listed[found[2]] = found[1]
    for name, expected in listed.items():
        if name not in files.sizes:
            report.add(Case.FILE_MISSING, name, "the file is missing")
        elif files.digest(name) != expected:
            report.add(Case.FILE_DIFFERS, name, f"it is not the file that {SUMS} names")
    for name in sorted(files.sizes.keys() - listed.keys() - {SUMS}):
        report.add(Case.FILE_UNKNOWN, repr(name), f"{SUMS} does not name it")


def unbundled(content: bytes) -> tuple[list[bytes], bool]:
    """The entries up to where a bundle breaks off, and whether it ends with the last of them."""
    try:
        return unbundle(content), True
    except ValueError:
        at = 0
        while at + 2 <= len(content) and at + 2 + int.from_bytes(content[at : at + 2]) <= len(content):
            at += 2 + int.from_bytes(content[at : at + 2])
        return unbundle(content[:at]), False


def row_of(seq: int, content: bytes) -> Row:
    """A bundle has no columns beside its records: what a record says of itself stands for them."""
    try:
        value = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        value = None
    said = value if isinstance(value, dict) else {}
    kind, ts = (text if isinstance(text := said.get(name), str) else "" for name in ("kind", "ts"))
    return Row(seq, kind, said.get("asset"), ts, content)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"{error.filename or 'the bundle'} cannot be read: {error.strerror or error}") from None
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise Unreadable(f"the bundle is not a whole, uncompressed tar: {error}") from None
