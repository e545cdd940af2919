"""The two verifiers agree on whatever is done to a bundle: flipped, dropped, swapped, cut, extended, signed anew."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intendance.agent.ledger_view import export_bundle
from intendance.ledger.note import read_checkpoint, sign_note
from tests.support import bundles
from tests.support.bundles import Bundle
from tests.support.ledger_material import Ticking, begin, ended, fill


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    place = tmp_path_factory.mktemp("agreed")
    with begin(place / "state") as book:
        fill(book, 270)
        attached = book.attach(b"document", "text/plain")
        book.append(ended("é"), actor="person:anne", attachments=[attached])
    export_bundle(place / "state", Ticking(), place / "out")
    return bundles.load(place / "out")


def flip(bundle: Bundle, name: str, at: int) -> None:
    content = bytearray(bundle[name])
    content[at % len(content)] ^= 1 + at % 255
    bundle[name] = bytes(content)


def drop(bundle: Bundle, name: str, at: int) -> None:
    del bundle[name]


def swap(bundle: Bundle, name: str, at: int) -> None:
    other = sorted(bundle)[at % len(bundle)]
    bundle[name], bundle[other] = bundle[other], bundle[name]


def cut(bundle: Bundle, name: str, at: int) -> None:
    bundle[name] = bundle[name][: at % len(bundle[name])]


def extend(bundle: Bundle, name: str, at: int) -> None:
    bundle[name] += bundle[name][: 1 + at % len(bundle[name])]


def forge(bundle: Bundle, name: str, at: int) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    head, note = read_checkpoint(bundle["ledger/checkpoint"])
    thief = Ed25519PrivateKey.from_private_bytes(at.to_bytes(32, "big"))
    bundle["ledger/checkpoint"] = sign_note(note.text, head.origin, thief)


MUTATIONS: list[Callable[[Bundle, str, int], None]] = [flip, drop, swap, cut, extend, forge]


@settings(
    max_examples=25, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    mutation=st.sampled_from(MUTATIONS),
    where=st.integers(0, 2**16),
    at=st.integers(0, 2**31),
    sums=st.booleans(),
)
def test_both_verifiers_give_one_answer(
    sound: Bundle, mutation: Callable[[Bundle, str, int], None], where: int, at: int, sums: bool
) -> None:
    bundle = dict(sound)
    bound = sorted(name for name in sound if not sums or name.startswith(("ledger/", "attachments/", "ledger.vkey")))
    mutation(bundle, bound[where % len(bound)], at)
    if bundle == sound:
        return
    folder = Path(tempfile.mkdtemp(prefix="intendance-", dir="/tmp"))
    try:
        place = bundles.store(bundles.summed(bundle) if sums else bundle, folder / "b")
        code, said = bundles.alone(place)
        assert code == bundles.ours(place), (mutation.__name__, said)
        assert code in {1, 3, 5}, (mutation.__name__, said)
    finally:
        shutil.rmtree(folder)
