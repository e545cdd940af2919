"""Sets that were damaged, exchanged or made to harm: a drill fails, says why, and nothing escapes it."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from intendance.activities.drill.decide import Known
from intendance.model.errors.drill import ArchiveHostile, DrillDiffers, DrillRolledBack, ScriptUnknown
from intendance.model.errors.openpgp import NoSecretKey
from intendance.model.errors.sets import NoPointReachable, PartDamaged, PointFaulty, SetDamaged
from intendance.sets.manifest import MANIFEST, RESTORE, SIGNATURE, decode, digest
from intendance.sets.publication import armored_signature, restore_script
from intendance.system import openpgp_signer
from tests.support import forging
from tests.support.gnupg import Keys, UnusableKeys
from tests.support.workshop import Workshop
from tests.system.drill.ground import Ground, ground

pytestmark = pytest.mark.gnupg


def two_sets(workshop: Workshop) -> None:
    workshop.tree.mkdir()
    for content in ("one", "two"):
        (workshop.tree / "page").write_text(content)
        workshop.back_up()


@pytest.fixture(scope="module")
def prepared(keys: Keys) -> Iterator[Ground]:
    with ground(keys, "site", two_sets) as made:
        yield made


@pytest.fixture
def site(prepared: Ground, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Ground:
    monkeypatch.setenv("GNUPGHOME", str(keys.owner.home))
    prepared.put_back()
    return prepared


def part_of(folder: Path) -> Path:
    return next(folder.glob("tree-*.zst.gpg"))


def known(folder: Path) -> dict[int, Known]:
    content = (folder / MANIFEST).read_bytes()
    return {decode(content, folder.name).sequence: Known(set=folder.name, manifest_sha256=digest(content))}


def flip(place: Path) -> None:
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)


def test_a_flipped_byte(site: Ground) -> None:
    flip(part_of(site.newest))
    failed = site.fails(PartDamaged, "its bytes were changed")
    assert (failed.leg, failed.step, failed.set) == ("restore", "load", site.newest.name)


@pytest.mark.parametrize("harm", ["missing part", "truncated part", "truncated manifest", "no signature", "stranger"])
def test_a_set_that_nobody_can_use_has_failed_and_the_one_before_it_is_proven(
    harm: str, site: Ground, unusable_keys: UnusableKeys
) -> None:
    newest, manifest = site.newest, site.newest / MANIFEST
    if harm == "missing part":
        part_of(newest).unlink()
    elif harm == "truncated part":
        part_of(newest).write_bytes(part_of(newest).read_bytes()[:-1])
    elif harm == "truncated manifest":
        manifest.write_bytes(manifest.read_bytes()[:-10])
    elif harm == "no signature":
        (newest / SIGNATURE).unlink()
    else:
        stranger = unusable_keys.stranger
        made = openpgp_signer.sign(stranger.home, stranger.fingerprint, manifest.read_bytes())
        (newest / SIGNATURE).write_bytes(armored_signature(made, stranger.fingerprint))
    site.fails(PointFaulty, newest.name, point=newest.name)
    if harm not in {"missing part", "truncated manifest"}:
        return
    drilled = site.workshop.drill(seen=known(site.newest) if harm == "missing part" else None)
    assert drilled.set == site.sets[0].name
    assert [each.set for each in drilled.passed_over] == [newest.name]
    completed, failed = (site.workshop.book.facts(kind, latest=1)[0] for kind in ("drill.completed", "drill.failed"))
    assert failed.seq == completed.seq - 1
    assert (failed.data.set, failed.data.error) == (newest.name, "point_faulty")
    site.is_unharmed()


def test_nothing_is_left_that_can_be_used(site: Ground) -> None:
    for folder in site.sets:
        part_of(folder).unlink()
    assert site.fails(NoPointReachable, "all 2 sets are faulty").set == ""


def test_an_old_set_in_the_place_of_the_newest(site: Ground) -> None:
    old, newest = site.sets
    there = known(newest)
    shutil.rmtree(newest)
    site.fails(DrillRolledBack, "number 1 was its newest set, and number 0 is now", seen=there)
    shutil.copytree(old, newest)  # under the name of the newest, it is none
    assert [each.set for each in site.workshop.drill(seen=there).passed_over] == [newest.name]
    (fact,) = site.workshop.book.facts("drill.failed", latest=1)
    assert f"it is that of {old.name}" in fact.data.message


def test_two_sets_of_one_number(site: Ground) -> None:
    there = known(site.newest)
    site.forge("tree", forging.content(site.newest, site.keys, "tree"))
    site.fails(DrillRolledBack, "is not the one that was there", seen=there)


def test_a_keyring_without_the_key(site: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNUPGHOME", str(site.keys.node.home))
    failed = site.fails(NoSecretKey, "None of the keys that open this set")
    assert site.keys.owner.fingerprint in failed.message


def test_a_script_that_is_of_no_release(site: Ground) -> None:
    """Signed by the node, whose key a thief may have."""
    hostile = f"#!/bin/sh\necho owned >{site.canary}/owned\n".encode() + restore_script()
    forging.forge(site.newest, site.keys, {}, script=hostile)
    assert site.fails(ScriptUnknown, "is of no release of Intendance").leg == ""


def test_a_script_that_was_changed_in_the_store(site: Ground) -> None:
    (site.newest / RESTORE).write_bytes(restore_script() + b"\necho more\n")
    site.fails(SetDamaged, "RESTORE.sh was changed")


def test_the_store_gives_other_bytes_the_second_time(site: Ground) -> None:
    """What is copied for the leg by hand is proven as well."""

    class Turning(type(site.workshop.open_stores()[0])):  # type: ignore[misc] # a folder, read by us
        times = 0

        def open(self, key: str):  # type: ignore[no-untyped-def]
            if key.endswith(".gpg"):
                Turning.times += 1
                if Turning.times == 2:
                    flip(part_of(site.newest))
            return super().open(key)

    store = Turning("local", site.workshop.base / "stores" / "local")
    assert site.fails(PartDamaged, "its bytes were changed", store=store).leg == "by_hand"


Member = tuple[str, str, str]
"""Kind, name, and where it leads or what it holds."""


def archive(members: list[Member], pax: int = tarfile.GNU_FORMAT) -> bytes:
    made = io.BytesIO()
    kinds = {"symlink": tarfile.SYMTYPE, "link": tarfile.LNKTYPE, "device": tarfile.CHRTYPE, "folder": tarfile.DIRTYPE}
    with tarfile.open(fileobj=made, mode="w", format=pax) as tar:
        tar.addfile(_member("./", tarfile.DIRTYPE))
        for kind, name, more in members:
            info = _member(name, kinds.get(kind, tarfile.REGTYPE))
            info.linkname = more if kind in {"symlink", "link"} else ""
            info.mode = 0o4755 if kind == "setuid" else 0o755
            content = more.encode() if kind in {"file", "setuid"} else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


def _member(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, 0o755
    return info


LONG = "d" * 90
HOSTILE: dict[str, tuple[list[Member], str]] = {
    "absolute": ([("file", "{canary}/owned", "x")], "begins at the root of the system"),
    "above": ([("file", "../../../../canary/owned", "x")], "with `..` in it"),
    "above, far down": ([("file", f"./a/{LONG}/{LONG}/../../../../../canary/owned", "x")], "with `..` in it"),
    "through a symlink": ([("symlink", "./out", "{canary}"), ("file", "./out/owned", "x")], "a symbolic link"),
    "through a symlink of a folder": (
        [("symlink", "./a", "."), ("symlink", "./a/out", "{canary}"), ("file", "./a/out/owned", "x")],
        "a symbolic link",
    ),
    "link to outside": ([("link", "./mine", "{canary}/sings"), ("file", "./mine", "x")], "begins at the root"),
    "link above": ([("link", "./mine", "../../../canary/sings")], "with `..` in it"),
    "link through a symlink": ([("symlink", "./out", "{canary}"), ("link", "./mine", "./out/sings")], "a symbolic"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_that_leads_out_of_its_tree(name: str, site: Ground) -> None:
    members, said = HOSTILE[name]
    written = [(kind, path.format(canary=site.canary), more.format(canary=site.canary)) for kind, path, more in members]
    site.forge("tree", archive(written, tarfile.PAX_FORMAT if name == "above, far down" else tarfile.GNU_FORMAT))
    failed = site.fails(ArchiveHostile, said)
    assert (failed.leg, failed.step) == ("restore", "load")


def test_devices_and_setuid_that_the_manifest_does_not_count(site: Ground) -> None:
    site.forge("tree", archive([("device", "./null", ""), ("setuid", "./sh", "#!/bin/sh\n")]))
    failed = site.fails(DrillDiffers, "1 devices and 1 setuid bits stay in the archive; it lists 0")
    assert any(check.name == "left in the archive" and not check.ok for check in failed.checks)
