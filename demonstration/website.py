"""The site's file tree: `data.py`'s, with the oddities that real trees have; and what each path in a tree is."""

from __future__ import annotations

import hashlib
import os
import shutil
from datetime import UTC
from pathlib import Path

from demonstration import data

EXCLUDED = ("cache", "logs")
EXCLUDED_ENDING = ".log"


def build(root: Path, *, size: float = 1.0) -> None:
    """Write the tree; complete or not at all."""
    if root.exists():
        return
    draft = root.with_name(root.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    data.make_site(draft, size=size)
    _oddities(draft)
    draft.rename(root)


def _oddities(root: Path) -> None:
    os.link(root / "public/index.php", root / "public/accueil.php")
    (root / "uploads/à trier").mkdir()
    (root / "config/app.php").chmod(0o600)
    with (root / "uploads/sparse.img").open("wb") as image:
        image.truncate(32 << 20)
        image.seek(16 << 20)
        image.write(b"in the middle")
    written = data.UNTIL.replace(tzinfo=UTC).timestamp()
    os.utime(root / "uploads/sparse.img", (written, written))  # the same at every run, as the rest


def fingerprints(root: Path) -> dict[str, str]:
    """What each path below `root` is that the plan keeps: kind, mode, seconds, and the SHA-256 of the content or the
    link's target."""
    found: dict[str, str] = {}
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(n for n in subfolders if n not in EXCLUDED)
        for name in sorted([*names, *subfolders]):
            path = Path(folder) / name
            if not name.endswith(EXCLUDED_ENDING):
                found[str(path.relative_to(root))] = _fingerprint(path)
    return found


def _fingerprint(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    status = path.stat()
    if path.is_dir():
        return f"folder {status.st_mode:o}"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"file {status.st_mode:o} {status.st_nlink} {status.st_mtime_ns // 1_000_000_000} {digest}"
