"""`intendance store attest`: a contact's word on where a bucket stands, taken down or refused with nothing recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from intendance.agent import store_adoption
from intendance.cli import main, output
from intendance.model.errors import Exit
from tests.support.answers import closed, schemas
from tests.support.plans import Plans
from tests.unit.cli.test_plan import Shell

pytestmark = pytest.mark.gnupg
BUCKET = (
    "{kind: s3, bucket: asbl-backups, region: eu-central-1, endpoint: https://s3.example.org,"
    " credentials: {env: INTENDANCE_TEST_S3}}"
)
WORD = ("--region", "eu-central-1", "--by", "lead", "--confirm", "offsite")


@pytest.fixture
def shell(plans: Plans, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(plans.folder)
    monkeypatch.setattr(
        store_adoption, "adopt_store", lambda declared: None
    )  # nothing is stored, and no bucket is there
    for module in (main, output):
        monkeypatch.setattr(module, "default_state", lambda: plans.folder / "state")  # never this machine's own
    local = "local: {kind: directory, path: /var/backups/intendance}"
    plans.write(plans.changed((local, f"{local}\n  offsite: {BUCKET}")))
    made = Shell(plans, capsys)
    made("plan", "adopt")
    return made


def words(shell: Shell) -> list[Any]:
    """What the ledger holds of such words."""
    found: list[Any] = shell.json("ledger", "show", "--kind", "store.attested")["records"]
    return found


def test_a_word_is_a_record_of_who_said_what_of_which_place(shell: Shell) -> None:
    said = shell.json("store", "attest", "offsite", *WORD)
    assert (said["schema"], said["store"], said["region"], said["by"]) == (
        "intendance.store-attested/1",
        "offsite",
        "eu-central-1",
        "lead",
    )
    assert not list(Draft202012Validator(closed(schemas()["store-attested/1"])).iter_errors(said))
    record = shell.json("ledger", "show", str(said["evidence"]["seq"]))["record"]
    assert record["kind"] == "store.attested"
    assert record["actor"].startswith("person:")
    told = {name: said[name] for name in ("store", "place", "region", "by")}
    assert record["data"] == told
    assert "asbl-backups" in told["place"]


def test_the_page_says_it_in_both_languages(shell: Shell) -> None:
    said, _ = shell("store", "attest", "offsite", *WORD, "--lang", "en")
    assert said.startswith("offsite stands in eu-central-1: the word of lead, for a year; ledger record ")
    said, _ = shell("store", "attest", "offsite", *WORD, "--lang", "fr")
    assert said.startswith("offsite est en eu-central-1")
    assert len(words(shell)) == 2


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (("nowhere", *WORD), ("nowhere", "local, offsite")),
        (("local", "--region", "eu-central-1", "--by", "lead", "--confirm", "local"), ("names no region", "local")),
        (("offsite", "--region", "eu-west-3", *WORD[2:]), ("eu-west-3", "eu-central-1")),
        (("offsite", *WORD[:2], "--by", "nobody", *WORD[4:]), ("nobody", "admin, lead")),
        (("offsite", *WORD[:4]), ("was not confirmed", "--confirm offsite")),
        (("offsite", *WORD[:4], "--confirm", "local"), ("was not confirmed", "--confirm offsite")),
    ],
    ids=["no such store", "a folder", "another region", "of nobody", "not confirmed", "another confirmed"],
)
def test_what_is_refused_records_nothing(shell: Shell, typed: Sequence[str], names: Sequence[str]) -> None:
    _, said = shell("store", "attest", *typed, "--lang", "en", code=Exit.USAGE)
    said = " ".join(said.split())
    assert [name for name in names if name not in said] == [], said
    assert words(shell) == []
