"""A ledger of 600 records to be spoiled, and its own key to sign the spoils with."""

from __future__ import annotations

from pathlib import Path

import pytest

from intendance.ledger import note
from intendance.ledger.keys import load_key
from intendance.ledger.verify import verify
from tests.support.ledger_material import InMemory, begin, ended, fill
from tests.unit.ledger.forging import Signer


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 records and one attachment, sealed three times."""
    place = tmp_path_factory.mktemp("verify") / "state"
    with begin(place) as book:
        fill(book, 99)
        (place / "early").write_bytes((place / "agent/ledger/checkpoint").read_bytes())
        fill(book, 499)
        attachment = book.attach(b"manifest", "application/json")
        book.append(ended(), actor="person:anne", attachments=[attachment])
    return place


@pytest.fixture
def ledger(state: Path) -> InMemory:
    return InMemory.of(state)


@pytest.fixture
def early(state: Path) -> tuple[Path, bytes]:
    """The checkpoint of the first 100 records."""
    return Path("pinned"), (state / "early").read_bytes()


@pytest.fixture
def sign(state: Path) -> Signer:
    """Signs with the ledger's own key, as a thief of that key could."""
    origin = verify(InMemory.of(state)).origin
    private = load_key(state / "agent/keys/ledger.key")
    return lambda text: note.sign_note(text, origin, private)
