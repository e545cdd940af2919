"""Planted secrets, by every way into a node that fails: none comes out in a record, an answer, a log or a file."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from intendance.engines.private_mariadb import PrivateServer
from tests.support.mariadb import need_mariadb
from tests.support.state import Site, half_a_day_away

pytestmark = [pytest.mark.gnupg, pytest.mark.mariadb]

CORE = f"xQ7{secrets.token_hex(4)}"
SECRET = f"p'l a{CORE}\"%é"
OPTIONS = f'[client]\nuser=nobody-here\npassword="{SECRET}"\n'.replace('"%', '\\"%')
ASTRAY = f"[client]\nuser=nobody-here\n{CORE}-line\n"
"""A password that was broken across lines: its second half stands where an option's name should."""
SPELLED = (
    SECRET, quote(SECRET), json.dumps(SECRET), shlex.quote(SECRET), SECRET.encode().hex(),
    base64.b64encode(SECRET.encode()).decode(),
)  # fmt: skip


def traces() -> tuple[bytes, ...]:
    """What the secret can be known by, in any of its spellings."""
    inside = base64.b64encode(SECRET.encode()).decode()
    return (CORE.encode(), CORE.encode().hex().encode(), inside[8:20].encode())


def references(site: Site) -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """Ways to give credentials, all of which fail, as the plan writes them; with the environment that they need."""
    right = site.base / "right.cnf"
    astray = site.base / "astray.cnf"
    right.write_text(OPTIONS)
    astray.write_text(ASTRAY)
    for file in (right, astray):
        file.chmod(0o600)
    vault = site.base / "vault"
    vault.write_text(
        "#!/bin/sh\n" + "".join(f"echo {shlex.quote('token ' + each)} >&2\n" for each in SPELLED) + "exit 3\n"
    )
    vault.chmod(0o700)
    return {
        "a file, refused by the server": (f"{{file: {right}}}", {}),
        "a file with a stray line": (f"{{file: {astray}}}", {}),
        "the environment": ("{env: SHOP_DB}", {"SHOP_DB": OPTIONS}),
        "the environment, astray": ("{env: SHOP_DB}", {"SHOP_DB": ASTRAY}),
        "a command that fails and tells": (f"{{command: [{vault}]}}", {}),
    }


def left_in(*places: Path) -> list[str]:
    """The files that hold a trace of the secret."""
    return [
        str(path)
        for place in places
        for folder, _, names in os.walk(place)
        for path in (Path(folder, name) for name in names)
        if path.is_file() and any(trace in path.read_bytes() for trace in traces())
    ]


def asked(site: Site) -> list[str]:
    """Everything that people and machines can be told of what happened."""
    commands = [
        ("run", "list"), ("run", "list", "--json"), ("status",), ("status", "--json"),
        ("ledger", "show"), ("ledger", "show", "--json", "--last", "500"), ("backup", "list", "--json"),
        ("gate", "--json"), ("plan", "check", str(site.plan), "--json"), ("plan", "show", str(site.plan), "--json"),
    ]  # fmt: skip
    answers = [site.run(*words) for words in commands]
    return [text for answer in answers for text in (answer.out, answer.err)]


def test_no_secret_comes_out(bare_site: Site, mariadb_server: PrivateServer, mariadb_database: str) -> None:
    need_mariadb()
    site = bare_site
    said: list[str] = []
    for name, (reference, environment) in references(site).items():
        site.environment = environment
        site.write_plan(
            more=f"""  crud-db:
    kind: mariadb
    databases: [{mariadb_database}]
    connect: {{socket: {mariadb_server.socket}, credentials: {reference}}}
    backup:
      logical: {{schedule: "{half_a_day_away()} *"}}
      stores: [local]
      retention: {{points: 90d}}
"""
        )
        adopted = site.run("plan", "adopt", str(site.plan), "--json")
        assert adopted.code == 0, adopted.err
        for words in (("backup", "run", "crud-db"), ("doctor", "--json")):
            made = site.run(*words)
            assert made.code == 1, (name, made)
            said += [made.out, made.err]
    with site.agent():
        made = site.run("backup", "run", "crud-db", "--json")
        assert made.code == 1, made
    said += [made.out, made.err, *asked(site)]
    with site.node() as node:
        assert len(list(node.book.records(kind="backup.failed"))) == len(references(site)) + 1
        node.book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    told = [text for text in said if any(trace in text.encode() for trace in traces())]
    assert not told, told[:2]
    assert left_in(site.state, site.store) == []
    assert "ended with code 3" in "".join(said)
    assert "no client program knows" in "".join(said)
