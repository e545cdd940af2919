"""The file tree of a small organisation's site: 40 MB, the same on every machine, with the oddities of real ones."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from pathlib import Path

SEED = 20261121
EXCLUDED = ("cache", "logs")
PHOTOS = 120
DOCUMENTS = 260
PAGES = 420
_WORDS = (
    "accueil",
    "projet",
    "refuge",
    "don",
    "rapport",
    "bénévole",
    "atelier",
    "réunion",
    "Liège",
    "Bruxelles",
    "été",
)


def build(root: Path) -> None:
    """Write the tree; complete or not at all."""
    if root.exists():
        return
    draft = root.with_name(root.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    dice = random.Random(SEED)  # the same tree everywhere is the point
    for number in range(PHOTOS):
        _write(draft / f"uploads/{2021 + number % 6}/photo-{number:04}.jpg", _photo(dice))
    for number in range(DOCUMENTS):
        _write(draft / f"documents/procès-verbal {number:03}.txt", _text(dice, 9_000))
    for number in range(PAGES):
        _write(draft / f"app/{_WORDS[number % 5]}/page-{number:03}.php", b"<?php\n" + _text(dice, 3_000))
    for number in range(60):
        _write(draft / f"cache/{number:02}/fragment.html", _text(dice, 20_000))
    _write(draft / "logs/access.log", _text(dice, 400_000))
    _write(draft / "config/.env", b"APP_ENV=production\n")
    _oddities(draft)
    draft.rename(root)


def _oddities(root: Path) -> None:
    (root / "index.php").symlink_to("app/accueil/page-000.php")
    os.link(root / "uploads/2021/photo-0000.jpg", root / "uploads/logo.jpg")
    (root / "uploads/empty").mkdir()
    (root / "config/.env").chmod(0o600)
    with (root / "uploads/sparse.img").open("wb") as image:
        image.truncate(32 << 20)
        image.seek(16 << 20)
        image.write(b"in the middle")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _photo(dice: random.Random) -> bytes:
    return b"\xff\xd8\xff\xe0" + dice.randbytes(dice.randrange(150_000, 450_000))


def _text(dice: random.Random, size_bytes: int) -> bytes:
    words = dice.choices(_WORDS, k=size_bytes // 7)
    return " ".join(words).encode() + b"\n"


def fingerprints(root: Path) -> dict[str, str]:
    """What each path below `root` is: its kind, its mode, and the SHA-256 of its content or the target of its link."""
    found: dict[str, str] = {}
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(n for n in subfolders if n not in EXCLUDED)
        for name in sorted([*names, *subfolders]):
            path = Path(folder) / name
            found[str(path.relative_to(root))] = _fingerprint(path)
    return found


def _fingerprint(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    status = path.stat()
    if path.is_dir():
        return f"folder {status.st_mode:o}"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"file {status.st_mode:o} {status.st_mtime_ns // 1_000_000_000} {digest}"
