"""`intendance store probe` on a folder: the page in both languages, the answer for machines, the record, exit codes."""

from __future__ import annotations

import pytest

from intendance.agent.probing import ProbeRecorded
from intendance.cli import main, output
from intendance.cli.store import exit_code
from intendance.model.errors import Exit
from intendance.model.evidence.probe import Attempt, StoreProbed
from tests.support.plans import Plans
from tests.unit.cli.test_plan import Shell


@pytest.fixture
def shell(plans: Plans, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(plans.folder)
    for module in (main, output):
        monkeypatch.setattr(module, "default_state", lambda: plans.folder / "state")  # never this machine's own
    return Shell(plans, capsys)


def adopted(shell: Shell) -> None:
    place = shell.plans.folder / "kept"
    shell.plans.write(shell.plans.changed(("path: /var/backups/intendance", f"path: {place}")))
    shell("plan", "adopt", "--state", "st")


def test_a_folder_is_probed_and_the_answers_are_recorded(shell: Shell) -> None:
    adopted(shell)
    answer = shell.json("store", "probe", "local", "--state", "st", code=Exit.PARTIAL)
    assert {each["tried"]: each["outcome"] for each in answer["attempts"]} == {
        "write": "done",
        "read": "done",
        "overwrite": "refused",
        "delete": "done",
    }
    assert answer["safe"] is False
    record = shell.json("ledger", "show", str(answer["evidence"]["seq"]), "--state", "st")
    assert "store.probed" in str(record)


def test_the_page_speaks_both_languages(shell: Shell) -> None:
    adopted(shell)
    said, _ = shell("store", "probe", "local", "--state", "st", "--lang", "en", code=Exit.PARTIAL)
    assert "✔ Writing over it — refused" in said
    assert "✘ Deleting it — it let that happen" in said
    said, _ = shell("store", "probe", "local", "--state", "st", "--lang", "fr", code=Exit.PARTIAL)
    assert "✘ Le supprimer — il l’a laissé faire" in said


def test_a_store_that_the_plan_does_not_have(shell: Shell) -> None:
    adopted(shell)
    _, said = shell("store", "probe", "nowhere", "--state", "st", code=Exit.USAGE)
    assert "nowhere" in said
    assert "local" in said


def test_the_exit_code_says_the_worst() -> None:
    def code(**outcomes: str) -> Exit:
        attempts = tuple(
            Attempt(tried=tried, outcome=outcome, wanted="done" if tried == "write" else "refused")
            for tried, outcome in outcomes.items()
        )
        probed = StoreProbed(store="s", by="self", kind="s3", place="p", attempts=attempts)
        return exit_code(ProbeRecorded(probed=probed, node="n", seq=1, zone="UTC"))

    assert code(write="done", delete="refused") is Exit.DONE
    assert code(write="refused") is Exit.FAILED
    assert code(write="unclear", delete="done") is Exit.FAILED
    assert code(write="done", delete="done", overwrite="unclear") is Exit.PARTIAL
    assert code(write="done", delete="unclear") is Exit.UNKNOWN
