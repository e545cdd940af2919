"""A store on another machine is pruned by a laptop, command by command: three machines, each with its own key to it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.agent.opening import open_book
from intendance.system.clock import SystemClock
from tests.support.sshd import ADDS_ONLY, READS_ONLY, SshServer, written
from tests.support.state import Answer, Site, next_second

pytestmark = pytest.mark.gnupg
AGES = (60, 40, 0)
"""Of the sets, in days by the other machine's clock."""
ASSET = "testing/web-01/site-files"


@dataclass
class Trio:
    """The node, whose key over there adds and removes nothing; the laptop, with one that reads and one that deletes;
    the far folder. Both name the keys `~/…` by one plan, and have homes of their own."""

    site: Site
    far: Path

    def node(self, *words: str) -> Answer:
        return self.site.run(*words, environment=self._home("web-01"))

    def laptop(self, *words: str) -> Answer:
        given = {**self.site.keys.owner.environment, **self._home("laptop")}
        return self.site.run("--plan", str(self.site.plan), *words, state=self.state, environment=given)

    @property
    def state(self) -> Path:
        return self.site.base / "laptop"

    def put_key(self, machine: str, name: str, key: Path) -> None:
        home = Path(self._home(machine)["HOME"])
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(key, home / name)
        (home / name).chmod(0o600)

    def _home(self, machine: str) -> dict[str, str]:
        return {"HOME": str(self.site.base / "homes" / machine)}

    @property
    def there(self) -> list[str]:
        """The sets in the far folder, oldest first, whole or not."""
        return sorted(path.name for path in (self.far / ASSET).iterdir())

    def age(self, name: str, days: int) -> None:
        """Give a set's files another time over there."""
        at = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        for path in (self.far / ASSET / name).iterdir():
            os.utime(path, (at, at))


@pytest.fixture
def trio(bare_site: Site, ssh_server: SshServer) -> Trio:
    far = ssh_server.store(credentials="~/sftp.key", delete_credentials="~/sftp-delete.key")
    made = Trio(bare_site, Path(far.path))
    made.put_key("web-01", "sftp.key", ssh_server.let_in(ADDS_ONLY))
    made.put_key("laptop", "sftp.key", ssh_server.let_in(READS_ONLY))
    made.put_key("laptop", "sftp-delete.key", ssh_server.let_in())
    text = bare_site.write_plan(full=None).read_text()
    text = text.replace(f"local: {{kind: directory, path: {bare_site.store}}}", written(far))
    text = text.replace("stores: [local]", "stores: [box]").replace("points: 90d", "points: 30d")
    bare_site.plan.write_text(text + "hosts:\n  laptop: {held_by: admin}\nprune: {host: laptop}\n")
    adopted = made.node("plan", "adopt", str(bare_site.plan))
    assert adopted.code == 0, adopted.out + adopted.err
    return made


def a_week_later(trio: Trio) -> None:
    """The laptop's ledger as it would be had its pruning been eight days ago."""
    clock = SystemClock()
    with open_book(trio.state, clock) as book:
        (marked,) = book.facts("prune.marked")
        at = (datetime.now(UTC) - timedelta(days=8)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        earlier = replace(marked.data, marked_at=at)
        book.append(earlier, actor="person:test", asset="site-files")


def test_a_laptop_prunes_what_the_node_stores_on_another_machine(trio: Trio) -> None:
    for _ in AGES:
        next_second()
        made = trio.node("backup", "run", "site-files", "--no-inspect")
        assert made.code == 0, made.err
    sets = trio.there
    refused = trio.node("backup", "prune", "site-files", "--confirm", "site-files")
    assert (refused.code, "laptop" in refused.err) == (2, True)
    looked = trio.laptop("backup", "inspect", "--host", "laptop", "--deep")
    assert looked.code == 0, looked.out + looked.err
    unproven = trio.laptop("backup", "prune", "site-files", "--confirm", "site-files")
    assert (unproven.code, trio.there) == (1, sets), unproven.err
    drilled = trio.laptop(
        "drill", "run", "site-files", "--from-store", str(trio.site.plan), "--host", "laptop", "--json"
    )
    assert drilled.code == 0, drilled.out + drilled.err
    assert drilled.json["point"] == sets[-1]
    for name, age in zip(sets, AGES, strict=True):
        trio.age(name, age)

    shown = trio.laptop("backup", "prune", "--dry-run", "--json")
    assert shown.code == 0, shown.err
    (store,) = shown.json["assets"][0]["stores"]
    assert [each["act"] for each in store["sets"]] == ["mark", "keep", "keep"]
    first = trio.laptop("backup", "prune", "site-files", "--confirm", "site-files", "--json")
    assert first.code == 0, first.err
    assert [each["kind"] for each in first.json["records"]] == ["prune.marked", "prune.completed"]
    assert trio.there == sets, "nothing goes before its week is over"

    a_week_later(trio)
    done = trio.laptop("backup", "prune", "site-files", "--confirm", "site-files:1")
    assert (done.code, done.out.count("is deleted")) == (0, 1), done.out + done.err
    assert trio.there == sets[1:]
    trio.age(sets[1], 0)  # as it is: an inspection sees when a store's dates cannot be true
    again = trio.laptop("backup", "inspect", "--host", "laptop")
    assert again.code == 0, "what was pruned is not missing: " + again.out + again.err
