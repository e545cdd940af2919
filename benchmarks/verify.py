"""Ciphertext of a local store read again and compared with its hashes, beside `sha256sum` and `openssl dgst`.

Limit (issue "Off-site"): at least 700 MiB/s. The bytes are random, since parts are ciphertext, in files of 64 MiB, and
in the page cache: a disk that gives less decides by itself. Ours is what an inspection does with each part of a set, in
one thread, in a process of its own. CPU is what the process took in all, so that a busy machine shows too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from benchmarks import measure
from benchmarks.contenders import PLACE
from intendance.model.plan import DirectoryStore
from intendance.stores.directory import adopt_store

PART_BYTES = 64 << 20
LIMIT_MIB = 700.0
FOLDER = "fleet/node/asset/set"

_OURS = r"""
import json, sys
from pathlib import Path
from intendance.model.plan import DirectoryStore
from intendance.sets.fetch import hash_part
from intendance.sets.manifest import Part
from intendance.stores import open_store
store = open_store(DirectoryStore(name="local", path=sys.argv[1]))
for name, size, digest in json.loads(sys.argv[3]):
    part = Part(name=name, plain_bytes=size, cipher_bytes=size, sha256_plain=digest, sha256_cipher=digest)
    fault = hash_part(store, sys.argv[2], part, lambda count: None)
    assert not fault, fault
"""


def main(words: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when ours is slower than the limit, by its CPU time."""
    parser = argparse.ArgumentParser(prog="./dev bench verify", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="how much to read, MiB")
    parser.add_argument("--rounds", type=int, default=5, help="how often each, in turn")
    given = parser.parse_args(words)
    PLACE.mkdir(parents=True, exist_ok=True)
    base = Path(tempfile.mkdtemp(prefix="intendance-verify-", dir=PLACE))
    try:
        parts = _fill(base, given.mib)
        figures = _measure(base, parts, given.rounds)
    finally:
        shutil.rmtree(base)
    print(f"{measure.machine()}; {measure.version_of('openssl', 'version')}; "
          f"{measure.version_of('sha256sum', '--version')}")  # fmt: skip
    print(f"{len(parts)} parts of 64 MiB, {given.rounds} rounds in turn, medians")
    for name, (wall, cpu) in figures.items():
        mib = len(parts) * PART_BYTES / 2**20
        print(f"{name:>16}  {mib / wall:6.0f} MiB/s  {mib / cpu:6.0f} MiB/s of CPU")
    rate = len(parts) * PART_BYTES / 2**20 / figures["intendance"][1]
    print(f"at least {LIMIT_MIB:.0f} MiB/s: {'held' if rate >= LIMIT_MIB else 'NOT HELD'}")
    return 0 if rate >= LIMIT_MIB else 1


def _fill(base: Path, mib: int) -> list[tuple[str, int, str]]:
    """A store with one set's parts."""
    adopt_store(DirectoryStore(name="local", path=str(base / "store")))
    folder = base / "store" / FOLDER
    folder.mkdir(parents=True)
    parts = []
    for number in range(max(1, mib * 2**20 // PART_BYTES)):
        content = os.urandom(PART_BYTES)
        name = f"tree-{number:05}.zst.gpg"
        (folder / name).write_bytes(content)
        parts.append((name, PART_BYTES, sha256(content).hexdigest()))
    return parts


def _measure(base: Path, parts: list[tuple[str, int, str]], rounds: int) -> dict[str, tuple[float, float]]:
    files = [str(base / "store" / FOLDER / name) for name, _, _ in parts]
    ours = [sys.executable, "-c", _OURS, str(base / "store"), FOLDER, json.dumps(parts)]
    nothing = [*ours[:-1], "[]"]
    contenders = {
        "intendance": ours,
        "start alone": nothing,
        "sha256sum": ["sha256sum", *files],
        "openssl dgst": ["openssl", "dgst", "-sha256", *files],
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, argv in contenders.items():
            found = _run(argv)
            if number > 0:
                taken[name].append(found)
    medians = {
        name: (statistics.median(wall for wall, _ in each), statistics.median(cpu for _, cpu in each))
        for name, each in taken.items()
    }
    start = medians.pop("start alone")  # an inspection starts once, whatever it reads
    medians["intendance"] = (medians["intendance"][0] - start[0], medians["intendance"][1] - start[1])
    return medians


def _run(argv: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a program."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        raise ChildProcessError(f"{argv[0]}: {ended.stderr.decode(errors='replace')[-500:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
