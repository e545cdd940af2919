"""A full backup of 50,000 files (850 MiB) beside the same programs joined by a shell, and its peers.

Limits (issue "Thread"): within 1.2 times the same shell pipe in the same run, our Python below 60 MiB.

The same shell pipe is what the product joins: tar with the same options (ACLs, extended attributes, holes), zstd, gpg
to the same keys, the SHA-256 of what is kept, brought to the disk. It checks no exit status but the pipe's, no packet,
and signs nothing. Beside it, for who would type less: plain `tar | zstd | gpg > file`, hashed by nobody and left in the
page cache. The product's time is that of its whole command, to the signed set and the sealed record. restic, borg and
duplicity, where they are installed, each make a new repository; restic and borg split files into chunks and store each
once, which this tree, where nothing repeats, does not reward.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from benchmarks import measure
from benchmarks.contenders import (
    PLACE,
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

ROUNDS = 5
LIMIT_RATIO, LIMIT_MIB = 1.2, 60


def main() -> int:
    parser = measure.options("files", __doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--no-peers", action="store_true", help="only the shell pipes and the product")
    options = parser.parse_args()
    with prepared() as ground:
        same, plain = _pipes(ground)
        product = _product(Product(ground))
        peers = [] if options.no_peers else _peers(ground.source)
        contenders = [plain, same, product, *peers]
        take_turns(contenders, ground.work, options.rounds)
        report(contenders, ground.source, options.rounds, "a full backup", same)
        return _judge(product, same, plain)


def _pipes(ground: Ground) -> tuple[Contender, Contender]:
    def same(target: Path) -> list[list[str]]:
        return [shell(our_pipe(ground, str(target), hashed=True))]

    def plain(target: Path) -> list[list[str]]:
        read = f"tar -C {ground.source} --listed-incremental={target}/snar -cf - ."
        return [shell(f"{read} | zstd -q -3 -T2 | {shlex.join(ground.home.encrypt_argv())} > {target}/full.gpg")]

    version = ", ".join(measure.version_of(program, "--version") for program in ("tar", "gpg", "zstd"))
    return (
        Contender("the same pipe, in a shell", version, same, watched="tar"),
        Contender("plain tar | zstd | gpg > file", "", plain, watched="tar"),
    )


def _product(product: Product) -> Contender:
    def cleared(_: Path) -> int:
        size = size_of(product.store / "bench")
        shutil.rmtree(product.store / "bench")
        return size

    return Contender(PRODUCT, product.version(), lambda _: [product.backup("full")], watched="python", cleared=cleared)


def _peers(source: Path) -> list[Contender]:
    found = []
    if shutil.which("restic"):
        found.append(Contender("restic init, backup", measure.version_of("restic", "version"), lambda target: [
            ["restic", "-q", "--repo", f"{target}/repo", "init"],
            ["restic", "-q", "--no-cache", "--repo", f"{target}/repo", "backup", str(source)],
        ], watched="restic", environment=SECRETS))  # fmt: skip
    if shutil.which("borg"):
        found.append(Contender("borg init, create -C zstd,3", measure.version_of("borg", "--version"), lambda target: [
            ["borg", "init", "--encryption=repokey-blake2", f"{target}/repo"],
            ["borg", "create", "--compression", "zstd,3", f"{target}/repo::full", str(source)],
        ], watched="borg", environment=SECRETS | {"BORG_BASE_DIR": str(PLACE / "borg")}))  # fmt: skip
    if shutil.which("duplicity"):
        found.append(Contender("duplicity full", measure.version_of("duplicity", "--version"), lambda target: [
            ["duplicity", "full", "--archive-dir", f"{target}/archive", str(source), f"file://{target}/repo"],
        ], watched="duplicity", environment=SECRETS))  # fmt: skip
    return found


def _judge(product: Contender, same: Contender, plain: Contender) -> int:
    ratio, largest = product.ratio_to(same), product.peaks_mib[0]
    print(f"\n{PRODUCT}: median of the pairs' ratios {ratio:.2f} (limit {LIMIT_RATIO}), to the plain pipe")
    print(f"{product.ratio_to(plain):.2f}; the process that makes the backup {largest:.0f} MiB (limit {LIMIT_MIB}),")
    print("and beside it the command line that waits for it.")
    held = ratio <= LIMIT_RATIO and largest <= LIMIT_MIB
    print("held" if held else "NOT HELD")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
