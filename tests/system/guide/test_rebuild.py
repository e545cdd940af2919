"""A whole node is lost, with its state folder, its plan, its data: it is built anew from a bucket and one key, by the
commands of `docs/disaster.md` and nothing else."""

from __future__ import annotations

import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from intendance.engines.private_mariadb import PrivateServer
from tests.support.radosgw import Shelf
from tests.support.state import Answer, Site
from tests.support.trees import snapshot

pytestmark = [pytest.mark.gnupg, pytest.mark.mariadb]

PAGE = Path(__file__).parents[3] / "docs" / "disaster.md"
COMMANDS = re.findall(r"^intendance (.*)$", PAGE.read_text(encoding="utf-8").partition("## Without")[0], re.MULTILINE)
"""The page's commands, in its order."""


@dataclass
class Machine:
    """A new machine that follows the page: the page's names stand for those of the test."""

    site: Site
    fingerprint: str

    def type(self, command: str) -> Answer:
        words = shlex.split(command.replace("FINGERPRINT", self.fingerprint))
        written = [word.replace("/etc/intendance", str(self.site.base / "etc")) for word in words]
        return self.site.run(*written, environment=self.site.keys.owner.environment, timeout=300)


@pytest.fixture
def lost(
    database_site: Site, shelf: Shelf, mariadb_server: PrivateServer, mariadb_database: str
) -> Iterator[tuple[Machine, str, Mapping[bytes, object]]]:
    """A node whose backups went to a bucket and nowhere else, and which is gone; the machine that takes its place."""
    site = database_site
    declared = shelf.declared
    text = site.plan.read_text().replace(
        f"local: {{kind: directory, path: {site.store}}}", _written(shelf, declared.credentials.file)
    )
    text = text.replace("stores: [local]", "stores: [offsite]")
    site.plan.write_text(text + "sites:\n  crud: {assets: [crud-db, site-files]}\n")
    shutil.rmtree(site.state)
    fingerprint = site.run("plan", "adopt", str(site.plan), "--json").json["openpgp_fingerprint"]
    made = site.run("backup", "run")
    assert made.code == 0, made.out + made.err
    wanted = snapshot(site.tree)
    for folder in (site.state, site.tree, site.store, site.base / "keys"):
        shutil.rmtree(folder)
    site.plan.unlink()
    mariadb_server.execute(f"DROP DATABASE {mariadb_database}")
    new = Site(base=site.base / "new", keys=site.keys)
    new.base.mkdir()
    reader = shelf.store_of(shelf.reader).credentials.file
    (new.base / "stores.yaml").write_text(f"stores:\n  {_written(shelf, reader)}\n")
    yield Machine(new, fingerprint), fingerprint, wanted
    for each in mariadb_server.execute("SHOW DATABASES").split():
        if each.startswith((f"{mariadb_database}_restored_", f"{mariadb_database}_replaced_")):
            mariadb_server.execute(f"DROP DATABASE {each}")


def _written(shelf: Shelf, credentials: str | None) -> str:
    place = f'bucket: {shelf.bucket}, region: {shelf.gateway.region}, endpoint: "{shelf.gateway.endpoint}"'
    return f"offsite: {{kind: s3, {place}, credentials: {{file: {credentials}}}}}"


def test_a_bucket_and_a_key_build_the_whole_node_anew(
    lost: tuple[Machine, str, Mapping[bytes, object]], database_site: Site, mariadb_server: PrivateServer,
    mariadb_database: str, record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    machine, fingerprint, wanted = lost
    began = time.monotonic()
    first, *others = COMMANDS
    refused = machine.type(first)
    assert refused.code == 2
    assert fingerprint in refused.err
    assert not (machine.site.base / "etc").exists(), "nothing is taken before a person has named the key"
    for command in others:
        done = machine.type(command)
        assert done.code == 0, f"{command}: {done.out}{done.err}"
    record_property("rebuild_seconds", time.monotonic() - began)
    assert snapshot(database_site.tree) == wanted
    assert mariadb_server.execute(f"SELECT COUNT(*) FROM {mariadb_database}.members").strip() == "500"
    state = machine.site
    with state.node() as node:
        (genesis,) = node.book.facts("genesis")
    assert genesis.data.former_keys == (fingerprint,)
    assert genesis.data.openpgp_fingerprint != fingerprint
    assert (genesis.data.previous_head or "").startswith("testing/node/web-01/")
    points = state.run("backup", "list", "--json").json["points"]
    assert len(points) == 4, "those of the lost machine, and one more of each"
    assert not any(point["fault"] for point in points)
    inspected = state.run("backup", "inspect")
    assert inspected.code == 0, inspected.out + inspected.err
    again = machine.type("ledger restart --from-store stores.yaml --fingerprint FINGERPRINT --confirm web-01")
    assert again.code == 2
    assert "already holds a ledger" in again.err
