"""Whatever is typed wrong: one sentence, what to type instead, the contract's exit code, nothing half-done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intendance.cli import main
from intendance.cli.figures import duration
from intendance.model.errors import Exit
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


@pytest.mark.parametrize(
    ("words", "code", "said", "next_step"),
    [
        (
            ("backup", "run", "site-filez"),
            2,
            "no asset `site-filez`; did you mean `site-files`?",
            "It has: site-files.",
        ),
        (("backup", "run", "site-files", "--kind", "logical"), 2, "no logical backup for site-files", "It has: full."),
        (("backup", "run", "--kind", "weekly"), 2, "weekly", "intendance backup run --help"),
        (("backup", "inspect", "nope"), 2, "no asset `nope`", "It has: site-files."),
        (("backup", "list", "nope"), 2, "no asset `nope`", "It has: site-files."),
        (("backup", "show", "nope"), 2, "hold no set `nope`", "intendance backup list"),
        (("backup", "show", "site-files.backup-full.20200101T000000Z.1"), 2, "hold no set", "intendance backup list"),
        (("backup", "fly"), 2, "No such command 'fly'", "intendance backup --help"),
        (("run", "show", "nope"), 2, "no run `nope`", "intendance run list"),
        (("run", "cancel", "nope"), 2, "no run `nope`", "intendance run list"),
        (("run", "list", "nope"), 2, "no asset `nope`", "It has: site-files."),
        (("run", "list", "--limit", "0"), 2, "0", "intendance run list --help"),
        (("restore", "run", "site-files"), 2, "--into", "intendance restore run --help"),
        (("restore", "run", "nope", "--into", "x"), 2, "no asset `nope`", "It has: site-files."),
        (("restore", "run", "site-files", "--into", " "), 2, "`--into` is empty", ""),
        (
            ("restore", "run", "site-files", "--into", "x", "--to", "soon"),
            2,
            "`soon` is not a time",
            "2026-11-21 08:30",
        ),
        (
            ("restore", "run", "site-files", "--into", "x", "--to", "2027-03-28 02:30"),
            2,
            "does not exist in Europe/Brussels",
            "UTC",
        ),
        (
            ("restore", "plan", "site-files", "--into", "x", "--to", "2027-10-31 02:30"),
            2,
            "occurs twice in Europe/Brussels",
            "--to 2027-10-31T00:30:00Z",
        ),
        (
            ("restore", "run", "site-files", "--into", "x", "--to", "2026-01-01", "--point", "y"),
            2,
            "write one of them",
            "",
        ),
        (("restore", "run", "site-files", "--into", "x"), 2, "no recovery point", ""),
        (("restore", "run", "site-files", "--into", "x", "--store", "moon"), 2, "in a store `moon`", "local"),
        (
            ("restore", "run", "site-files", "--into", "x", "--point", "nope"),
            2,
            "no recovery point nope",
            "backup list",
        ),
        (("agent", "--now"), 2, "No such option", "intendance agent --help"),
    ],
)
def test_wrong_words_are_answered_with_a_sentence(
    site: Site, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str, next_step: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main.run(["--state", str(site.state), *words])
    out, err = capfd.readouterr()
    assert left.value.code == code, err
    assert out == ""
    assert err.startswith("usage: ")
    assert said in err
    assert next_step in err
    assert "Traceback" not in err
    assert err.count("\n") <= 2
    with site.node() as node:
        assert node.journal.recent() == ()
        assert node.book.size() == 3, "genesis, plan, asset: nothing was done"
    assert not (site.base / "x").exists()


@pytest.mark.parametrize("words", [("backup", "run"), ("backup", "list"), ("run", "list"), ("agent",)])
def test_without_a_state_the_answer_says_how_to_begin(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as left:
        main.run(["--state", str(tmp_path / "none"), *words])
    assert left.value.code == Exit.USAGE
    assert "intendance plan adopt" in capfd.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_refusal_is_an_object_where_json_was_asked_for(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.run(["--state", str(site.state), "backup", "run", "nope", "--json"])
    out, _ = capfd.readouterr()
    assert '"schema": "intendance.error/1"' in out
    assert '"code": "asset_unknown"' in out


def test_an_unforeseen_error_is_kept_in_a_file_and_not_on_the_screen(
    site: Site, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2 was wrong")

    monkeypatch.setattr("intendance.agent.service.list_runs", broken)
    with pytest.raises(SystemExit) as left:
        main.run(["--state", str(site.state), "run", "list"])
    _, err = capfd.readouterr()
    assert left.value.code == Exit.FAILED
    assert "met a case that it does not know: RuntimeError" in err
    assert "Traceback" not in err
    (trace,) = (site.state / "agent/crash").iterdir()
    assert str(trace) in err
    assert "Traceback" in trace.read_text()
    assert "hunter2" not in trace.read_text()
    assert trace.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("INTENDANCE_TRACE", "1")
    with pytest.raises(RuntimeError):
        main.run(["--state", str(site.state), "run", "list"])


def test_restoring_without_a_private_key_says_which_ones_open_it(site: Site, tmp_path: Path) -> None:
    assert site.run("backup", "run").code == 0
    empty = site.base / "g"
    empty.mkdir(mode=0o700)
    refused = site.run("restore", "run", "site-files", "--into", "back", environment={"GNUPGHOME": str(empty)})
    assert refused.code == 1
    assert site.keys.owner.fingerprint in refused.err.split("error:")[1]
    assert site.keys.offline.fingerprint in refused.err.split("error:")[1]
    assert "GNUPGHOME" in refused.err
    assert not (site.base / "back").exists()


def test_the_nodes_own_keyring_opens_nothing(site: Site) -> None:
    assert site.run("backup", "run").code == 0
    own = {"GNUPGHOME": str(site.state / "agent/gnupg")}
    assert site.run("restore", "run", "site-files", "--into", "back", environment=own).code == 1
    assert not (site.base / "back").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="drops to another user")
def test_a_state_of_somebody_else_is_refused_with_a_sentence(site: Site) -> None:
    import subprocess  # one test needs another user
    import sys

    site.base.chmod(0o755)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "--", *site.command("run", "list")],
        capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], "HOME": "/tmp"}, cwd="/tmp",
    )  # fmt: skip
    if "No module named" in done.stderr or "ermission denied" in done.stderr.partition("error:")[0]:
        pytest.skip(f"{sys.executable} is not readable by others")
    assert done.returncode == 1, done.stderr
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3600, "1 h 00 min")],
)
def test_durations_to_a_tenth(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
