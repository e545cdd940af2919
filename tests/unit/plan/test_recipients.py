"""Recipients' key files: what is refused beyond the golden cases, and what is only warned of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.plan.recipients import judge
from tests.support.gnupg import Keys, make_holder, private_home
from tests.support.plans import NOON, Plans

pytestmark = pytest.mark.gnupg


def data(file: str, fingerprint: str) -> dict[str, object]:
    recipient = {"name": "owner", "file": file, "fingerprint": fingerprint, "held_by": "admin"}
    return {"keys": {"backup_recipients": [recipient]}}


def test_a_good_key_is_taken_as_it_stands_in_its_file(plans: Plans) -> None:
    owner = plans.keys.owner
    spaced = " ".join(owner.fingerprint[i : i + 4] for i in range(0, 40, 4)).lower()
    judged = judge(data("keys/owner.asc", spaced), plans.folder, NOON)
    (recipient,) = judged.usable
    assert (recipient.fingerprint, recipient.armored) == (owner.fingerprint, owner.armored)
    assert not judged.faults
    assert not judged.warnings


@pytest.mark.parametrize(
    ("days_before", "warned", "refused"), [(31, False, False), (29, True, False), (1, True, False), (-1, False, True)]
)
def test_a_key_that_ends_soon_is_warned_of_and_one_that_ended_is_refused(
    days_before: int, warned: bool, refused: bool, tmp_path: Path
) -> None:
    with private_home() as home:
        holder = make_holder(home, "brief", expires="2040-06-01")
    (tmp_path / "key.asc").write_text(holder.armored)
    now = datetime(2040, 6, 1, 12, tzinfo=UTC) - timedelta(days=days_before)
    judged = judge(data("key.asc", holder.fingerprint), tmp_path, now)
    assert bool(judged.warnings) == warned
    assert bool(judged.faults) == refused
    assert bool(judged.usable) == (not refused)
    for fault in (*judged.warnings, *judged.faults):
        assert "2040-06-01" in str(fault.message)


def test_a_file_of_two_keys_is_refused(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "key.asc").write_text(keys.owner.armored + keys.offline.armored)
    judged = judge(data("key.asc", keys.owner.fingerprint), tmp_path, NOON)
    assert not judged.usable
    assert ["holds 2 keys" in str(fault.message) for fault in judged.faults] == [True]


def test_a_private_key_beside_the_public_one_is_seen(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "key.asc").write_text(keys.owner.armored + keys.owner.secret())
    judged = judge(data("key.asc", keys.owner.fingerprint), tmp_path, NOON)
    assert not judged.usable
    assert ["PRIVATE" in str(fault.message) for fault in judged.faults] == [True]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nothing of a key\n", "no OpenPGP public key"),
        (b"\x99\x01\x0d\x04", "not ASCII-armoured"),
        (b"x" * (513 * 1024), "larger than"),
    ],
)
def test_a_file_without_a_key_is_told(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "key.asc").write_bytes(content)
    judged = judge(data("key.asc", "A" * 40), tmp_path, NOON)
    assert [said in str(fault.message) for fault in judged.faults] == [True]


def test_a_folder_or_a_broken_link_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    for file, said in ((".", "not a file"), ("link", "there is no file")):
        judged = judge(data(file, "A" * 40), tmp_path, NOON)
        assert [said in str(fault.message) for fault in judged.faults] == [True]
