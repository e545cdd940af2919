"""A state that cannot be written, as after a disaster: what reads answers, a restore brings the data back, what must be
recorded refuses in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.support.evidence import failed
from tests.support.sqlite import dump, members
from tests.support.state import Site
from tests.system.test_journey import same

pytestmark = [
    pytest.mark.gnupg,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root"),
]
ANSWER = Path(__file__).resolve().parents[2] / "docs/answers/site-restored-1.json"
FULL, READ_ONLY = "No space left on device", "Read-only file system"


@pytest.fixture
def backed_up(site: Site) -> Site:
    made = site.run("backup", "run")
    assert made.code == 0, made.err
    return site


@contextmanager
def read_only(state: Path) -> Iterator[None]:
    """The state folder mounted over itself, for reading."""
    subprocess.run(["mount", "--bind", state, state], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", state], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", state], check=True)


@contextmanager
def full(state: Path) -> Iterator[None]:
    """The state folder on a disk of its own with no byte left."""
    content = state.with_name("content")
    shutil.copytree(state, content, symlinks=True, ignore=shutil.ignore_patterns("S.*", "*.sock"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "none", state], check=True)
    try:
        shutil.copytree(content, state, symlinks=True, dirs_exist_ok=True)
        filler = os.open(state / "filler", os.O_WRONLY | os.O_CREAT)
        with suppress(OSError):
            while os.write(filler, bytes(4096)):
                pass
        os.close(filler)
        yield
    finally:
        subprocess.run(["umount", "--lazy", state], check=True)


WAYS = pytest.mark.parametrize(("unwritable", "why"), [(read_only, READ_ONLY), (full, FULL)])


def inventory(state: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in state.rglob("*") if file.is_file() and not file.name.endswith("-shm")}


@WAYS
def test_everything_that_reads_answers(backed_up: Site, unwritable, why: str) -> None:  # type: ignore[no-untyped-def]
    site = backed_up
    asked = [
        ("status", "--json"),
        ("backup", "list", "--json"),
        ("restore", "plan", "site-files", "--into", "back", "--json"),
        ("run", "list", "--json"),
        ("ledger", "show", "1"),
        ("ledger", "show"),
        ("ledger", "verify"),
        ("ledger", "checkpoint"),
        ("ledger", "export", "bundle.tar"),
    ]
    (point,) = site.run("backup", "list", "--json").json["points"]
    asked.append(("backup", "show", point["id"]))
    before = {words: site.run(*words) for words in asked if words[1] != "export"}
    with unwritable(site.state):
        held = inventory(site.state)
        for words in asked:
            found = site.run(*words)
            assert found.code == (before[words].code if words in before else 0), (words, found.err)
            assert f"cannot be written ({why}); nothing is recorded." in found.err, words
            assert "error" not in found.err, (words, found.err)
            assert found.out, words
        assert {name: each for name, each in inventory(site.state).items() if name in held} == held
    assert (site.base / "bundle.tar").exists()


@WAYS
def test_a_restore_brings_the_data_back_unrecorded(backed_up: Site, unwritable, why: str) -> None:  # type: ignore[no-untyped-def]
    site = backed_up
    with unwritable(site.state):
        told, answered = (
            site.run("restore", "run", "site-files", *more, environment=site.keys.owner.environment)
            for more in (("--into", "back"), ("--into", "again", "--json"))
        )
        assert told.code == answered.code == 0, told.err + answered.err
        assert why in told.err
        assert "; not recorded" in told.out
        assert answered.json["evidence"] is answered.json["run"] is None
        assert same(site.tree, site.base / "back")
        assert same(site.tree, site.base / "again")
    assert "restore" not in [run["activity"] for run in site.run("run", "list", "--json").json["runs"]]


@WAYS
def test_a_site_comes_back_unrecorded_too(bare_site: Site, unwritable, why: str) -> None:  # type: ignore[no-untyped-def]
    site = bare_site
    file = members(site.base / "members.sqlite")
    site.write_plan(
        more=f"""  members:
    kind: sqlite
    path: {file}
    backup:
      full: {{schedule: "15 * * * *"}}
      stores: [local]
      retention: {{points: 30d}}
sites:
  crud: {{assets: [site-files, members]}}
"""
    )
    assert site.run("plan", "adopt", str(site.plan)).code == 0
    made = site.run("backup", "run")
    assert made.code == 0, made.err
    taken = site.base / "taken"
    taken.mkdir()
    with unwritable(site.state):
        told, answered, refused = (
            site.run("restore", "run", "crud", *more, environment=site.keys.owner.environment)
            for more in (("--into", "back"), ("--into", "again", "--json"), ("--into", str(taken)))
        )
        assert told.code == answered.code == 0, told.err + answered.err
        assert why in told.err
        assert "  not recorded" in told.out
        assert answered.json["evidence"] is None
        assert [each["evidence"] for each in answered.json["assets"]] == [None, None]
        Draft202012Validator(json.loads(ANSWER.read_text())).validate(answered.json)
        for folder in ("back", "again"):
            assert same(site.tree, site.base / folder / "site-files")
            assert dump(site.base / folder / "members.sqlite") == dump(file)
        assert refused.code == 2
        assert "already" in refused.err
        file.unlink()
        shutil.rmtree(next(path.parent for path in site.base.rglob("MANIFEST.json") if "members" in str(path)))
        lost = site.run("restore", "run", "crud", "--into", "lost", environment=site.keys.owner.environment)
        assert lost.code != 0
        assert not (site.base / "lost").exists()


@WAYS
def test_what_must_be_recorded_is_refused_at_once(backed_up: Site, unwritable, why: str) -> None:  # type: ignore[no-untyped-def]
    site = backed_up
    with unwritable(site.state):
        for words in (("backup", "run"), ("backup", "inspect")):
            refused = site.run(*words)
            assert refused.code == 1
            assert refused.err.startswith(f"error: Nothing can be recorded in the state folder {site.state}: {why}.")
            assert "→" in refused.err
    assert len(site.sets()) == 1


def test_what_only_the_log_holds_is_read_too(backed_up: Site) -> None:
    """A machine that lost power: the last records were committed, and no process had the time to fold them in."""
    site = backed_up
    with site.node() as node:
        node.book.append(failed(datetime.now(UTC)), actor="person:root", asset="site-files")
        kept = node.book.size()
        for name in ("state.db", "state.db-wal"):
            shutil.copy(site.state / "agent" / name, site.base / name)
    assert (site.base / "state.db-wal").stat().st_size, "the log was folded in: this proves nothing"
    for name in ("state.db-wal", "state.db-shm"):
        (site.state / "agent" / name).unlink(missing_ok=True)
    for name in ("state.db", "state.db-wal"):
        shutil.copy(site.base / name, site.state / "agent" / name)
    with read_only(site.state):
        verified = site.run("ledger", "verify", "--json")
        assert verified.code == 0, verified.out
        assert verified.json["size"] == kept
        assert site.run("status", "--json").json["verdicts"]


def test_verify_says_that_the_ledger_was_lost(backed_up: Site) -> None:
    for file in (backed_up.state / "agent").glob("state.db*"):
        file.unlink()
    lost = backed_up.run("ledger", "verify")
    assert lost.code == 1
    assert "is lost, while its checkpoint is still there" in lost.err
