"""`drill run --from-store FILE`: from a bucket and from another machine, with the key and the store alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from intendance.model.plan import SftpStore, Store
from intendance.stores import adopt_store, open_store
from tests.support.radosgw import Shelf
from tests.support.sshd import SshServer
from tests.support.state import Answer, Site

pytestmark = pytest.mark.gnupg


def carried(site: Site, far: Store) -> None:
    """One backup of the site, in the far store and nowhere else."""
    (site.tree / "index.php").write_text("<?php echo 1;\n")
    assert site.run("backup", "run", "site-files", "--no-inspect").code == 0
    adopt_store(far)
    place = open_store(far)
    for file in sorted(site.store.glob("*/*/*/*/*")):
        place.put(str(file.relative_to(site.store)), [file.read_bytes()])


def laptop(site: Site, stores: str) -> Callable[..., Answer]:
    base = site.base / "laptop"
    base.mkdir()
    (base / "stores.yaml").write_text(stores)
    at = Site(base=base, keys=site.keys)

    def drill(*words: str) -> Answer:
        return at.run("drill", "run", "site-files", "--from-store", "stores.yaml", "--host", "laptop", "--scratch",
                      str(base), *words, environment=site.keys.owner.environment)  # fmt: skip

    return drill


def test_from_another_machine_over_ssh(site: Site, ssh_server: SshServer) -> None:
    far: SftpStore = ssh_server.store()
    carried(site, far)
    key = site.base / "laptop.key"
    key.write_text(Path(far.credentials.file or "").read_text())
    key.chmod(0o600)
    drill = laptop(
        site,
        f"""stores:
  box: {{kind: sftp, host: {far.host}, port: {far.port}, user: {far.user}, path: {far.path}, host_key: {far.host_key},
        credentials: {{file: ../laptop.key}}}}
""",
    )
    answer = drill("--json")
    assert answer.code == 0, answer.err
    assert (answer.json["store"], answer.json["by"], answer.json["node"]) == ("box", "laptop", "web-01")
    assert answer.json["predicted_seconds"] is None
    assert all(check["ok"] for leg in answer.json["legs"] for check in leg["checks"])
    refused = drill("--store", "other")
    assert refused.code == 2
    assert "stores.yaml declares the stores box." in refused.err


def test_from_a_bucket_by_a_copy_of_the_plan(site: Site, shelf: Shelf) -> None:
    carried(site, shelf.declared)
    far = shelf.store_of(shelf.reader)
    copied = site.plan.read_text().replace(
        "contacts:",
        f"""  offsite:
    kind: s3
    bucket: {far.bucket}
    region: {far.region}
    endpoint: {far.endpoint}
    credentials: {{file: {far.credentials.file}}}
contacts:""",
        1,
    )
    drill = laptop(site, copied)
    unnamed = drill()
    assert unnamed.code == 2
    assert "declares the stores local, offsite." in unnamed.err
    answer = drill("--store", "offsite", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["store"] == "offsite"
    assert answer.json["passed_over"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it declares no `stores`"),
        ("stores: {a: {kind: s3, bucket: }}", "line 1"),
        ("stores: {a: {kind: s3, bucket: of-ours}}", "`credentials`"),
        ("stores: [", "line 1"),
        ("stores: {a: {kind: tape}}", "tape"),
    ],
)
def test_a_file_that_says_nothing_of_use(site: Site, text: str, said: str) -> None:
    refused = laptop(site, text)()
    assert refused.code == 2
    assert "stores.yaml does not say where a store is" in refused.err
    assert said in refused.err


def test_credentials_that_are_not_here(site: Site, ssh_server: SshServer) -> None:
    far = replace(ssh_server.store(), name="box")
    drill = laptop(
        site,
        f"""stores:
  box: {{kind: sftp, host: {far.host}, port: {far.port}, user: {far.user}, path: {far.path}, host_key: {far.host_key},
        credentials: {{file: nowhere.key}}}}
""",
    )
    refused = drill()
    assert refused.code != 0
    assert "nowhere.key" in refused.err
