"""How an interruption shows: a restore that somebody ended, a run whose process is gone."""

from __future__ import annotations

import shutil
import signal

import pytest

from tests.support.state import Gate, Site, until

pytestmark = pytest.mark.gnupg


def test_ctrl_c_ends_a_restore_as_it_ends_a_backup(site: Site) -> None:
    made = site.run("backup", "run")
    assert made.code == 0, made.err
    gate = Gate(site)
    environment = {**site.environment, **site.keys.owner.environment}
    restore = site.start("restore", "run", "site-files", "--into", "back", environment=environment)
    gate.wait()
    restore.send_signal(signal.SIGINT)
    _, err = restore.communicate(timeout=180)
    assert restore.returncode == 130, err
    assert "Restoring site-files was cancelled; nothing incomplete is left at" in err
    assert not (site.base / "back").exists()
    newest = site.run("run", "list", "--json").json["runs"][0]
    assert (newest["activity"], newest["state"], newest["worker_gone"]) == ("restore", "cancelled", False)


def test_a_run_whose_process_is_gone_is_not_said_to_run(site: Site, gate: Gate) -> None:
    command = site.start("backup", "run")
    gate.wait()
    (run,) = site.run("run", "list", "--json").json["runs"]
    assert (run["state"], run["worker_gone"]) == ("running", False)
    command.kill()  # the worker ends with it, and nobody is left to write that down
    command.wait()
    until(lambda: site.run("run", "list", "--json").json["runs"][0]["worker_gone"], "the worker to be gone")
    assert "process gone" in site.run("run", "show", run["id"]).out
    listed = site.run("run", "list")
    assert "running, process gone" in listed.out
    assert "broken off" in listed.err

    gate.open()
    shutil.rmtree(site.base / "gate")
    assert site.run("backup", "run").code == 0
    states = {each["id"]: each["state"] for each in site.run("run", "list", "--json").json["runs"]}
    assert states[run["id"]] == "interrupted"
