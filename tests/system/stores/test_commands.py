"""The command line with a bucket and another machine as stores: what it says, records and leaves with."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from intendance.agent.doctor import stores as stores_room
from intendance.cli.doctor_words import said
from intendance.language.texts import translator
from intendance.model.diagnosis import Condition, Finding
from intendance.model.plan import S3Store, SftpStore
from intendance.model.plan import Store as Declared
from tests.support.radosgw import Shelf
from tests.support.sshd import SshServer
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


def into(site: Site, *stores: Declared) -> None:
    """The site's plan, adopted, with these stores beside its folder, in that order."""
    site.write_plan(full=None)
    text = site.plan.read_text()
    names = ", ".join(("local", *(each.name for each in stores)))
    written = "".join(_written(each) for each in stores)
    text = text.replace("stores: [local]", f"stores: [{names}]").replace("\nstores:\n", f"\nstores:\n{written}")
    site.plan.write_text(text)
    assert site.run("plan", "adopt", str(site.plan)).code == 0


def _written(store: Declared) -> str:
    if isinstance(store, S3Store):
        place = f'bucket: {store.bucket}, region: {store.region}, endpoint: "{store.endpoint}"'
    else:
        assert isinstance(store, SftpStore)
        place = f"host: {store.host}, port: {store.port}, user: {store.user}, path: {store.path}"
        place += f', host_key: "{store.host_key}"'
    return f"  {store.name}: {{kind: {store.kind}, {place}, credentials: {{file: {store.credentials.file}}}}}\n"


def test_a_set_goes_to_all_three_and_each_is_listed_and_inspected(
    bare_site: Site, shelf: Shelf, ssh_server: SshServer
) -> None:
    site = bare_site
    into(site, shelf.declared, ssh_server.store())
    done = site.run("backup", "run", "site-files", "--json")
    assert done.code == 0, done.out + done.err
    listed = site.run("backup", "list", "--json").json
    (point,) = listed["points"]
    assert sorted(store["name"] for store in point["stores"]) == ["box", "local", "offsite"]
    probed = site.run("store", "probe", "box", "--json")
    assert (probed.code, probed.json["safe"]) == (3, False), "over SFTP, who may store may write over"
    assert {each["tried"] for each in probed.json["attempts"]} >= {"overwrite", "rename", "delete", "wrong_secret"}
    french = site.run("--lang", "fr", "doctor")
    assert "ne garde pas de versions" in french.out
    assert "sont libres" in french.out


def test_a_copy_that_is_refused_is_a_part_of_the_work_done(bare_site: Site, shelf: Shelf) -> None:
    site = bare_site
    into(site, shelf.declared)
    allowed = shelf.s3.get_bucket_policy(Bucket=shelf.bucket)["Policy"]
    shelf.s3.delete_bucket_policy(Bucket=shelf.bucket)  # the node may enter no more
    refused = site.run("backup", "run", "site-files", "--no-inspect")
    assert refused.code == 3, refused.out + refused.err
    assert "refused to" in refused.err
    assert "AccessDenied" in refused.err
    with site.node() as node:
        (failed,) = [fact.data for fact in node.book.facts("backup.failed")]
        assert (failed.step, failed.error) == ("copy to offsite", "store_refused")
        assert [fact.data.stores for fact in node.book.facts("backup.completed")] == [("local",)]
    shelf.s3.put_bucket_policy(Bucket=shelf.bucket, Policy=allowed)
    assert site.run("backup", "run", "site-files", "--no-inspect").code == 0
    held = [key for key in shelf.held() if key.endswith("MANIFEST.json")]
    assert len(held) == 2, "the next backup brought the set that was refused, too"


def test_a_machine_whose_clock_is_wrong_says_so_and_stores_nothing(bare_site: Site, shelf: Shelf) -> None:
    site = bare_site
    into(site, shelf.declared)
    words = site.command("--lang", "fr", "backup", "run", "site-files", "--no-inspect")
    # The command performs the run in a copy of itself, whose environment is cleared: its clock is never read again.
    environment = os.environ | {"NO_COLOR": "1", "FAKETIME_CACHE_DURATION": "1000000"}
    wrong = subprocess.run(
        ["faketime", "-f", "+3h", *words],
        capture_output=True, text=True, check=False, timeout=300, cwd=site.base, env=environment,
    )  # fmt: skip
    assert wrong.returncode == 3, wrong.stdout + wrong.stderr
    assert "3:00:" in wrong.stderr or "2:59:" in wrong.stderr
    assert "timedatectl set-ntp true" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert shelf.held() == []
    with site.node() as node:
        assert [fact.data.error for fact in node.book.facts("backup.failed")] == ["store_clock_differs"]


# ── what doctor says of them ─────────────────────────────────────────────────────────────────────────────────────────


def findings(site: Site, declared: Declared, *, region: str | None = None) -> dict[str, Finding]:
    with site.node() as node:
        plan = replace(node.plan, stores={declared.name: declared}, node=replace(node.plan.node, region=region))
    return {each.code: each for each in stores_room.examine(plan, (), in_force=True)}


def test_doctor_looks_at_a_bucket(site: Site, shelf: Shelf, locked_shelf: Shelf, tmp_path: Path) -> None:
    bare = findings(site, shelf.declared, region="eu-central-1")
    assert set(bare) == {"store_answers", "store_no_versions", "store_no_locks", "store_same_region"}
    (mend,) = bare["store_no_versions"].mend
    assert mend.startswith("aws --endpoint-url http://127.0.0.1:")
    assert f"--bucket {shelf.bucket} --versioning-configuration Status=Enabled" in mend
    assert set(findings(site, locked_shelf.declared, region="eu-west-1")) == {"store_answers"}
    assert set(findings(site, replace(locked_shelf.declared, object_lock=None))) == {
        "store_answers", "store_locks_unused"
    }  # fmt: skip
    elsewhere = findings(site, replace(locked_shelf.declared, region="eu-west-9"))
    refused = elsewhere.get("store_region_differs") or elsewhere["store_refused"]
    assert refused.condition is Condition.WRONG
    wrong = shelf.store_of(replace(shelf.appender, uid="wrong", secret="not the secret"))
    assert "secret" in str(findings(site, wrong)["store_refused"].params["detail"])
    assert shelf.held() == locked_shelf.held() == [], "doctor writes nothing"


def test_doctor_looks_at_another_machine_and_writes_nothing(site: Site, ssh_server: SshServer) -> None:
    declared = ssh_server.store()
    (refused,) = findings(site, declared).values()
    assert (refused.code, "does not exist there" in str(refused.params["detail"])) == ("store_refused", True)
    assert not Path(declared.path).exists()


def test_each_finding_of_a_far_store_is_said_in_both_languages(site: Site, shelf: Shelf) -> None:
    seen = findings(site, shelf.declared, region="eu-central-1").values()
    for language in ("en", "fr"):
        sentences = [said(translator(language, "doctor_words"), each, "UTC") for each in seen]
        assert all(all(sentence) for sentence in sentences)
    assert all(
        said(translator("fr", "doctor_words"), each, "UTC") != said(translator("en", "doctor_words"), each, "UTC")
        for each in seen
    )
