"""Any stream, cut anywhere, comes back as it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intendance.engines import Consumer, Finished, Producer
from intendance.sets.pipe import PipeLimits, store_stream
from intendance.sets.unpipe import StreamSource, load_stream
from intendance.system.openpgp import RecipientHome
from tests.support.gnupg import Keys
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.gnupg


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    size=st.sampled_from([0, 1, 255, 256, 257, 65_535, 65_536, 1 << 20, (1 << 20) + 1, 5_000_000, 9_000_001]),
    part_bytes=st.sampled_from([1, 1000, 1 << 20, 64 << 20]),
    fed_bytes=st.sampled_from([1, 1 << 20, 1 << 30]),
    marked=st.booleans(),
    noise=st.booleans(),
)
def test_round_trip(
    seed: int, size: int, part_bytes: int, fed_bytes: int, marked: bool, noise: bool, recipient_home: RecipientHome,
    keys: Keys, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("GNUPGHOME", str(keys.owner.home))
    folder = tmp_path_factory.mktemp("round")
    content = (random.Random(seed).randbytes(size) if noise else b"abc\n" * (size // 4)) + b"\nEND\n" * marked
    (folder / "in").write_bytes(content)
    place = MemoryStore()
    done = store_stream(
        Producer(stream="s", media="tar", argv=("cat", str(folder / "in")), end_marker=b"END" if marked else None,
                 finish=lambda code, stderr: Finished(details={"code": code})),
        store=place, prefix="f/set.1", home=recipient_home, progress=lambda _: None,
        limits=PipeLimits(level=1, threads=1, part_bytes=part_bytes, fed_bytes=fed_bytes),
    )  # fmt: skip
    assert done.source_bytes == len(content)
    assert sorted(place.objects) == [f"f/set.1/{part.name}" for part in done.parts]
    load_stream(
        StreamSource(store=place, folder="f/set.1", parts=done.parts, source_bytes=len(content)),
        Consumer(stream="s", argv=("dd", "status=none", "bs=1M", f"of={folder / 'out'}"), finish=_accept),
        progress=lambda _: None,
    )
    assert (folder / "out").read_bytes() == content
    _remove(folder)


def _accept(code: int, stderr: str) -> None:
    assert code == 0, stderr


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
