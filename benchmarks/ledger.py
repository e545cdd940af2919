"""The ledger: durable records a second, and verification, beside plain SQLite and `sha256sum` on the same bytes.

Limits (issue "Trust"): 5,000 durable records/s with group commit; 1,000,000 records verified in less than 20 s on two
cores, which is 20 µs for one. Durable: `synchronous = FULL`, so every commit has reached the disk; the records of one
transaction share its commit, and how many do is said on each line.
CPU seconds are user CPU (getrusage), which other work on the machine changes less than it changes wall-clock seconds.
"""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import measure
from intendance.agent.ledger_view import export_bundle
from intendance.ledger import rows
from intendance.ledger.book import Book
from intendance.ledger.source import open_source
from intendance.ledger.verify import verify
from intendance.model.evidence.run import RunEnded
from intendance.system.clock import SystemClock

APPENDED = 20_000
VERIFIED = 100_000
TOGETHER = (1, 10, 100)
LIMIT_PER_SECOND = 5_000
LIMIT_SECONDS = 20.0
LIMITED = 1_000_000
WRITERS = 3


def main() -> int:
    measure.options("ledger", __doc__).parse_args()
    folder = Path(tempfile.mkdtemp(prefix="intendance-bench-", dir="/tmp"))
    try:
        print(measure.machine())
        print(f"\nDurable records (SQLite {sqlite3.sqlite_version}, synchronous = FULL)\n")
        for together in TOGETHER:
            rate = _appending(folder / f"append-{together}", together)
            if together == TOGETHER[-1]:
                held = rate >= LIMIT_PER_SECOND
                _limit(f"records/s, {together} in a transaction", rate, LIMIT_PER_SECOND, held=held)
        _several_writers(folder / "several")
        _verifying(folder / "verify")
    finally:
        shutil.rmtree(folder)
    return 0


def _timed(act: Callable[[], object], *, children: bool = False) -> tuple[float, float]:
    """Wall-clock and user CPU seconds of one act, in this process or in the children it waited for."""
    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    wall, user = time.perf_counter(), resource.getrusage(who).ru_utime
    act()
    return time.perf_counter() - wall, resource.getrusage(who).ru_utime - user


def _line(name: str, count: int, wall: float, user: float) -> None:
    each = user / count * 1e6
    print(f"{name:44}{count:>9,} records{wall:>9.2f} s{count / wall:>11,.0f} /s{each:>8.1f} µs user CPU each")


def _limit(what: str, found: float, limit: float, *, held: bool) -> None:
    print(f"  limit: {what}: {found:,.1f} of {limit:,.0f}, {'held' if held else 'NOT HELD'}\n")


def _begin(state: Path) -> Book:
    return Book.create(
        state, fleet="bench", node="bench", openpgp_fingerprint="AB" * 20, software="bench", clock=SystemClock()
    )


def _append(book: Book, count: int, together: int) -> None:
    for first in range(0, count, together):
        with book.transaction() as transaction:
            for number in range(first, min(first + together, count)):
                done = RunEnded(activity="inspect", outcome="completed", attempt=1, message=f"number {number}")
                transaction.append(done, actor="schedule:inspect", asset="site-files")


def _appending(state: Path, together: int) -> float:
    """Records a second."""
    count = min(APPENDED, 1000 * together)
    with _begin(state) as book:
        wall, user = _timed(lambda: _append(book, count, together))
        _line(f"records, {together} in a transaction", count, wall, user)
        _line("  ... and signing all of them", count, *_timed(book.seal))
        kept = list(rows.rows(book.connection, 1, count + 1))
    plain = rows.connect(state / "plain.db")
    schema = (Path(rows.__file__).with_name("book.sql")).read_text()
    plain.executescript(schema)

    def insert() -> None:
        for first in range(0, count, together):
            plain.execute("BEGIN IMMEDIATE")
            plain.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", kept[first : first + together])
            plain.execute("COMMIT")

    _line("  peer: plain SQLite, the same rows", count, *_timed(insert))
    plain.close()
    return count / wall


def _write(state: Path, count: int) -> None:
    with Book.open(state, SystemClock()) as book:
        _append(book, count, 100)


def _several_writers(state: Path) -> None:
    _begin(state).close()
    each = APPENDED // WRITERS

    def together() -> None:
        context = multiprocessing.get_context("spawn")
        writers = [context.Process(target=_write, args=(state, each)) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
            if writer.exitcode != 0:
                raise ChildProcessError(f"a writer ended with {writer.exitcode}")

    wall, user = _timed(together, children=True)
    _line(f"{WRITERS} writers (their start included), 100 each", each * WRITERS, wall, user)


def _verifying(state: Path) -> None:
    print("\nVerification: form, kind, chain, tree, every tile, the database's structure, the signature\n")
    with _begin(state) as book:
        _append(book, VERIFIED, 1000)
        book.seal()
        content = state / "records"
        with content.open("wb") as file:
            file.writelines(row.content for row in rows.rows(book.connection, 0, book.size()))

    def check() -> None:
        with open_source(state) as source:
            report = verify(source)
        if report.exit_code or report.records != VERIFIED + 1:
            raise AssertionError(report.findings)

    wall, user = _timed(check)
    _line("verify", VERIFIED, wall, user)
    seconds = wall / VERIFIED * LIMITED
    _limit(f"seconds for {LIMITED:,} records", seconds, LIMIT_SECONDS, held=seconds < LIMIT_SECONDS)
    bundle = state / "bundle"
    export_bundle(state, SystemClock(), bundle)
    alone = [sys.executable, "-I", str(bundle / "verify.py"), str(bundle)]
    _line("the bundle's own verify.py, on a bundle", VERIFIED, *_timed(_command(alone), children=True))
    _line(
        "  peer: sha256sum of the same bytes", VERIFIED, *_timed(_command(["sha256sum", str(content)]), children=True)
    )


def _command(argv: Sequence[str]) -> Callable[[], object]:
    return lambda: subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
