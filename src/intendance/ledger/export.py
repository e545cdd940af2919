"""A ledger as an auditor takes it away: records, tree, signed head, attachments, and the program that verifies them."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from intendance.ledger import envelope, part, sealing
from intendance.ledger.layout import Layout
from intendance.ledger.note import Checkpoint, VerifierKey
from intendance.ledger.report import Report
from intendance.ledger.rows import Row
from intendance.ledger.signed_tree import SignedTree
from intendance.ledger.tlog import Edge, Tile, bundle, leaf_hash
from intendance.model.errors.ledger import BundleTaken, BundleUnwritable, LedgerContradicted, RangeEmpty
from intendance.model.evidence import KINDS
from intendance.model.frozen import dataclass
from intendance.model.record import Attachment
from intendance.system.publish import publish_name, sync_directory

SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written: files and bytes in all, the first and last record, and the attachments that records name but
    the state does not hold."""

    path: Path
    checkpoint: Checkpoint
    key: str
    first: int
    last: int
    files: int
    bytes: int
    attachments: int
    missing_attachments: tuple[str, ...]


class Held(Protocol):
    """A ledger as somebody keeps it: the node itself, or its manager."""

    def rows(self, first: int, end: int) -> Iterator[Row]:
        """Records [first, end), in order."""

    def tile(self, tile: Tile) -> bytes | None:
        """A tile's bytes."""

    def attachment(self, sha256: str) -> bytes | None:
        """An attachment's bytes."""

    def kept(self) -> Sequence[tuple[str, bytes]]:
        """What witnesses cosigned of it, by the names of files."""


class _Sink(Protocol):
    def add(self, name: str, content: bytes) -> None: ...

    def publish(self) -> None: ...

    def drop(self) -> None: ...


def export(
    source: Held,
    layout: Layout,
    head: Checkpoint,
    key: VerifierKey,
    *,
    path: Path,
    software: str,
    bounds: tuple[int, int | None] | None = None,
) -> Exported:
    """Write the records that `head` signs, with all that verifies them, to a new folder or a new `.tar` file.

    `bounds` are the first and last record (none: the newest) of a part. The name appears once everything is written,
    durably. Raises BundleTaken, BundleUnwritable, RangeEmpty, LedgerContradicted when the records are not those that
    were signed.
    """
    first, last = _within(bounds, head)
    if path.exists() or path.is_symlink():
        raise BundleTaken(path=path)
    try:
        top = f"ledger-{head.size}" if bounds is None else f"ledger-{first}-{last}"
        sink: _Sink = _Archive(path, top) if path.suffix == ".tar" else _Folder(path)
    except OSError as error:
        raise BundleUnwritable(path=path, detail=error.strerror) from None
    try:
        writing = _Writing(sink)
        writing.add_all(_texts(head, key, software, first, last))
        attachments = _write_ledger(writing, source, layout, head, None if bounds is None else (first, last))
        found = _write_rest(writing, source, head, key, attachments)
        sink.publish()
    except FileExistsError:
        sink.drop()
        raise BundleTaken(path=path) from None
    except OSError as error:
        sink.drop()
        raise BundleUnwritable(path=path, detail=error.strerror or str(error)) from None
    except BaseException:
        sink.drop()
        raise
    return Exported(
        path=path,
        checkpoint=head,
        key=key.text,
        first=first,
        last=last,
        files=writing.files,
        bytes=writing.bytes,
        attachments=len(found),
        missing_attachments=tuple(sorted(name for name, there in found.items() if not there)),
    )


class _Writing:
    """Files on their way into the bundle; their sums are taken as they pass."""

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._sums: list[str] = []
        self.files = 0
        self.bytes = 0

    def add(self, name: str, content: bytes) -> None:
        self._sums.append(f"{sha256(content).hexdigest()}  {name}\n")
        self._put(name, content)

    def add_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        for name, content in files:
            self.add(name, content)

    def finish(self) -> None:
        self._put(SUMS, "".join(sorted(self._sums, key=lambda line: line[66:])).encode())

    def _put(self, name: str, content: bytes) -> None:
        self._sink.add(name, content)
        self.files += 1
        self.bytes += len(content)


def _within(bounds: tuple[int, int | None] | None, head: Checkpoint) -> tuple[int, int]:
    first, last = bounds or (0, None)
    last = head.size - 1 if last is None else last
    if not 0 <= first <= last < head.size:
        raise RangeEmpty(first=first, last=last, size=head.size)
    return first, last


def _write_ledger(
    writing: _Writing, source: Held, layout: Layout, head: Checkpoint, bounds: tuple[int, int] | None
) -> dict[str, Attachment]:
    """All records or those within bounds, and their tiles; returns the attachments that they name."""
    attachments: dict[str, Attachment] = {}
    if bounds is None:
        _write_all(writing, source, layout, head, attachments)
    else:
        _write_part(writing, source, layout, head, bounds, attachments)
    return attachments


def _write_all(
    writing: _Writing, source: Held, layout: Layout, head: Checkpoint, attachments: dict[str, Attachment]
) -> None:
    edge = Edge()
    for tile, content in sealing.grow(edge, [], _contents(source, 0, head.size, attachments)):
        writing.add(f"ledger/{tile.path}", content)
    if edge.size != head.size or edge.root() != head.root:
        raise LedgerContradicted(state=layout.state, detail=f"its first {head.size} records are not those signed")


def _write_part(
    writing: _Writing,
    source: Held,
    layout: Layout,
    head: Checkpoint,
    bounds: tuple[int, int],
    attachments: dict[str, Attachment],
) -> None:
    """Some records, record 0 and the tiles above them, each compared with the signed head before it is written."""
    tree = SignedTree(source.tile, head, Report())
    for tile in part.tiles_of(head.size, *bounds):
        row = tree.row(tile.level or 0, tile.index)
        if row is None:
            raise LedgerContradicted(state=layout.state, detail=f"{tile.path} is not as it was signed")
        writing.add(f"ledger/{tile.path}", b"".join(row))
    for start, end in part.spans(*bounds):
        contents = list(_contents(source, start, end, attachments))
        signed = [tree.leaf(seq) for seq in range(start, end)]
        if [leaf_hash(content) for content in contents] != signed:
            raise LedgerContradicted(state=layout.state, detail=f"records {start} to {end - 1} are not those signed")
        writing.add(f"{part.RECORDS}{start}", bundle(contents))


def _write_rest(
    writing: _Writing, source: Held, head: Checkpoint, key: VerifierKey, attachments: Mapping[str, Attachment]
) -> dict[str, bool]:
    writing.add("ledger/checkpoint", head.note)
    for name, content in source.kept():
        writing.add(f"ledger/witnessed/{name}", content)
    writing.add("ledger.vkey", f"{key.text}\n".encode())
    found: dict[str, bool] = {}
    for name in sorted(attachments):
        attached = source.attachment(name)
        found[name] = attached is not None
        if attached is not None:
            writing.add(f"attachments/sha256/{name[:2]}/{name}", attached)
    writing.finish()
    return found


def _contents(source: Held, first: int, end: int, attachments: dict[str, Attachment]) -> Iterator[bytes]:
    for row in source.rows(first, end):
        if b'"attachments":[]' not in row.content:
            attachments |= {a.sha256: a for a in envelope.decode(row.content, row.seq).attachments}
        yield row.content


def _texts(head: Checkpoint, key: VerifierKey, software: str, first: int, last: int) -> Iterator[tuple[str, bytes]]:
    place = files("intendance.ledger").joinpath("standalone")
    words = {"origin": head.origin, "size": head.size, "root": head.root.hex(), "key": key.text, "software": software}
    words |= {"first": first, "last": last}
    for name in ("README.txt", "LISEZMOI.txt"):
        yield name, place.joinpath(name).read_text(encoding="utf-8").format(**words).encode()
    for name in ("FORMAT.txt", "verify.py"):
        yield name, place.joinpath(name).read_bytes()
    yield "kinds.json", (json.dumps(known_kinds(), indent=1, sort_keys=True) + "\n").encode()
    rules = files("intendance.catalogue")
    for text in sorted(rules.joinpath("rules").iterdir(), key=lambda file: file.name):
        if text.name.endswith(".yaml"):
            yield f"rules/{text.name}", text.read_bytes()
    yield "rules/reasons.yaml", rules.joinpath("reasons.yaml").read_bytes()


def known_kinds() -> Mapping[str, Mapping[str, object]]:
    """Each kind with what it says, and the members that its `data` must and may have."""
    return {
        kind: {
            "says": " ".join((shape.__doc__ or "").split()),
            "required": [f.name for f in fields(shape) if f.default is MISSING and f.default_factory is MISSING],
            "optional": [f.name for f in fields(shape) if not (f.default is MISSING and f.default_factory is MISSING)],
        }
        for kind, shape in KINDS.items()
    }


class _Folder:
    """A bundle that grows beside its later name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(mode=0o700)
        self._folders = {self._temporary}

    def add(self, name: str, content: bytes) -> None:
        target = self._temporary / name
        if target.parent not in self._folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folders |= {folder for folder in target.parents if folder.is_relative_to(self._temporary)}
        with target.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def publish(self) -> None:
        for folder in self._folders:
            sync_directory(folder)
        if self._path.exists():
            raise FileExistsError
        self._temporary.rename(self._path)
        sync_directory(self._path.parent)

    def drop(self) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)


class _Archive:
    """A bundle as a tar without compression: the same bytes for the same ledger."""

    def __init__(self, path: Path, top: str) -> None:
        self._path = path
        self._top = top
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 -- publish, drop

    def add(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(f"{self._top}/{name}")
        member.size = len(content)
        member.mode = 0o644
        self._tar.addfile(member, io.BytesIO(content))

    def publish(self) -> None:
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        publish_name(self._temporary, self._path)
        sync_directory(self._path.parent)

    def drop(self) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)
