"""A differential backup of 50,000 files in which nothing changed, beside the same shell pipe, and restic.

Limits (issue "Trust"): at most 2.5 times the shell pipe, and at least 4 times faster than restic, in the same run.

Each contender has made a full backup before. The shell pipe reads tar's notes on it, as the product does, and writes,
encrypts and hashes what is new; restic compares the tree with its last snapshot, with its cache. The product's time is
that of its whole command: most of it are the starts of programs, the signature and what must reach the disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import measure, tree
from benchmarks.contenders import (
    PLACE,
    PRODUCT,
    SECRETS,
    Contender,
    Product,
    our_pipe,
    report,
    shell,
    size_of,
    take_turns,
)
from intendance.system.openpgp import RecipientHome
from tests.support.gnupg import make_holder, private_home

ROUNDS = 9
LIMIT_RATIO, LIMIT_FASTER = 2.5, 4.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench differential", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    source = tree.make(PLACE)
    work = Path(tempfile.mkdtemp(prefix="run-", dir=PLACE))
    try:
        with ExitStack() as stack:
            holders = [make_holder(stack.enter_context(private_home()), name) for name in ("owner", "offline")]
            home = stack.enter_context(RecipientHome([holder.recipient() for holder in holders]))
            pipe = _pipe(source, home, work)
            product = _product(Product(source, work, holders))
            peers = _restic(source, work)
            contenders = [pipe, product, *peers]
            take_turns(contenders, work, options.rounds)
        report(contenders, source, options.rounds, "a differential, nothing changed", pipe)
        return _judge(pipe, product, peers)
    finally:
        shutil.rmtree(work)


def _pipe(source: Path, home: RecipientHome, work: Path) -> Contender:
    base = work / "pipe"
    base.mkdir()
    subprocess.run(shell(our_pipe(source, home, str(base), hashed=True)), check=True)

    def act(target: Path) -> list[list[str]]:
        shutil.copyfile(base / "snar", target / "snar")
        return [shell(our_pipe(source, home, str(target), hashed=True))]

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


def _restic(source: Path, work: Path) -> list[Contender]:
    if not shutil.which("restic"):
        return []
    command = ["restic", "-q", "--repo", str(work / "restic"), "--cache-dir", str(work / "cache")]
    for words in (["init"], ["backup", str(source)]):
        subprocess.run([*command, *words], check=True, env=os.environ | SECRETS, stdout=subprocess.DEVNULL)
    version = measure.version_of("restic", "version")
    act = [[*command, "backup", str(source)]]
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
