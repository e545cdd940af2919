"""What somebody with access to the store may do to it: each is named by an inspection and refused by a restore."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from intendance.activities.restore.decide import Wish
from intendance.model.errors import IntendanceError
from intendance.model.errors.sets import NoPointReachable
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.sets.manifest import digest
from intendance.sets.publication import armored_signature
from intendance.system import openpgp_signer
from tests.support.gnupg import UnusableKeys
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg


@dataclass
class Scene:
    """Two sets, of which the second is going to suffer."""

    workshop: Workshop
    first: BackupCompleted
    second: BackupCompleted

    @property
    def folder(self) -> Path:
        return self.workshop.folder(self.second.set)

    @property
    def part(self) -> Path:
        return self.folder / "tree-00000.zst.gpg"

    def inspected(self, *, deep: bool = False) -> InspectionCompleted:
        (evidence,) = self.workshop.inspect(deep=deep)
        return evidence

    def faults(self, *, deep: bool = False) -> dict[str, str]:
        return {seen.set: seen.fault for seen in self.inspected(deep=deep).damaged}

    def refusal(self, point: str) -> str:
        """What a restore says of a point; it leaves nothing behind."""
        beside = self.workshop.base / "beside"
        with pytest.raises(IntendanceError) as refused:
            self.workshop.restore(Wish(asset="site", into=str(beside), point=point))
        assert not beside.exists()
        assert refused.value.advice
        return refused.value.message

    def works(self, point: str) -> None:
        beside = self.workshop.base / "proof"
        self.workshop.restore(Wish(asset="site", into=str(beside), point=point))
        assert (beside / "note").exists()


@pytest.fixture
def scene(workshop: Workshop) -> Scene:
    workshop.tree.mkdir()
    (workshop.tree / "note").write_text("first")
    (workshop.tree / "photo").write_bytes(os.urandom(100_000))
    first = workshop.back_up()
    (workshop.tree / "note").write_text("second")
    return Scene(workshop=workshop, first=first, second=workshop.back_up())


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("at", [0, 1, 300, 50_000, -1])
def test_a_flipped_byte_in_a_part(scene: Scene, at: int) -> None:
    flip(scene.part, at)
    assert scene.faults() == {scene.second.set: "tree-00000.zst.gpg was changed: its hash is not the listed one"}
    assert "tree-00000.zst.gpg" in scene.refusal(scene.second.set)
    scene.works(scene.first.set)


def test_a_fault_stays_until_it_is_mended(scene: Scene) -> None:
    old = scene.workshop.folder(scene.first.set) / "tree-00000.zst.gpg"
    flip(old, 500)
    assert set(scene.faults(deep=True)) == {scene.first.set}
    assert set(scene.faults()) == {scene.first.set}
    flip(old, 500)
    assert scene.faults() == {}


def test_a_cut_part(scene: Scene) -> None:
    scene.part.write_bytes(scene.part.read_bytes()[:-10])
    assert "bytes instead of" in scene.faults()[scene.second.set]
    assert "bytes instead of" in scene.refusal(scene.second.set)


@pytest.mark.parametrize(
    "name", ["tree-00000.zst.gpg", "RESTORE.sh", "NODE-KEY.asc", "SHA256SUMS", "MANIFEST.json.asc"]
)
def test_a_missing_file(scene: Scene, name: str) -> None:
    (scene.folder / name).unlink()
    assert f"{name}" in scene.faults()[scene.second.set]
    assert "missing" in scene.faults()[scene.second.set]
    assert name in scene.refusal(scene.second.set)


@pytest.mark.parametrize("name", ["RESTORE.sh", "SHA256SUMS"])
def test_a_changed_paper(scene: Scene, name: str) -> None:
    with (scene.folder / name).open("a") as paper:
        paper.write("\n")
    assert scene.faults() == {scene.second.set: f"{name} was changed"}
    assert f"{name} was changed" in scene.refusal(scene.second.set)


def test_a_truncated_manifest(scene: Scene) -> None:
    path = scene.folder / "MANIFEST.json"
    path.write_bytes(path.read_bytes()[:-100])
    assert "the content was changed" in scene.faults()[scene.second.set]
    assert "not signed by this node" in scene.refusal(scene.second.set)
    with pytest.raises(IntendanceError):
        scene.workshop.restore(Wish(asset="site", into=str(scene.workshop.base / "x"), point=scene.second.set))


def test_a_missing_manifest_is_a_missing_set(scene: Scene) -> None:
    (scene.folder / "MANIFEST.json").unlink()
    evidence = scene.inspected()
    assert (evidence.sets, evidence.incomplete) == (1, 1)
    assert evidence.damaged[0].fault == "it is in the ledger and not in the store"
    assert "no recovery point" in scene.refusal(scene.second.set)


def test_a_manifest_signed_by_another_key(scene: Scene, unusable_keys: UnusableKeys) -> None:
    """Everything is consistent, only the signer is another: a thief with write access to the store."""
    manifest = (scene.folder / "MANIFEST.json").read_bytes().replace(b'"kind":"full"', b'"kind":"full"')
    stranger = unusable_keys.stranger
    signature = openpgp_sign(stranger.gpg, manifest)
    (scene.folder / "MANIFEST.json").write_bytes(manifest)
    (scene.folder / "MANIFEST.json.asc").write_bytes(armored_signature(signature, stranger.fingerprint))
    (scene.folder / "NODE-KEY.asc").write_text(stranger.armored)
    said = f"it is signed by {stranger.fingerprint}, not by {scene.workshop.keys.node.fingerprint}"
    assert said[:60] in scene.faults()[scene.second.set]
    assert said in scene.refusal(scene.second.set)


def openpgp_sign(gpg: Callable[..., bytes], content: bytes) -> bytes:
    return gpg("--armor", "--digest-algo", "SHA512", "--detach-sign", content=content)


def test_a_manifest_replaced_by_the_node_itself(scene: Scene) -> None:
    """Root on the node signs another manifest for an old set: only the ledger knows."""
    node = scene.workshop.keys.node
    manifest = (scene.folder / "MANIFEST.json").read_bytes().replace(b'"retention_days":90', b'"retention_days":91')
    signature = armored_signature(openpgp_signer.sign(node.home, node.fingerprint, manifest), node.fingerprint)
    (scene.folder / "MANIFEST.json").write_bytes(manifest)
    (scene.folder / "MANIFEST.json.asc").write_bytes(signature)
    assert digest(manifest) != scene.second.manifest_sha256
    assert scene.faults() == {scene.second.set: "its manifest is not the one in the ledger: it was replaced"}
    assert "not the one in the ledger" in scene.refusal(scene.second.set)


def test_parts_swapped_between_sets(scene: Scene) -> None:
    other = scene.workshop.folder(scene.first.set) / scene.part.name
    ours, theirs = scene.part.read_bytes(), other.read_bytes()
    scene.part.write_bytes(theirs)
    other.write_bytes(ours)
    assert set(scene.faults(deep=True)) == {scene.first.set, scene.second.set}
    scene.refusal(scene.second.set)
    scene.refusal(scene.first.set)


def test_an_old_set_under_a_new_name(scene: Scene) -> None:
    """Replay: the older set's files, whole and truly signed, in the newer one's place."""
    shutil.rmtree(scene.folder)
    shutil.copytree(scene.workshop.folder(scene.first.set), scene.folder)
    assert f"it is that of {scene.first.set}" in scene.faults()[scene.second.set]
    assert f"it is that of {scene.first.set}" in scene.refusal(scene.second.set)


def test_a_removed_set(scene: Scene) -> None:
    shutil.rmtree(scene.folder)
    assert scene.faults() == {scene.second.set: "it is in the ledger and not in the store"}
    assert "no recovery point" in scene.refusal(scene.second.set)


def test_a_removed_set_between_others(scene: Scene) -> None:
    third = scene.workshop.back_up()
    shutil.rmtree(scene.folder)
    assert set(scene.faults()) == {scene.second.set}
    scene.works(third.set)


def test_all_sets_removed(scene: Scene) -> None:
    shutil.rmtree(scene.folder.parent)
    evidence = scene.inspected()
    assert (evidence.sets, evidence.faulty, evidence.days) == (0, 2, ())
    with pytest.raises(NoPointReachable, match="there is no set yet"):
        scene.workshop.restore(Wish(asset="site", into=str(scene.workshop.base / "x")))


def test_every_flipped_byte_of_manifest_and_signature_shows(scene: Scene) -> None:
    """A sample, since each costs three gpg; each single byte of an armor is tried in `tests/unit/sets`."""
    signature = scene.folder / "MANIFEST.json.asc"
    manifest = scene.folder / "MANIFEST.json"
    for path, step in ((signature, 7), (manifest, len(manifest.read_bytes()) // 12)):
        for at in range(0, len(path.read_bytes()), step):
            flip(path, at)
            assert "not signed by this node" in scene.faults()[scene.second.set]
            flip(path, at)
    assert scene.faults() == {}


def test_a_foreign_file_or_folder_disturbs_nobody(scene: Scene) -> None:
    (scene.folder / "notes.txt").write_text("not ours")
    (scene.folder.parent / "lost+found").mkdir()
    (scene.folder.parent / "README").write_text("not ours")
    assert scene.faults() == {}
    scene.works(scene.second.set)


def test_the_newest_faultless_point_is_taken_and_the_other_named(scene: Scene) -> None:
    scene.part.unlink()
    beside = scene.workshop.base / "beside"
    restored = scene.workshop.restore(Wish(asset="site", into=str(beside)))
    assert restored.set == scene.first.set
    assert (beside / "note").read_text() == "first"
