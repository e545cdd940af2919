"""What is lost of a state folder: said as what it is, before anything is read, stored or begun anew."""

from __future__ import annotations

import shutil

import pytest

from tests.support.state import Site

pytestmark = pytest.mark.gnupg


@pytest.mark.parametrize(
    "words", [("status",), ("backup", "list"), ("backup", "run"), ("run", "list"), ("plan", "adopt")]
)
def test_a_lost_ledger_is_not_taken_for_a_folder_in_which_nothing_was_ever_adopted(
    site: Site, words: tuple[str, ...]
) -> None:
    database = site.state / "agent/state.db"
    database.unlink()
    checkpoint = (site.state / "agent/ledger/checkpoint").read_bytes()
    answer = site.run(*words, *((str(site.plan),) if words[-1] == "adopt" else ()))
    assert answer.code == 1
    assert "state.db is lost" in answer.err
    assert not database.exists()
    assert (site.state / "agent/ledger/checkpoint").read_bytes() == checkpoint


def test_a_lost_signing_key_is_named_before_anything_is_stored(site: Site) -> None:
    shutil.rmtree(site.state / "agent/gnupg")
    answer = site.run("backup", "run")
    assert answer.code == 1
    assert "The node's own OpenPGP key" in answer.err
    assert [path for path in site.store.rglob("*") if path.is_file()] == [site.store / ".intendance-store"]
