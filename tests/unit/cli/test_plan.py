"""`intendance plan` as a person and as a machine see it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from intendance.agent import findings, store_adoption
from intendance.agent.judging import judge
from intendance.cli import main, output
from intendance.cli.main import run
from intendance.ledger.book import Book
from intendance.plan import adopted
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock
from tests.support.plans import NOON, Plans

pytestmark = pytest.mark.gnupg


class Shell:
    """Runs the command line in the plans' folder."""

    def __init__(self, plans: Plans, capsys: pytest.CaptureFixture[str]) -> None:
        self.plans = plans
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as left:
            run([*words])
        said = self._capsys.readouterr()
        assert (left.value.code or 0) == code, said
        return said.out, said.err

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code)[0])


@pytest.fixture
def shell(plans: Plans, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(plans.folder)
    monkeypatch.setattr(store_adoption, "adopt_store", lambda declared: None)  # the example's is this machine's own
    for module in (main, output):
        monkeypatch.setattr(module, "default_state", lambda: plans.folder / "state")  # never this machine's own
    clock = MovableClock(NOON)  # in a night of March there is no two o'clock
    monkeypatch.setattr(SystemClock, "read", lambda _: clock.read())
    plans.write(plans.example())
    return Shell(plans, capsys)


def test_check_says_what_a_valid_plan_will_do_and_what_to_type_next(shell: Shell) -> None:
    out, err = shell("plan", "check")
    assert out == (
        "intendance.yaml is valid. On web-01 it backs up crud-db (next Sun 2026-11-22 02:00 CET) and"
        " site-files (next Sun 2026-11-22 03:00 CET), for owner and offline to open.\n"
        "  → Put it in force: `intendance plan adopt intendance.yaml`\n"
    )
    assert err == ""


def test_check_for_machines_has_the_contract_s_fields(shell: Shell) -> None:
    assert shell.json("plan", "check")["valid"] is True
    shell.plans.write(shell.plans.changed(("points: 30d", "points: 10d"), ("catalogues:", "catalogue:")))
    answer = shell.json("plan", "check", code=2)
    assert answer["valid"] is False
    assert [set(problem) for problem in answer["problems"]] == [
        {"file", "line", "column", "path", "rule", "message", "fix", "code", "params", "nodes"}
    ] * 2
    shell.plans.write(shell.plans.changed(("points: 30d", "points: 10d")))
    (problem,) = shell.json("plan", "check", code=2)["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("intendance.yaml", 30, 27)
    assert (problem["path"], problem["rule"]) == ("assets.crud-db.backup.retention.points", "ASBL_010")


def test_a_secret_written_into_a_plan_is_never_said_again(shell: Shell) -> None:
    for option in ("credentials: s3cret-word", "password: s3cret-word", "credentials: {file: /x, passwd: s3cret-word}"):
        shell.plans.write(shell.plans.changed(("credentials: {file: /etc/intendance/mariadb.cnf}", option)))
        for words in (("check",), ("check", "--json"), ("show",), ("adopt",), ("adopt", "--json")):
            out, err = shell("plan", *words, code=2)
            assert "s3cret" not in out + err


def test_a_plan_that_is_not_there_is_told(shell: Shell, tmp_path: Path) -> None:
    _, err = shell("plan", "check", "none.yaml", code=2)
    assert "There is no plan in none.yaml." in err
    _, err = shell("plan", "check", str(tmp_path), code=2)
    assert "it is a folder" in err
    shell.plans.file.unlink()
    _, err = shell("plan", "check", code=2)
    assert "intendance.yaml or /etc/intendance/intendance.yaml" in err
    assert shell.json("plan", "check", code=2)["error"]["code"] == "plan_missing"


def test_the_global_option_names_the_plan(shell: Shell) -> None:
    shell.plans.file.rename(shell.plans.folder / "other.yaml")
    out, _ = shell("plan", "check", "--plan", "other.yaml")
    assert out.startswith("other.yaml is valid.")


def test_credentials_that_others_can_read_are_warned_of(shell: Shell) -> None:
    secret = shell.plans.folder / "db.cnf"
    secret.write_text("[client]\n")
    secret.chmod(0o644)
    shell.plans.write(shell.plans.changed(("/etc/intendance/mariadb.cnf", "db.cnf")))
    answer = shell.json("plan", "check")
    assert answer["valid"] is True
    assert [warning["path"] for warning in answer["warnings"]] == ["assets.crud-db.connect.credentials.file"]
    secret.chmod(0o600)
    assert shell.json("plan", "check")["warnings"] == []


def test_what_is_allowed_and_surprising_is_warned_of(shell: Shell) -> None:
    text = shell.plans.changed(('"0 3 * * SUN"', '"0 3 1 * SUN"'))
    shell.plans.write(text.replace("\ncontacts:", "  bare:\n    kind: files\n    path: /y\n\ncontacts:"))
    out, _ = shell("plan", "check")
    assert "cron fires on each" in out
    assert "`bare` is declared and not backed up" in out
    assert "; not bare." in out


def test_a_site_with_an_asset_that_is_not_backed_up_is_warned_of(shell: Shell) -> None:
    bare = "  bare:\n    kind: files\n    path: /y\n\nsites:\n  crud: {assets: [crud-db, bare]}\n\ncontacts:"
    shell.plans.write(shell.plans.changed(("\ncontacts:", bare)))
    answer = shell.json("plan", "check")
    assert answer["valid"] is True
    told = {warning["path"]: warning["message"] for warning in answer["warnings"]}
    assert told["sites.crud.assets[1]"] == "`bare` is not backed up, so the site `crud` cannot be restored"
    assert "sites.crud.assets[0]" not in told


def test_differentials_without_a_full_backup_on_a_schedule_are_warned_of(shell: Shell) -> None:
    full = 'full: {schedule: "0 3 * * SUN"}'
    both = f'{full}\n      differential: {{schedule: "0 3 * * 1-6"}}'
    shell.plans.write(shell.plans.changed((full, both)))
    assert "each will be larger" not in shell("plan", "check")[0]
    shell.plans.write(shell.plans.changed((full, both)).replace(full, "full: {}"))
    (warning,) = shell.json("plan", "check")["warnings"]
    assert warning["path"].endswith(".backup.differential")
    assert warning["message"] == (
        "differential backups are scheduled and full ones are not: each will be larger than the last"
    )


def test_show_says_when_where_how_long_and_for_whom(shell: Shell, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "cache").mkdir(parents=True)
    (tree / "cache" / "x").write_bytes(b"12345")
    (tree / "keep").write_bytes(b"123")
    text = shell.plans.changed(
        ("path: /var/www/crud-asbl-ong", f"path: {tree}"), ('full: {schedule: "0 3 * * SUN"}', "full: {}")
    )
    shell.plans.write(text)
    out, err = shell("plan", "show")
    assert f"Counting in {tree}…" in err
    assert "crud-db: MariaDB at /run/mysqld/mysqld.sock, crud_asbl_ong" in out
    assert len(re.findall(r"\w{3} 2026-11-2[234] 02:00 CET +2026-11-2[234]T01:00:00Z", out)) == 3
    assert "full backup       by hand only" in out
    assert "stored in         local (/var/backups/intendance)" in out
    assert "kept              30 days" in out
    assert f"owner {shell.plans.keys.owner.fingerprint}, held by Administrateur principal" in out
    assert re.search(r"cache/\*: 1 file, 5 b", out, re.IGNORECASE)
    assert "*.log: matches nothing" in out
    shown = {asset["asset"]: asset for asset in shell.json("plan", "show")["assets"]}
    assert shown["site-files"]["exclusion"]["excluded"] == {"files": 1, "folders": 0, "size_bytes": 5}
    assert len(shown["crud-db"]["activities"][0]["next"]) == 3
    assert "exclusion" not in shell.json("plan", "show", "--no-count")["assets"][1]


def test_show_of_a_tree_that_is_elsewhere_says_so(shell: Shell) -> None:
    out, _ = shell("plan", "show")
    assert "not counted: site-files is not there" in out
    assert shell.json("plan", "show")["assets"][1]["exclusion"] is None


def test_schema_prints_a_json_schema(shell: Shell) -> None:
    out, _ = shell("plan", "schema")
    jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_adopt_records_says_what_changes_and_what_to_type_next(shell: Shell) -> None:
    out, _ = shell("plan", "adopt", "--state", "st")
    assert "is in force: record 1 of the ledger of web-01" in out
    assert "→ Make the first backup: `intendance backup run crud-db`" in out
    out, _ = shell("plan", "adopt", "--state", "st")
    assert "in force already" in out
    shell.plans.write(shell.plans.changed(("points: 30d", "points: 31d")))
    out, _ = shell("plan", "adopt", "--state", "st")
    assert "  - crud-db is kept longer: 31 days instead of 30" in out
    shell.plans.write(shell.plans.example())
    out, err = shell("plan", "adopt", "--state", "st", code=2)
    assert out == ""
    assert "`intendance plan adopt intendance.yaml --confirm crud-db`" in err
    answer = shell.json("plan", "adopt", "--state", "st", "--confirm", "crud-db")
    assert answer["adopted"] is True
    assert answer["evidence"]["node"] == "web-01"
    assert [change["severe"] for change in answer["changes"]] == [True]


def test_what_another_plan_ends_is_found_again_by_its_adoption(shell: Shell) -> None:
    """So that the next look at a node without an agent is not from nothing. A first plan has nothing to look at."""
    state, clock = shell.plans.folder / "st", SystemClock()

    def known() -> set[str]:
        with Book.open(state, clock) as book:
            return set(findings.recall(book, "Europe/Brussels", clock.read().at).about)

    shell("plan", "adopt", "--state", "st")
    assert not (state / findings.PLACE).exists()
    assert judge(state, clock).verdicts
    assert known() == {"crud-db", "site-files"}
    shell.plans.write(shell.plans.changed(("points: 30d", "points: 31d")))
    shell("plan", "adopt", "--state", "st")
    assert known() == {"crud-db", "site-files"}
    told, anew = (judge(state, clock, afresh=afresh).verdicts for afresh in (False, True))
    assert [(each.rule, each.asset, each.state) for each in told] == [(e.rule, e.asset, e.state) for e in anew]
    (state / findings.PLACE).unlink()
    shell("plan", "adopt", "--state", "st")
    assert not (state / findings.PLACE).exists(), "nothing was adopted"


def test_adopt_makes_new_stores_ready_and_says_which_are_not(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(shell.plans.folder)
    path = shell.plans.folder / "disk" / "store"
    shell.plans.write(shell.plans.changed(("/var/backups/intendance", str(path))))
    _, err = shell("plan", "adopt", "--state", "st")
    assert f"warning: The store local cannot be reached: the folder {path.parent} does not exist." in err
    assert "Mend that, then: `intendance plan adopt intendance.yaml`" in err
    path.parent.mkdir()
    _, err = shell("plan", "adopt", "--state", "st")
    assert "warning: The store" not in err
    assert (path / ".intendance-store").exists()


DECLARED = """hosts: {laptop: {held_by: admin}}
alerts:
  email: {smtp: "smtp://mail.example.org", from: intendance@example.org}
  policy: {warning: [{after: 0min, to: lead, by: [email]}]}
probes: [{name: accueil, url: "https://asbl.example.org/", every: 60s, expect: 200, slo: 99.9%}]
sites: {crud: {assets: [crud-db, site-files]}}
windows: [{name: week-end, rrule: "FREQ=WEEKLY;BYDAY=SA;BYHOUR=22;BYMINUTE=0", lasts: 2h}]
contacts:"""


def test_what_is_not_performed_yet_is_kept_and_said_by_every_command(shell: Shell) -> None:
    shell.plans.write(shell.plans.changed(("contacts:", DECLARED)))
    told = "Declared, not yet performed by this version: probes."
    assert told in shell("plan", "check")[0]
    assert told in shell("plan", "diff", "--state", "st")[0]
    assert told in shell("plan", "adopt", "--state", "st")[0]
    assert shell.json("plan", "check")["declared"] == ["alerts", "probes", "windows"]
    assert shell.json("plan", "show", "--no-count")["declared"]["windows"][0]["name"] == "week-end"
    shown = shell("plan", "show", "--no-count")[0]
    performed = shown.partition("Performed by the fleet's manager, as it is written:")[2]
    assert "windows:" in performed.partition("not yet performed")[0]
    assert "windows" not in performed.partition("not yet performed")[2]
    plan = adopted.read(Path("st"))
    assert plan.declared["windows"][0]["lasts"] == "2h"
    assert plan.sites["crud"].assets == ("crud-db", "site-files")
    shell.plans.write(shell.plans.example())
    answer = shell.json("plan", "diff", "--state", "st")
    assert answer["to_confirm"] == ["alerts", "crud", "probes"]


def test_a_store_of_another_kind_is_adopted_and_takes_backups(shell: Shell) -> None:
    known = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGmnEJ0mOZ1kSYMnqLmXvS3GZ1oS6hZRk5GmBoVh4yHb"
    sftp = "  away: {kind: sftp, host: nas, user: backup, path: /srv, credentials: {file: key}, "
    sftp += f'host_key: "{known}"}}\n\nassets:'
    shell.plans.write(
        shell.plans.changed(
            ("\nassets:", sftp),
            ("[local]\n      retention: {points: 30d}", "[local, away]\n      retention: {points: 30d}"),
        )
    )
    shell("plan", "adopt", "--state", "st")
    plan = adopted.read(Path("st"))
    assert set(plan.stores) == {"local", "away"}
    assert plan.assets["crud-db"].backup is not None
    assert plan.assets["crud-db"].backup.stores == ("local", "away")
    assert list(plan.declared) == []


def test_diff_says_what_starts_stops_and_must_be_confirmed_and_changes_nothing(shell: Shell) -> None:
    out, _ = shell("plan", "diff", "--state", "st")
    assert "No plan is in force here" in out
    assert not Path("st").exists()
    shell("plan", "adopt", "--state", "st")
    out, _ = shell("plan", "diff", "--state", "st")
    assert "intendance.yaml is in force: record 1 of the ledger. Nothing would change." in out
    shell.plans.write(shell.plans.example() + "# one more word\n")
    assert "Only its wording is another" in shell("plan", "diff", "--state", "st")[0]
    text = shell.plans.changed(("points: 4w", "points: 5w"), ('logical: {schedule: "0 2 * * *"}', "logical: {}"))
    shell.plans.write(text.replace("\ncontacts:", "  more: {kind: files, path: /srv/more}\n\ncontacts:"))
    out, _ = shell("plan", "diff", "--state", "st")
    assert "Starts:\n  - more is added (files:/srv/more)\n" in out
    assert "Stops:\n  ! the logical backup of crud-db no longer happens by itself\n" in out
    assert "Changes:\n  - site-files is kept longer: 35 days instead of 28\n" in out
    assert "`intendance plan adopt intendance.yaml --confirm crud-db`" in out
    answer = shell.json("plan", "diff", "--state", "st")
    assert answer["in_force"] == {"node": "web-01", "seq": 1}
    assert [(each["code"], each["severe"]) for each in answer["changes"]] == [
        ("schedule-dropped", True),
        ("retention-longer", False),
        ("asset-added", False),
    ]
    assert answer["changes"][1]["params"] == {"name": "site-files", "days": 35, "before": 28}


def test_what_was_confirmed_stands_in_the_ledger(shell: Shell) -> None:
    shell("plan", "adopt", "--state", "st")
    shell.plans.write(shell.plans.changed(('logical: {schedule: "0 2 * * *"}', "logical: {}")))
    shell("plan", "adopt", "--state", "st", "--confirm", "crud-db")
    with Book.open(Path("st"), SystemClock()) as book:
        (adoption,) = book.facts("plan.adopted", latest=1)
    (confirmed,) = adoption.data.confirmed
    assert (confirmed.name, confirmed.change) == ("crud-db", "schedule-dropped")
    assert confirmed.sentence == "the logical backup of crud-db no longer happens by itself"
    assert "in force already" in shell("plan", "adopt", "--state", "st")[0]


def test_french_is_spoken_where_it_is_asked_for_and_machines_get_english(shell: Shell) -> None:
    shell("plan", "adopt", "--state", "st")
    shell.plans.write(shell.plans.changed(("points: 30d", "points: 31d")))
    assert "est valable. Sur web-01, il sauvegarde crud-db" in shell("--lang", "fr", "plan", "check")[0]
    out, _ = shell("--lang", "fr", "plan", "diff", "--state", "st")
    assert "  - crud-db est conservé plus longtemps\u00a0: 31 jours au lieu de 30\n" in out
    (change,) = shell.json("--lang", "fr", "plan", "diff", "--state", "st")["changes"]
    assert change["sentence"] == "crud-db is kept longer: 31 days instead of 30"
    assert "Ce qui change\u00a0:" in shell("--lang", "fr", "plan", "adopt", "--state", "st")[0]


def test_adopting_an_invalid_plan_tells_its_problems_and_changes_nothing(shell: Shell) -> None:
    shell.plans.write(shell.plans.changed(("version: 1", "version: 3")))
    out, err = shell("plan", "adopt", "--state", "st", code=2)
    assert out == ""
    assert "intendance.yaml:2:10: version: `3` is none of the values" in err
    assert "usage: intendance.yaml is not a valid plan: one problem to correct." in err
    assert not Path("st").exists()


def test_check_of_a_fleet_says_what_each_node_will_do(shell: Shell) -> None:
    shell.plans.write(shell.plans.example("fleet"))
    out, _ = shell("plan", "check")
    assert "On web-01 it backs up settings" in out
    assert "On db-01 it backs up settings" in out
    assert "`intendance plan adopt intendance.yaml --node NAME`" in out
    answer = shell.json("plan", "check")
    assert (answer["valid"], answer["nodes"]) == (True, ["web-01", "db-01"])


def test_a_problem_of_some_nodes_names_them(shell: Shell) -> None:
    stricter = ("    node: {site: namur, labels: {role: database}}", "    catalogues: [maint]")
    shell.plans.write(shell.plans.changed(stricter, example="fleet"))
    out, _ = shell("plan", "check", code=2)
    assert "intendance.yaml:33:24: assets.settings.backup.full.schedule (on db-01): " in out
    assert "nodes.db-01.assets.crud-db.backup.retention.points: " in out
    out, _ = shell("--lang", "fr", "plan", "check", code=2)
    assert "assets.settings.backup.full.schedule (sur db-01)\u00a0: " in out
    assert {tuple(each["nodes"]) for each in shell.json("plan", "check", code=2)["problems"]} == {("db-01",)}


def test_a_node_of_a_fleet_is_shown_compared_and_adopted_by_its_name(shell: Shell) -> None:
    shell.plans.write(shell.plans.example("fleet"))
    for command in ("show", "diff", "adopt"):
        out, err = shell("plan", command, code=2)
        assert "is the plan of several nodes: web-01, db-01" in err
        out, err = shell("plan", command, "--node", "db-02", code=2)
        assert "says nothing of the node db-02" in err
    assert shell.json("plan", "show", "--node", "db-01")["node"] == "db-01"
    assert shell.json("plan", "diff", "--node", "db-01")["in_force"] is None
    adopted_now = shell.json("plan", "adopt", "--node", "db-01")
    assert adopted_now["evidence"]["node"] == "db-01"
    assert adopted_now["warnings"] == []
    assert shell.json("plan", "show")["node"] == "db-01"
    assert shell.json("plan", "diff")["same"] is True
    assert shell.json("plan", "adopt")["adopted"] is False
    out, _ = shell("plan", "check")
    assert "--node" not in out
    _, err = shell("plan", "adopt", "--node", "web-01", code=2)
    assert "the ledger in" in err


def test_a_node_that_leaves_the_file_keeps_its_plan(shell: Shell) -> None:
    text = shell.plans.example("fleet")
    shell.plans.write(text)
    shell("plan", "adopt", "--node", "db-01")
    kept = adopted.read(shell.plans.folder / "state")
    shell.plans.write(text[: text.index("  db-01:")])
    for command in ("show", "diff", "adopt"):
        _, err = shell("plan", command, code=2)
        assert "says nothing of the node db-01" in err
    assert adopted.read(shell.plans.folder / "state") == kept
