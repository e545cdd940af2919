"""The systemd unit: systemd itself finds nothing wrong in it, and the agent does its work with what it leaves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from intendance.engines.private_mariadb import PrivateServer
from tests.support.state import Site, until
from tests.support.units import UNITS, read_unit

UNIT = UNITS / "intendance-agent.service"
OWN_USER = UNITS / "intendance-agent.service.d/own-user.conf"
NAME = "intendance-agent.service"
NOBODY = 65534
READ_EVERYTHING = "-all,+dac_read_search"


def _need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        sentence = f"not installed: {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)


def _need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can take capabilities away from root")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=180, stdin=subprocess.DEVNULL)


def _installed(root: Path, *, own_user: bool, changed: tuple[str, str] = ("", "")) -> Path:
    """A root folder with the unit as it would be installed, beside a program of that name."""
    place = root / "etc/systemd/system"
    place.mkdir(parents=True)
    text = UNIT.read_text()
    assert changed[0] in text
    (place / NAME).write_text(text.replace(*changed) if changed[0] else text)
    if own_user:
        (place / f"{NAME}.d").mkdir()
        shutil.copy(OWN_USER, place / f"{NAME}.d")
    program = root / "opt/intendance/bin/intendance"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return root


def _security(root: Path, threshold: int) -> subprocess.CompletedProcess[str]:
    options = ("--no-pager", "--offline=true", f"--root={root}", f"--threshold={threshold}")
    return _run("systemd-analyze", "security", *options, NAME)


# ── what systemd says ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("own_user", [False, True])
def test_systemd_finds_nothing_wrong_in_it(tmp_path: Path, own_user: bool) -> None:
    _need("systemd-analyze")
    root = _installed(tmp_path, own_user=own_user)
    unit = root / "etc/systemd/system" / NAME
    unit.write_text(unit.read_text().replace("/opt/intendance", f"{root}/opt/intendance"))
    done = _run("systemd-analyze", "verify", "--man=no", str(unit))
    assert (done.returncode, [line for line in done.stderr.splitlines() if "intendance" in line]) == (0, [])


def test_verify_would_see_a_word_that_systemd_does_not_know(tmp_path: Path) -> None:
    _need("systemd-analyze")
    root = _installed(tmp_path, own_user=False, changed=("ProtectSystem=", "ProtectSytem="))
    done = _run("systemd-analyze", "verify", "--man=no", str(root / "etc/systemd/system" / NAME))
    assert "ProtectSytem" in done.stderr


@pytest.mark.parametrize(("own_user", "threshold"), [(False, 30), (True, 27)])
def test_it_is_exposed_to_little(tmp_path: Path, own_user: bool, threshold: int) -> None:
    """Tenths of systemd's points, 0 to 100; without any hardening it is 96, here 25 and 22 (systemd 252)."""
    _need("systemd-analyze")
    done = _security(_installed(tmp_path, own_user=own_user), threshold)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_one_line_less_is_noticed(tmp_path: Path) -> None:
    _need("systemd-analyze")
    less = ("CapabilityBoundingSet=CAP_DAC_READ_SEARCH\n", "")
    assert _security(_installed(tmp_path, own_user=False, changed=less), 30).returncode == 1


def test_the_user_and_the_folders_are_made(tmp_path: Path) -> None:
    _need("systemd-sysusers", "systemd-tmpfiles")
    _need_root()
    (tmp_path / "etc").mkdir()
    users = _run("systemd-sysusers", f"--root={tmp_path}", str(UNITS / "intendance.sysusers.conf"))
    assert users.returncode == 0, users.stderr
    line = next(each for each in (tmp_path / "etc/passwd").read_text().splitlines() if each.startswith("intendance:"))
    made = _run("systemd-tmpfiles", f"--root={tmp_path}", "--create", str(UNITS / "intendance.tmpfiles.conf"))
    assert made.returncode == 0, made.stderr
    seen = (tmp_path / "var/lib/intendance").stat()
    assert (seen.st_mode & 0o777, seen.st_uid) == (0o700, int(line.split(":")[2]))
    (group,) = [each for each in (tmp_path / "etc/group").read_text().splitlines() if each.startswith("intendance:")]
    assert set(group.split(":")[3].split(",")) == {"intendance-manager", "intendance-witness"}


# ── the manager and the witness ──────────────────────────────────────────────────────────────────────────────────────

SERVED = ("intendance-manager.service", "intendance-witness.service")


def _served(root: Path, name: str, changed: tuple[str, str] = ("", "")) -> Path:
    """The same as `_installed`, with another unit and its user."""
    place = _installed(root, own_user=False).joinpath("etc/systemd/system", name)
    text = (UNITS / name).read_text()
    assert changed[0] in text
    place.write_text(text.replace(*changed) if changed[0] else text)
    return place


@pytest.mark.parametrize("name", SERVED)
def test_systemd_finds_nothing_wrong_in_the_others(tmp_path: Path, name: str) -> None:
    _need("systemd-analyze")
    unit = _served(tmp_path, name)
    unit.write_text(unit.read_text().replace("/opt/intendance", f"{tmp_path}/opt/intendance"))
    done = _run("systemd-analyze", "verify", "--man=no", str(unit))
    assert (done.returncode, [line for line in done.stderr.splitlines() if "intendance" in line]) == (0, [])
    unit.write_text(unit.read_text().replace("ExecReload=", "ExecRelaod="))
    assert "ExecRelaod" in _run("systemd-analyze", "verify", "--man=no", str(unit)).stderr


@pytest.mark.parametrize("name", SERVED)
def test_the_others_are_exposed_to_less(tmp_path: Path, name: str) -> None:
    """Tenths of systemd's points, as above; here 16 (systemd 252)."""
    _need("systemd-analyze")
    unit = _served(tmp_path, name)
    words = ("security", "--no-pager", "--offline=true", f"--root={tmp_path}", "--threshold=20", name)
    done = _run("systemd-analyze", *words)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
    unit.write_text(unit.read_text().replace("CapabilityBoundingSet=\n", ""))
    assert _run("systemd-analyze", *words).returncode == 1


@pytest.mark.parametrize(("name", "noun"), [(SERVED[0], "manager"), (SERVED[1], "witness")])
def test_the_command_of_a_unit_is_one_that_exists(tmp_path: Path, name: str, noun: str) -> None:
    """Its options are taken, and what is wrong is the file that it names: not the command line."""
    text = (UNITS / name).read_text()
    variables = dict(re.findall(r"(INTENDANCE_[A-Z]+)=(\S*)", text)) | {"INTENDANCE_LISTEN": "127.0.0.1:1"}
    for line in re.findall(r"^Exec(?:Start|Reload)=/opt/intendance/bin/intendance (.+)$", text, flags=re.MULTILINE):
        words = [re.sub(r"\$\{?(\w+)\}?", lambda found: variables[found[1]], word) for word in line.split()]
        words = [word.replace("/etc/intendance/", "/nonexistent/") for word in words if word]
        words = [word.replace("/var/lib/", f"{tmp_path}/") for word in words]
        done = _run(sys.executable, "-m", "intendance", *words)
        assert (noun in words) or ("check" in words)
        assert done.returncode != 0
        assert "/nonexistent/" in done.stderr, done.stderr


# ── what the unit leaves is enough ───────────────────────────────────────────────────────────────────────────────────


def _caged(*, user: int) -> tuple[str, ...]:
    """The unit's capabilities for one command: reading every file, for a user of its own as ambient capability."""
    caged = ("setpriv", f"--bounding-set={READ_EVERYTHING}", f"--inh-caps={READ_EVERYTHING}", "--no-new-privs")
    if user == 0:
        return caged
    return (*caged, f"--reuid={user}", f"--regid={user}", "--clear-groups", f"--ambient-caps={READ_EVERYTHING}")


def _command(site: Site, *words: str) -> list[str]:
    return [sys.executable, "-m", "intendance", "--state", str(site.state), *words]


def _give(site: Site, user: int) -> None:
    """State and store to the agent's user; the tree stays root's alone."""
    for folder in (site.state, site.store):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
    site.base.chmod(0o755)
    site.tree.chmod(0o700)
    for path in site.tree.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


@pytest.mark.gnupg
def test_a_user_of_its_own_backs_up_a_tree_that_is_roots_alone(site: Site) -> None:
    _need_root()
    _give(site, NOBODY)
    environment = os.environ | {"HOME": str(site.state), "COLUMNS": "200"}
    without = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all")
    words = _command(site, "backup", "run", "site-files")
    refused = subprocess.run([*without, *words], capture_output=True, text=True, check=False, env=environment)
    assert refused.returncode != 0, "the tree can be read without the capability, so this proves nothing"
    assert site.sets() == []

    agent = subprocess.Popen(
        [*_caged(user=NOBODY), *_command(site, "agent")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    site.started.append(agent)
    until(lambda: site.ping() is not None or agent.poll() is not None, "the agent to answer")
    done = subprocess.run(
        [*_caged(user=NOBODY), *words], capture_output=True, text=True, check=False, env=environment, timeout=180
    )
    agent.terminate()
    said = agent.communicate(timeout=180)[1]
    assert (done.returncode, agent.returncode) == (0, 0), done.stderr + said
    assert "attempt 1 begins" in said  # by the agent's worker, not by the command
    (found,) = site.sets()
    assert found.stat().st_uid == NOBODY
    manifest = (found / "MANIFEST.json").read_text()
    assert "site-files" in manifest


@pytest.mark.gnupg
def test_root_with_that_one_capability_backs_up_and_stays_within_the_filter(
    bare_site: Site, mariadb_server: PrivateServer, mariadb_database: str, tmp_path: Path
) -> None:
    """Every system call of a backup of files and of a database is one that the unit's filter lets through."""
    _need_root()
    _need("strace", "systemd-analyze")
    mariadb_server.execute(f"CREATE TABLE {mariadb_database}.t (a INT); INSERT INTO {mariadb_database}.t VALUES (1)")
    asset = f"""  shop-db:
    kind: mariadb
    connect: {{socket: {mariadb_server.socket}}}
    databases: [{mariadb_database}]
    backup:
      logical: {{}}
      stores: [local]
      retention: {{points: 90d}}
"""
    bare_site.write_plan(more=asset)
    bare_site.adopt()
    counted = tmp_path / "calls"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-c", "-U", "name", "-o", str(counted), *_caged(user=0),
         *_command(bare_site, "backup", "run")],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    used = {line.split()[0] for line in counted.read_text().splitlines() if re.fullmatch(r"[a-z0-9_]+ *", line)}
    assert {"execve", "splice", "openat"} <= used
    assert used - read_unit(NAME).calls() - {"syscall", "total"} == set()
    assert len(bare_site.sets()) == 2
