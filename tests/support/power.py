"""Power loss: what a program did to files, taken down by strace, and the disks that a failure could leave of it.

The model is adversarial: of a file's content only what was there at its last fsync is sure, of a folder's names only
what was there at the folder's own last fsync. Of everything since, any part may have reached the medium, in any order:
a later write without an earlier one, a name without its content, a write torn at a sector.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
_CALLS = (
    "openat,open,creat,write,pwrite64,writev,pwritev,lseek,ftruncate,truncate,fallocate,rename,renameat,renameat2,link,"
    "linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,symlink,symlinkat,fsync,fdatasync,syncfs,copy_file_range,sendfile"
)
_LINE = re.compile(r"(?P<pid>\d+) +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)(?:<(?P<opened>[^>]*)>)?")
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)")
_WORD = re.compile(r'"((?:\\x[0-9a-f]{2})*)"|(-?\w+)?<((?:\\x[0-9a-f]{2})*)>(?:\(deleted\))?|([^,\s"<>]+)')
_UNFINISHED = " <unfinished ...>"


@dataclass(eq=False)
class File:
    """A file: its content when it was last synced, and what was written to it since."""

    durable: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # offset and bytes, or a new length
    synced: int = 0

    def content(self, pending: Sequence[tuple[int, bytes | None]] | None = None) -> bytes:
        grown = bytearray(self.durable)
        for offset, written in self.pending if pending is None else pending:
            if written is None:
                grown[offset:] = bytes(max(0, offset - len(grown)))
            else:
                grown.extend(bytes(max(0, offset - len(grown))))
                grown[offset : offset + len(written)] = written
        return bytes(grown)

    def sync(self, until: int) -> None:
        """Make durable what came before the `until`th change of all."""
        count = max(0, until - self.synced)
        self.durable = self.content(self.pending[:count])
        del self.pending[:count]
        self.synced += count


@dataclass(eq=False)
class Folder:
    """A folder: its names when it was last synced, and every change to them since. None: the name is gone."""

    durable: dict[str, File | Folder] = field(default_factory=dict)
    pending: list[dict[str, File | Folder | None]] = field(default_factory=list)
    synced: int = 0

    def names(self, pending: Sequence[Mapping[str, File | Folder | None]] | None = None) -> dict[str, File | Folder]:
        found: dict[str, File | Folder | None] = dict(self.durable)
        for change in self.pending if pending is None else pending:
            found.update(change)
        return {name: node for name, node in found.items() if node is not None}

    def sync(self, until: int) -> None:
        """Make durable what came before the `until`th change of all."""
        count = max(0, until - self.synced)
        self.durable = self.names(self.pending[:count])
        del self.pending[:count]
        self.synced += count


@dataclass(frozen=True)
class Call:
    """One system call that succeeded. A sync makes durable what was there when it began: `began` is that index."""

    name: str
    words: tuple[str | bytes, ...]
    result: int
    opened: str | None
    began: int


class Loss:
    """Which part of what is not durable a failure leaves: of contents and of names, each with its own chance."""

    def __init__(self, chance: random.Random, contents: float, names: float) -> None:
        self._chance = chance
        self._contents = contents
        self._names = names

    def content(self, file: File) -> bytes:
        kept: list[tuple[int, bytes | None]] = []
        for offset, written in file.pending:
            if self._chance.random() >= self._contents:
                continue
            if written is not None and 0.0 < self._contents < 1.0 and self._chance.random() < 0.1:
                kept.append((offset, written[: self._chance.randrange(0, len(written) + 1, SECTOR)]))
            else:
                kept.append((offset, written))
        return file.content(kept)

    def names(self, folder: Folder) -> dict[str, File | Folder]:
        return folder.names([change for change in folder.pending if self._chance.random() < self._names])


def losses(seed: int) -> Iterator[Loss]:
    """Endlessly: nothing unsynced survives, names without contents, contents without names, then parts of both."""
    chance = random.Random(seed)
    while True:
        yield Loss(chance, 0.0, 0.0)
        yield Loss(chance, 0.0, 1.0)
        yield Loss(chance, 1.0, 0.0)
        for _ in range(4):
            yield Loss(chance, chance.random(), chance.random())


class Disk:
    """Some folders under `base` as they were, and what a traced program then did to them."""

    def __init__(self, base: Path, watched: Sequence[str]) -> None:
        self.base = base.resolve()
        self.watched = tuple(watched)
        self.root = Folder()
        for name in self.watched:
            if (self.base / name).is_dir():
                self.root.durable[name] = _read(self.base / name)
        self._links: dict[str, str] = {}
        self._positions: dict[tuple[str, str], int] = {}
        self._counts: dict[int, tuple[File | Folder, int]] = {}

    def concerns(self, call: Call) -> bool:
        """Whether a call can have changed what is watched: opened for writing in there, or a change of names."""
        if call.name.startswith(("rename", "link", "unlink", "mkdir", "rmdir", "symlink")):
            return True  # possibly by way of a symbolic link
        path = _text(bytes.fromhex((call.opened or "").replace("\\x", ""))) if call.opened else _text(call.words[0])
        return path.startswith(str(self.base))

    # --- replaying ----------------------------------------------------------------------------------------------

    def replay(self, calls: Sequence[Call]) -> None:
        """Do what the calls did, in their order; a sync covers what was written before it began."""
        waiting: dict[int, list[int]] = {}
        for index, call in enumerate(calls):
            if call.name in {"fsync", "fdatasync"} and call.began < index:
                waiting.setdefault(call.began, []).append(index)
        for index, call in enumerate(calls):
            for later in waiting.get(index, []):
                self._note(later, calls[later])
            if call.name in {"fsync", "fdatasync"}:
                self._note(index, call)
                node, count = self._counts.pop(index, (None, 0))
                if node is not None:
                    node.sync(count)
            elif call.name == "syncfs":  # of a program that waits for its own children before: all is of before
                _sync_all(self.root)
            else:
                self._do(call)

    def _note(self, index: int, call: Call) -> None:
        node = self._find(_text(call.words[0]))
        if node is not None and index not in self._counts:
            self._counts[index] = (node, node.synced + len(node.pending))

    def _do(self, call: Call) -> None:
        name, words = call.name, call.words
        if name in {"openat", "open", "creat"}:
            self._open(call)
        elif name in {"write", "pwrite64"}:
            self._write(call)
        elif name == "lseek":
            self._positions[_text(words[0]), ""] = call.result
        elif name in {"ftruncate", "truncate"}:
            found = self._find(_text(words[0]))
            if isinstance(found, File):
                found.pending.append((int(words[1]), None))
        elif name in {"symlink", "symlinkat"}:
            self._links[_text(words[-1])] = _text(words[0])
        elif name in {"writev", "pwritev", "fallocate", "sendfile", "copy_file_range"}:
            to = _text(words[2] if name == "copy_file_range" else words[0])
            # What lies in the scratch folder counts for nothing once its run is dead: its bytes are not followed.
            known = self._find(to) is None or "/agent/scratch/" in to
            assert known, f"{name} to {to}: this way of writing is not modelled"
        else:
            paths = _paths(words)
            if not (name.startswith("unlink") and self._links.pop(paths[0], "")):  # the link goes, not its target
                self._change_names(name, [self._resolve(path) for path in paths])

    def _open(self, call: Call) -> None:
        path = self._resolve(_text(bytes.fromhex((call.opened or "").replace("\\x", ""))))
        flags = " ".join(_text(word) for word in call.words if not isinstance(word, bytes))
        place = self._place(path)
        if place is None:
            return
        folder, name = place
        node = folder.names().get(name)
        if node is None and "O_CREAT" in flags:
            node = File()
            folder.pending.append({name: node})
        elif isinstance(node, File) and "O_TRUNC" in flags:
            node.pending.append((0, None))
        self._positions[path, ""] = len(node.content()) if isinstance(node, File) and "O_APPEND" in flags else 0

    def _write(self, call: Call) -> None:
        path = _text(call.words[0])
        node = self._find(path)
        if not isinstance(node, File):
            return
        content = call.words[1]
        assert isinstance(content, bytes)
        content = content[: call.result]
        if call.name == "pwrite64":
            node.pending.append((int(call.words[3]), content))
            return
        at = self._positions.get((path, ""), 0)
        node.pending.append((at, content))
        self._positions[path, ""] = at + len(content)

    def _change_names(self, call: str, paths: list[str]) -> None:
        first = self._place(paths[0])
        second = self._place(paths[1]) if len(paths) > 1 else None
        if call in {"mkdir", "mkdirat"} and first is not None:
            first[0].pending.append({first[1]: Folder()})
        elif call in {"unlink", "unlinkat", "rmdir"} and first is not None:
            first[0].pending.append({first[1]: None})
        elif call in {"link", "linkat"} and second is not None:
            second[0].pending.append({second[1]: self._found(paths[0])})
        elif call.startswith("rename"):
            self._rename(first, second, paths)

    def _rename(self, first: tuple[Folder, str] | None, second: tuple[Folder, str] | None, paths: list[str]) -> None:
        if second is not None:
            node = self._found(paths[0])
            if first is not None and first[0] is second[0]:
                second[0].pending.append({first[1]: None, second[1]: node})
                return
            second[0].pending.append({second[1]: node})
        if first is not None:
            first[0].pending.append({first[1]: None})

    def _found(self, path: str) -> File | Folder:
        node = self._find(path)
        assert node is not None, f"{path} comes from outside of what is watched"
        return node

    def _find(self, path: str) -> File | Folder | None:
        if path == str(self.base):
            return self.root
        place = self._place(self._resolve(path))
        return None if place is None else place[0].names().get(place[1])

    def _place(self, path: str) -> tuple[Folder, str] | None:
        """The folder that holds `path` and its name in there; None when it is not watched."""
        try:
            parts = Path(path).relative_to(self.base).parts
        except ValueError:
            return None
        if not parts or parts[0] not in self.watched:
            return None
        folder = self.root
        for part in parts[:-1]:
            inner = folder.names().get(part)
            if not isinstance(inner, Folder):
                return None
            folder = inner
        return folder, parts[-1]

    def _resolve(self, path: str) -> str:
        for link, target in self._links.items():
            if path == link or path.startswith(link + "/"):
                return target + path[len(link) :]
        return path

    # --- failing ------------------------------------------------------------------------------------------------

    def fail(self, loss: Loss) -> None:
        """Put on the real disk what the failure leaves."""
        names = loss.names(self.root)
        for name in self.watched:
            shutil.rmtree(self.base / name, ignore_errors=True)
            (self.base / name).unlink(missing_ok=True)
            if name in names:
                _write(self.base / name, names[name], loss)


def trace(
    argv: Sequence[str], disk: Disk, *, into: Path, environment: Mapping[str, str], cwd: Path, said: Path
) -> list[Call]:
    """Run a program to its successful end; what it and its children did to the disk, in the order in which it ended."""
    written = into / "trace"
    with said.open("wb") as output:
        done = subprocess.run(
            ["strace", "-f", "-qq", "--seccomp-bpf", "-y", "-xx", "-s", "100000000", "-e", f"trace={_CALLS}", "-o",
             str(written), *argv],
            stdout=output, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False, timeout=180,
            env=dict(environment), cwd=cwd,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return list(_calls(written, disk))


def _calls(written: Path, disk: Disk) -> Iterator[Call]:
    begun: dict[str, tuple[str, int]] = {}
    count = 0
    with written.open(encoding="latin-1") as lines:
        for read in lines:
            line, began = read.rstrip("\n"), count
            if line.endswith(_UNFINISHED):
                begun[line.split(" ", 1)[0]] = (line.removesuffix(_UNFINISHED), count)
                continue
            resumed, start = _RESUMED.match(line), ""
            if resumed is not None:
                start, began = begun.pop(resumed["pid"])
            match = _LINE.match(line if resumed is None else start + resumed["rest"])
            if match is None or int(match["result"]) < 0:
                continue
            words = tuple(_words(match["arguments"]))
            call = Call(match["call"], words, int(match["result"]), match["opened"], began)
            if disk.concerns(call):
                yield call
                count += 1


def _words(arguments: str) -> Iterator[str | bytes]:
    """Texts as bytes; descriptors as the path they lead to; the rest as it stands."""
    for text, _, path, word in _WORD.findall(arguments):
        if path:
            yield bytes.fromhex(path.replace("\\x", "")).decode("utf-8", "surrogateescape")
        elif word:
            yield word
        else:
            yield bytes.fromhex(text.replace("\\x", ""))


def _text(word: str | bytes) -> str:
    return word if isinstance(word, str) else word.decode("utf-8", "surrogateescape")


def _paths(words: Sequence[str | bytes]) -> list[str]:
    """The paths among the arguments; a relative one counts from the folder before it."""
    found, folder = [], ""
    for word in words:
        if isinstance(word, bytes):
            found.append(str(Path(folder, _text(word))))
        elif word.startswith("/"):
            folder = word
    return found


def _sync_all(node: File | Folder) -> None:
    node.sync(node.synced + len(node.pending))
    if isinstance(node, Folder):
        for inner in node.durable.values():
            _sync_all(inner)


def _read(path: Path) -> File | Folder:
    if path.is_dir():
        inside = {each.name: _read(each) for each in path.iterdir() if each.is_dir() or each.is_file()}
        return Folder(durable=inside)
    return File(durable=path.read_bytes())


def _write(path: Path, node: File | Folder, loss: Loss) -> None:
    if isinstance(node, File):
        if not path.name.endswith("-shm"):  # shared memory, not a file that anybody syncs
            path.write_bytes(loss.content(node))
            path.chmod(0o600)
        return
    path.mkdir(mode=0o700)
    for name, inner in loss.names(node).items():
        _write(path / name, inner, loss)
