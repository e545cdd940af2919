"""Where a set is sabotaged: prepared once, put back before each test; outside of it, nothing may change."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from intendance.model.errors import IntendanceError
from intendance.model.evidence.drill import DrillFailed
from tests.support import forging
from tests.support.children import children_of
from tests.support.gnupg import Keys
from tests.support.workshop import Workshop


@dataclass
class Ground:
    """A workshop with sets; `canary` is a folder that nobody may touch, `port` one that nobody may call."""

    workshop: Workshop
    asset: str
    pristine: Path
    canary: Path
    listener: socket.socket
    before: dict[str, bytes] = field(default_factory=dict)
    running: set[tuple[int, str]] = field(default_factory=set)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def keys(self) -> Keys:
        return self.workshop.keys

    @property
    def sets(self) -> list[Path]:
        """The sets as they lie in the store, the newest last."""
        return sorted((self.workshop.base / "stores/local/testing/web-01" / self.asset).iterdir())

    @property
    def newest(self) -> Path:
        return self.sets[-1]

    def put_back(self) -> None:
        """The store as it was at first."""
        shutil.rmtree(self.workshop.base / "stores")
        shutil.copytree(self.pristine, self.workshop.base / "stores")
        self.before = tree(self.canary)
        self.running = set(children_of().items())

    def forge(self, stream: str, content: bytes) -> None:
        """The newest set with other content, sealed and signed as the node does it."""
        forging.forge(self.newest, self.keys, {stream: [content]})

    def fails(self, expected: type[IntendanceError], said: str, **asked: Any) -> DrillFailed:
        """A drill of it fails with that error and that sentence; it is recorded, nothing escaped, nothing is left."""
        with pytest.raises(expected, match=said) as refused:
            self.workshop.drill(self.asset, **asked)
        (fact,) = self.workshop.book.facts("drill.failed", latest=1)
        assert (fact.data.error, fact.data.message) == (refused.value.code, refused.value.message)
        self.is_unharmed()
        found: DrillFailed = fact.data
        return found

    def is_unharmed(self) -> None:
        """No file outside was written, nobody was called, no restored byte and no program is left."""
        assert tree(self.canary) == self.before
        with suppress(BlockingIOError):
            self.listener.accept()
            raise AssertionError("something in the sandbox reached a network")
        assert list((self.workshop.base / "drills").iterdir()) == []
        started = set(children_of().items()) - self.running
        assert not [name for _, name in started if name in {"mariadbd", "tar", "unshare", "zstd"}]


@contextmanager
def ground(keys: Keys, asset: str, prepare: Callable[[Workshop], None]) -> Iterator[Ground]:
    """A ground whose sets `prepare` makes."""
    base = Path(tempfile.mkdtemp(prefix="ig-", dir="/tmp"))
    workshop = Workshop(base=base, keys=keys)
    try:
        prepare(workshop)
        shutil.copytree(base / "stores", base / "pristine")
        (base / "canary").mkdir()
        (base / "canary").chmod(0o777)
        (base / "canary" / "sings").write_text("untouched")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(0)
            yield Ground(workshop, asset, base / "pristine", base / "canary", listener)
    finally:
        workshop.book.close()
        shutil.rmtree(base, ignore_errors=True)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
