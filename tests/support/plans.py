"""Plan files beside real public keys: the examples of the manual, made loadable, and changes to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intendance.plan.load import Checked, load
from tests.support.gnupg import Keys

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
# The fingerprints that the manual's examples show stand for these holders.
_STAND_INS = {
    "6F4B1E9A20C75D38A1B293E47C550D1F8A6EB3C9": "owner",
    "0C3D77A15B2E4F6098D2E1A736BC5A904D8F12E5": "offline",
}
_FINGERPRINT = re.compile(r"[0-9A-F]{4}(?: ?[0-9A-F]{4}){9}")


@dataclass(frozen=True, slots=True)
class Plans:
    """A folder with `keys/owner.asc` and `keys/offline.asc`, in which plans are written."""

    folder: Path
    keys: Keys

    @property
    def file(self) -> Path:
        return self.folder / "intendance.yaml"

    def example(self, name: str = "site") -> str:
        """An example of the manual with the fingerprints of this folder's keys."""
        return self.with_keys((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))

    def with_keys(self, text: str) -> str:
        def real(found: re.Match[str]) -> str:
            holder = _STAND_INS.get(found[0].replace(" ", ""))
            return found[0] if holder is None else getattr(self.keys, holder).fingerprint

        return _FINGERPRINT.sub(real, text)

    def write(self, text: str | bytes) -> Path:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.file

    def check(self, text: str | bytes, now: datetime = NOON) -> Checked:
        return load(self.write(text), now)

    def changed(self, *changes: tuple[str, str], example: str = "site") -> str:
        """An example with pieces of its text replaced; each must stand in it exactly once."""
        text = self.example(example)
        for old, new in changes:
            piece = self.with_keys(old)
            assert text.count(piece) == 1, f"{piece!r} stands {text.count(piece)} times in the example"
            text = text.replace(piece, self.with_keys(new))
        return text


@pytest.fixture
def plans(tmp_path: Path, keys: Keys) -> Plans:
    """A folder for plans, with two recipients' public keys."""
    folder = tmp_path / "desk"
    (folder / "keys").mkdir(parents=True)
    for holder in (keys.owner, keys.offline):
        (folder / "keys" / f"{holder.name}.asc").write_text(holder.armored)
    return Plans(folder, keys)
