"""The file tree of `./dev bench files`: 50,000 files, 850 MiB, the same on every machine; made once."""

from __future__ import annotations

import random
from pathlib import Path

TEXTS, IMAGES = 49_400, 600
TEXT_BYTES, IMAGE_BYTES = 550 << 20, 300 << 20
_SEED = 20261121
_LINES = 200_000
_WORDS = 20_000


def make(folder: Path) -> Path:
    """The tree under `folder`, made when it is not there whole.

    Text (pages, configuration, code: lines of words with a natural frequency) of log-normal sizes, and images, which do
    not compress; some 2,000 folders, three deep.
    """
    tree, whole = folder / "tree", folder / "tree.whole"
    if whole.exists():
        return tree
    chance = random.Random(_SEED)
    lines = _lines(chance)
    sizes = [chance.lognormvariate(8.0, 1.3) for _ in range(TEXTS)]
    scale = TEXT_BYTES / sum(sizes)
    for number, size in enumerate(sizes):
        content = b"".join(chance.choices(lines, k=int(size * scale / 60) + 1))
        _write(
            tree / f"site/{number % 47:02d}/{number % 2003 // 47:02d}/page-{number}.html", content[: int(size * scale)]
        )
    for number in range(IMAGES):
        content = chance.randbytes(int(IMAGE_BYTES / IMAGES * chance.uniform(0.2, 1.8)))
        _write(tree / f"images/{number % 12:02d}/photo-{number}.jpg", content)
    whole.touch()
    return tree


def count(tree: Path) -> tuple[int, int]:
    """(files, bytes) of the tree."""
    sizes = [path.stat().st_size for path in tree.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _lines(chance: random.Random) -> list[bytes]:
    letters = "etaoinshrdlcumwfgypbvk"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 11))).encode() for _ in range(_WORDS)]
    weights = [1 / (rank + 3) for rank in range(_WORDS)]
    drawn = chance.choices(words, weights, k=_LINES * 9)
    return [b" ".join(drawn[at * 9 : at * 9 + 8]) + b" %d\n" % chance.randrange(10**6) for at in range(_LINES)]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
