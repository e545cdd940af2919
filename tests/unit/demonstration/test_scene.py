"""The set of the demonstration: the same tree everywhere, keys that encrypt, folders that survive a restart."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demonstration import keys, website
from demonstration.scene import Scene


@pytest.fixture
def scene() -> Iterator[Scene]:
    folder = Path(tempfile.mkdtemp(prefix="int-scene-", dir="/tmp"))
    scene = Scene(folder / ("deep-" * 12) / "demonstration")
    scene.open()
    yield scene
    keys.stop_agents(scene)
    scene.close()
    assert not scene.short.exists()
    shutil.rmtree(folder)


def test_the_tree_is_the_same_on_every_machine(tmp_path: Path) -> None:
    website.build(tmp_path / "one", size=0.02)
    website.build(tmp_path / "two", size=0.02)
    assert website.fingerprints(tmp_path / "one") == website.fingerprints(tmp_path / "two")


def test_a_tree_that_was_interrupted_is_built_again(tmp_path: Path) -> None:
    (tmp_path / "site.draft").mkdir()
    (tmp_path / "site.draft/rest").touch()
    website.build(tmp_path / "site", size=0.02)
    assert not (tmp_path / "site.draft").exists()
    assert not (tmp_path / "site/rest").exists()


@pytest.mark.gnupg
def test_keys_are_made_once_and_can_be_encrypted_to(scene: Scene) -> None:
    made = keys.keys(scene)
    assert keys.keys(scene) == made
    assert len({key.fingerprint for key in made}) == 3
    for key in made:
        listed = subprocess.run(
            ["gpg", "--batch", "--with-colons", "--show-keys", str(key.public)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert any(line.startswith("sub:") and "e" in line.split(":")[11] for line in listed.splitlines())


@pytest.mark.gnupg
def test_a_key_whose_making_was_interrupted_is_completed(scene: Scene) -> None:
    home = scene.home_of("marie")
    keys._gpg(home, "--passphrase", "", "--quick-generate-key", keys.USER_IDS["marie"], "ed25519", "sign", "1y")
    made = keys.keys(scene)[0]
    assert "ssb" in keys._gpg(home, "--with-colons", "--list-secret-keys", made.fingerprint)


def test_a_short_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "demonstration")
    scene.short.symlink_to(tmp_path)
    try:
        with pytest.raises(PermissionError, match="belongs to somebody else"):
            scene.open()
    finally:
        scene.short.unlink()
