"""Probes of real stores: each answer is what the store does, and a bad store looks bad."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from intendance.model.plan import DirectoryStore, SecretReference
from intendance.stores import adopt_store, open_store, probe_store
from intendance.stores.probing import Probed
from tests.support.radosgw import Radosgw, Shelf, make_shelf
from tests.support.sshd import SshServer


def outcomes(probed: Probed) -> dict[str, str]:
    return {each.tried: each.outcome for each in probed.attempts}


def test_a_bucket_with_locks_and_credentials_that_only_add(locked_shelf: Shelf) -> None:
    found = probe_store(locked_shelf.declared, "testing/web-01/probes")
    assert outcomes(found) == {
        "write": "done",
        "read": "done",
        "overwrite": "done",  # a version more: the first one stays, locked
        "wrong_checksum": "refused",
        "wrong_secret": "refused",
        "shorten_lock": "refused",
        "bypass_lock": "refused",
        "delete": "refused",
        "delete_version": "refused",
    }
    assert all(each.outcome == each.wanted for each in found.attempts)
    assert (found.versions, found.locks) == ("yes", "yes")
    assert found.lock_until
    assert (found.region_located, found.endpoint) == ("eu-central-1", "127.0.0.1")
    versions = locked_shelf.s3.list_object_versions(Bucket=locked_shelf.bucket)
    assert len(versions["Versions"]) == 2
    assert "DeleteMarkers" not in versions


def test_the_owners_credentials_look_as_dangerous_as_they_are(radosgw: Radosgw, tmp_path: Path) -> None:
    locked = make_shelf(radosgw, tmp_path, lock="governance")
    found = outcomes(probe_store(locked.store_of(locked.owner), "p"))
    assert (found["shorten_lock"], found["bypass_lock"]) == ("refused", "done")
    assert (found["delete"], found["overwrite"]) == ("done", "done")
    plain = make_shelf(radosgw, tmp_path)
    probed = probe_store(plain.store_of(plain.owner), "p")
    assert outcomes(probed)["delete"] == "done"
    assert (probed.versions, probed.locks, probed.lock_until) == ("no", "no", "")


def test_compliance_yields_to_nobody(radosgw: Radosgw, tmp_path: Path) -> None:
    shelf = make_shelf(radosgw, tmp_path, lock="compliance")
    found = outcomes(probe_store(shelf.store_of(shelf.owner), "p"))
    assert {found[tried] for tried in ("shorten_lock", "bypass_lock", "delete_version")} == {"refused"}


def test_credentials_that_only_read_cannot_write(shelf: Shelf) -> None:
    found = probe_store(shelf.store_of(shelf.reader), "p")
    assert outcomes(found) == {"write": "refused"}
    assert shelf.reader.secret not in json.dumps([each.detail for each in found.attempts])


def test_a_store_that_nobody_answers_for_is_unclear(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intendance.stores.s3.calls.wait", lambda seconds: None)
    found = probe_store(replace(shelf.declared, endpoint="http://127.0.0.1:9"), "p")
    assert outcomes(found) == {"write": "unclear"}


def test_a_folder_is_written_once_and_its_user_can_still_empty_it(tmp_path: Path) -> None:
    declared = DirectoryStore(name="local", path=str(tmp_path / "store"))
    adopt_store(declared)
    found = probe_store(declared, "testing/web-01/probes")
    assert outcomes(found) == {"write": "done", "read": "done", "overwrite": "refused", "delete": "done"}
    assert [path for path in (tmp_path / "store").rglob("*") if stat.S_ISREG(path.stat().st_mode)] == [
        tmp_path / "store" / ".intendance-store"
    ]


def test_over_sftp_a_plain_login_may_do_all_and_a_bound_one_removes_nothing(ssh_server: SshServer) -> None:
    plain = ssh_server.store()
    adopt_store(plain)
    tried = {"write": "done", "read": "done", "overwrite": "done", "wrong_secret": "refused", "rename": "done"}
    found = probe_store(plain, "testing/web-01/probes")
    assert outcomes(found) == tried | {"delete": "done"}
    assert (found.versions, found.locks, found.endpoint) == ("unclear", "no", "127.0.0.1")
    assert list(open_store(plain).list("")) == []
    bound = replace(plain, credentials=SecretReference(file=str(ssh_server.let_in(ADDS_ONLY))))
    assert outcomes(probe_store(bound, "testing/web-01/probes")) == tried | {"delete": "refused"}
    assert len(list(open_store(plain).list("testing/web-01/probes"))) == 1
    reads = replace(plain, credentials=SecretReference(file=str(ssh_server.let_in(READS_ONLY))))
    assert outcomes(probe_store(reads, "testing/web-01/probes")) == {"write": "refused"}


ADDS_ONLY = 'command="internal-sftp -P remove,rmdir,posix-rename,setstat,fsetstat,symlink,hardlink",restrict'
READS_ONLY = 'command="internal-sftp -R",restrict'
