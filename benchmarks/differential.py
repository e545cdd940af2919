"""A differential backup of 50,000 files in which nothing changed, beside the same shell pipe, and restic.

Limits (issue "Trust"): at most 2.5 times the shell pipe, and at least 4 times faster than restic, in the same run.

Each contender has made a full backup before. The shell pipe reads tar's notes on it, as the product does, and writes,
encrypts and hashes what is new; restic compares the tree with its last snapshot, with its cache. The product's time is
that of its whole command: most of it are the starts of programs, the signature and what must reach the disk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import measure
from benchmarks.contenders import (
    PRODUCT,
    SECRETS,
    Contender,
    Ground,
    Product,
    our_pipe,
    prepared,
    report,
    shell,
    size_of,
    take_turns,
)

ROUNDS = 9
LIMIT_RATIO, LIMIT_FASTER = 2.5, 4.0


def main() -> int:
    parser = measure.options("differential", __doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with prepared() as ground:
        pipe = _pipe(ground)
        product = _product(Product(ground))
        peers = _restic(ground)
        contenders = [pipe, product, *peers]
        take_turns(contenders, ground.work, options.rounds)
        report(contenders, ground.source, options.rounds, "a differential, nothing changed", pipe)
        return _judge(pipe, product, peers)


def _pipe(ground: Ground) -> Contender:
    base = ground.work / "pipe"
    base.mkdir()
    subprocess.run(shell(our_pipe(ground, str(base), hashed=True)), check=True)

    def act(target: Path) -> list[list[str]]:
        shutil.copyfile(base / "snar", target / "snar")
        return [shell(our_pipe(ground, str(target), hashed=True))]

    version = ", ".join(measure.version_of(program, "--version") for program in ("tar", "gpg", "zstd"))
    return Contender("the same pipe, in a shell", version, act, watched="tar")


def _product(product: Product) -> Contender:
    subprocess.run(product.backup("full"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (base,) = product.sets()

    def cleared(_: Path) -> int:
        (made,) = (folder for folder in product.sets() if folder != base)
        size = size_of(made)
        shutil.rmtree(made)
        return size

    return Contender(
        PRODUCT, product.version(), lambda _: [product.backup("differential")], watched="python", cleared=cleared
    )


def _restic(ground: Ground) -> list[Contender]:
    if not shutil.which("restic"):
        return []
    command = ["restic", "-q", "--repo", str(ground.work / "restic"), "--cache-dir", str(ground.work / "cache")]
    for words in (["init"], ["backup", str(ground.source)]):
        subprocess.run([*command, *words], check=True, env=os.environ | SECRETS, stdout=subprocess.DEVNULL)
    version = measure.version_of("restic", "version")
    act = [[*command, "backup", str(ground.source)]]
    return [Contender("restic backup", version, lambda _: act, watched="restic", environment=SECRETS)]


def _judge(pipe: Contender, product: Contender, peers: list[Contender]) -> int:
    ratio = product.ratio_to(pipe)
    held = ratio <= LIMIT_RATIO
    print(f"\n{PRODUCT}: median of the pairs' ratios {ratio:.2f} (limit {LIMIT_RATIO})", end="")
    for restic in peers:
        faster = restic.ratio_to(product)
        held &= faster >= LIMIT_FASTER
        print(f"; {faster:.1f} times faster than restic (limit {LIMIT_FASTER:.0f})", end="")
    print("\nheld" if held else "\nNOT HELD")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
