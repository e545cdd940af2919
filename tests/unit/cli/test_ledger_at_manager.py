"""`intendance ledger` on a manager's machine: the fleet log, its policy and the heads that it binds."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from intendance.cli.main import run
from intendance.fleet.layout import ManagerLayout
from tests.support.answers import closed, schemas
from tests.unit.ledger.test_fleet_log import TWO_OF_THREE, Fleet
from tests.unit.ledger.test_fleet_log import fleet as fleet  # noqa: PLC0414 -- its fixture

FORMS = schemas()


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as over:
        run(["ledger", *words])
    heard = capsys.readouterr()
    return int(over.value.code or 0), heard.out, heard.err


def test_the_fleet_log_is_exported_and_verified_from_the_managers_folder(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    fleet.bind()
    fleet.cosign(1, 2)
    state, held, node = fleet.log.folder.parents[1], fleet.place / "fleet.tar", fleet.export(fleet.node, "node")
    assert ManagerLayout(state).log == fleet.log.folder
    assert _run(capsys, "show", "--state", str(state))[0] != 0, "nothing says that this is a manager's folder"
    code, out, _ = _run(capsys, "show", "--manager", "--state", str(state))
    assert (code, "heads.bound" in out) == (0, True)
    ManagerLayout(state).settings.write_text("{}")
    assert _run(capsys, "show", "--state", str(state))[0] == 0
    code, out, _ = _run(capsys, "export", str(held), "--state", str(state))
    assert (code, "2 records of asbl/log" in out) == (0, True)
    policy = fleet.policy(TWO_OF_THREE)
    code, out, _ = _run(capsys, "verify", "--state", str(state), "--policy", str(policy))
    assert code == 0
    assert "VERIFIED  the fleet log" in out
    assert "two: 2 of 3 witnesses cosigned, enough for 2 records" in out
    assert "1 heads of 1 ledgers of nodes stand in it" in out
    asked = ("verify", "--bundle", str(node), "--fleet-log", str(held), "--policy", str(policy))
    code, out, _ = _run(capsys, *asked)
    assert code == 0
    assert "binds 10 records of it" in out
    assert out.index("the fleet log") < out.index("the ledger of web-01") < out.index("In all  VERIFIED")
    code, out, _ = _run(capsys, *asked, "--json")
    answer = json.loads(out)
    Draft202012Validator(closed(FORMS["verification/1"])).validate(answer)
    assert answer["fleet_log"]["quorum"] == {"name": "two", "cosigned": 2, "witnesses": 3, "size": 2}
    assert answer["bound_size"] == 10


def test_what_is_wrong_with_the_fleet_log_decides_too(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "fr_BE.UTF-8")
    fleet.bind()
    fleet.cosign(1)
    held, node = fleet.export(fleet.log.folder, "fleet"), fleet.export(fleet.node, "node")
    policy = fleet.policy(TWO_OF_THREE)
    asked = ("verify", "--bundle", str(node), "--fleet-log", str(held), "--policy", str(policy))
    code, out, _ = _run(capsys, *asked)
    assert code == 5
    assert "il manque\u00a0: w2.example, w3.example. Comparez leurs clés" in out
    assert "En tout  INDÉTERMINÉ" in out
    policy.write_text("quorum nobody\n")
    code, _, err = _run(capsys, *asked)
    assert code == 2
    assert "est inutilisable" in err
    assert "Rien n’a été vérifié" in err
