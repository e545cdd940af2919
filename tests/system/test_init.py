"""`init` on the machine that runs the tests, whatever stands on it: what it writes can be kept, and opens what it
should."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from intendance.system.openpgp import read_keys
from tests.support.gnupg import private_home
from tests.support.state import Answer, Site


@pytest.fixture
def desk(bare_site: Site) -> Site:
    bare_site.plan.unlink(missing_ok=True)
    return bare_site


def _init(desk: Site, *words: str) -> Answer:
    return desk.run("init", "--output", str(desk.plan), *words)


def _recovery(desk: Site) -> Path:
    (folder,) = desk.base.glob("recovery-*")
    return folder


def _gpg(home: Path, *words: str, passphrase: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback",
         "--passphrase", passphrase, *words],
        input=content, capture_output=True, check=False,
    )  # fmt: skip


def test_what_it_writes_is_a_plan_and_two_keys_that_this_machine_cannot_use(desk: Site) -> None:
    told = _init(desk, "--yes", "--json")
    assert told.code == 0, told.err
    answer: dict[str, Any] = told.json
    assert answer["written"] is True
    assert desk.run("plan", "check", str(desk.plan)).code == 0
    names = [each["name"] for each in answer["assets"]]
    assert ("settings" in names) == (os.geteuid() == 0)
    assert [(each["name"], each["held_by"]) for each in answer["keys"]] == [("owner", "admin"), ("guardian", "second")]
    recovery = _recovery(desk)
    for place in (recovery, *recovery.rglob("*")):
        assert stat.S_IMODE(place.stat().st_mode) & 0o077 == 0
    everything = b"".join(each.read_bytes() for each in desk.base.rglob("*") if each.is_file())
    assert [each for each in answer["keys"] if each["passphrase"].encode() in everything] == []
    for key in answer["keys"]:
        with private_home() as home:
            private = recovery / key["name"] / "private-key.asc"
            public = desk.plan.parent / "keys" / f"{key['name']}.asc"
            assert _gpg(home, "--import", str(public), passphrase="").returncode == 0
            sealed = _gpg(
                home, "--trust-model", "always", "-e", "-r", key["fingerprint"], passphrase="", content=b"set"
            )
            assert sealed.returncode == 0
            assert _gpg(home, "--import", str(private), passphrase="").returncode == 0
            assert _gpg(home, "-d", passphrase="wrong", content=sealed.stdout).returncode != 0
            opened = _gpg(home, "-d", passphrase=key["passphrase"], content=sealed.stdout)
            assert opened.stdout == b"set"


def test_a_second_time_it_overwrites_nothing_and_tells_the_steps(desk: Site) -> None:
    assert _init(desk, "--yes").code == 0
    before = {each: each.read_bytes() for each in desk.base.rglob("*") if each.is_file()}
    again = _init(desk, "--yes", "--json")
    assert again.code == 0
    assert again.json["written"] is False
    assert "keys" not in again.json
    assert {each: each.read_bytes() for each in desk.base.rglob("*") if each.is_file()} == before
    states = {each["step"]: each["state"] for each in again.json["steps"]}
    assert states == {
        "local_backup": "next", "off_site": "later", "second_key": "next", "alert_test": "later", "drill": "later",
    }  # fmt: skip


def test_what_is_in_the_way_is_named_before_anything_is_made(desk: Site) -> None:
    (desk.base / "keys").mkdir()
    (desk.base / "keys/owner.asc").write_text("mine")
    refused = _init(desk, "--yes")
    assert refused.code == 2
    assert f"{desk.base}/keys/owner.asc is there already" in refused.err
    assert not desk.plan.exists()
    assert list(desk.base.glob("recovery-*")) == []


def test_without_a_terminal_it_wants_yes(desk: Site) -> None:
    refused = _init(desk)
    assert refused.code == 2
    assert "intendance init --yes" in refused.err
    assert not desk.plan.exists()


def test_from_nothing_to_a_backup_that_a_holder_opens(desk: Site) -> None:
    answer = _init(desk, "--yes", "--json").json
    text = desk.plan.read_text()
    head, _, rest = text.partition("assets:\n")
    contacts = rest[rest.index("\n# ") :]
    tree = f"  site:\n    kind: files\n    path: {desk.tree}\n    backup:\n      full: {{schedule: '0 3 * * SUN'}}\n"
    tree += "      inspect: {schedule: '30 5 * * *'}\n      stores: [local]\n      retention: {points: 4w}\n"
    store = next(line for line in head.splitlines() if line.startswith("  local:"))
    head = head.replace(store, f"  local: {{kind: directory, path: {desk.base}/kept}}")
    desk.plan.write_text(f"{head}assets:\n{tree}{contacts}")
    assert desk.run("plan", "adopt", str(desk.plan)).code == 0
    with desk.node() as node:
        (taken,) = node.book.facts("inventory.taken")
        assert taken.data.packages == 0 or node.book.record(taken.seq).attachments
    assert desk.run("backup", "run").code == 0
    steps = {each["step"]: each["state"] for each in _init(desk, "--json").json["steps"]}
    assert steps["local_backup"] == "done"
    owner = answer["keys"][0]
    with private_home() as home:
        _gpg(home, "--import", str(_recovery(desk) / "owner/private-key.asc"), passphrase="")
        (part,) = (desk.base / "kept").rglob("tree-*.gpg")
        opened = _gpg(home, "-d", passphrase=owner["passphrase"], content=part.read_bytes())
        assert opened.stdout.startswith(b"\x28\xb5\x2f\xfd")  # zstd's magic number: RFC 8878


def test_doctor_says_that_the_private_halves_are_still_here_until_they_are_gone(desk: Site) -> None:
    _init(desk, "--yes")
    told = desk.run("doctor", "--plan", str(desk.plan), "--json").json
    (left,) = [each for each in told["findings"] if each["code"] == "keys_left_behind"]
    assert left["mend"] == [f"rm -r {_recovery(desk)}"]
    shutil.rmtree(_recovery(desk))
    told = desk.run("doctor", "--plan", str(desk.plan), "--json").json
    assert [each for each in told["findings"] if each["code"] == "keys_left_behind"] == []


def test_at_a_terminal_it_asks_and_writes_what_was_said(desk: Site) -> None:
    answers = ("Les Amis", "Marie Dubois", "marie@example.org", "Thomas", "", f"{desk.base}/kept")
    master, slave = os.openpty()
    process = subprocess.Popen(
        desk.command("init", "--output", str(desk.plan), "--lang", "fr"),
        stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=desk.base, text=True,
    )  # fmt: skip
    os.close(slave)
    os.write(master, "".join(f"{each}\n" for each in answers).encode())
    out, err = process.communicate(timeout=300)
    os.close(master)
    assert process.returncode == 0, err
    assert "Le nom de l’organisation" in err
    assert "Le plan est écrit" in out
    assert "Le nom de l’organisation" not in out
    plan = yaml.safe_load(desk.plan.read_text())
    assert plan["organisation"] | {"timezone": ""} == {"name": "Les Amis", "timezone": "", "language": "fr"}
    assert plan["contacts"] == {
        "admin": {"name": "Marie Dubois", "email": "marie@example.org"}, "second": {"name": "Thomas"},
    }  # fmt: skip
    assert plan["stores"] == {"local": {"kind": "directory", "path": f"{desk.base}/kept"}}
    (user_id,) = read_keys((desk.base / "keys/owner.asc").read_text())[0].user_ids
    assert user_id == "Marie Dubois (Les Amis) <marie@example.org>"


def _own(desk: Site, *names: str) -> list[str]:
    for name in names:
        (desk.base / f"{name}.asc").write_text(getattr(desk.keys, name).armored)
    return [word for name in names for word in ("--key", f"{name}.asc")]


def test_who_has_a_key_brings_its_public_half(desk: Site) -> None:
    told = _init(desk, "--yes", "--json", *_own(desk, "offline"))
    assert told.code == 0, told.err
    mine, made = told.json["keys"]
    assert (mine["name"], mine["fingerprint"], mine["passphrase"]) == ("owner", desk.keys.offline.fingerprint, "")
    assert made["passphrase"]
    assert (desk.base / "keys/owner.asc").read_text() == desk.keys.offline.armored
    assert [each.parent.name for each in _recovery(desk).rglob("private-key.asc")] == ["guardian"]
    assert desk.run("plan", "check", str(desk.plan)).code == 0


def test_with_two_keys_brought_nothing_secret_is_made(desk: Site) -> None:
    told = _init(desk, "--yes", *_own(desk, "owner", "offline"))
    assert told.code == 0, told.err
    assert "passphrase" not in told.out
    assert [each.name for each in _recovery(desk).rglob("*")] == ["recovery-sheet.html"]
    assert desk.run("plan", "adopt", str(desk.plan)).code == 0


def test_a_key_that_cannot_open_backups_is_refused_before_anything_is_made(desk: Site) -> None:
    (desk.base / "private.asc").write_text(desk.keys.owner.secret())
    (desk.base / "none.asc").write_text("nothing")
    cases = {
        "it is the key": _own(desk, "owner", "owner"),
        "PRIVATE key": ["--key", "private.asc"],
        "holds no OpenPGP public key": ["--key", "none.asc"],
        "there is no file": ["--key", "absent.asc"],
        "cannot encrypt": _own(desk, "node"),
        "was given 3 times": _own(desk, "owner", "offline", "drill"),
    }
    for said, words in cases.items():
        refused = _init(desk, "--yes", *words)
        assert (refused.code, said in refused.err) == (2, True), refused.err
    assert not desk.plan.exists()
    assert list(desk.base.glob("recovery-*")) == []
    assert not (desk.base / "keys").exists()
