"""How long a person waits: `intendance --version` and `intendance status`, beside a bare Python.

Limits (issue "Thread"): `--version` below 100 ms above bare Python, `status` below 400 ms, on 2 cores.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import measure
from demonstration import keys, plan
from demonstration.scene import Scene
from intendance.agent.adoption import adopt
from intendance.ledger.book import Book
from intendance.model.evidence.backup import BackupCompleted, PacketCheck
from intendance.model.evidence.inspection import InspectionCompleted, SetSeen
from intendance.system.clock import Instant, rfc3339

DAYS = 90
ROUNDS = 15
ASSETS = {"site-db": ("backup-logical", "mariadb"), "site-files": ("backup-full", "files")}


class PastClock:
    """A clock that a history is written by; it is set by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def read(self) -> Instant:
        return Instant(at=self.at, mono_ns=int(self.at.timestamp() * 1e9), boot="bench")


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="intendance-bench-", dir="/tmp"))
    try:
        state = _state(folder)
        print(f"{measure.machine()}; {measure.version_of(sys.executable, '-m', 'intendance', '--version')}")
        _report(_timings(state))
    finally:
        shutil.rmtree(folder)
    return 0


def _timings(state: Path) -> dict[str, measure.Timing]:
    intendance = [sys.executable, "-m", "intendance"]
    return measure.interleaved(
        {
            "python -S -c pass": measure.command([sys.executable, "-S", "-c", "pass"]),
            "python -c pass": measure.command([sys.executable, "-c", "pass"]),
            "intendance --version": measure.command([*intendance, "--version"]),
            "intendance status": measure.command([*intendance, "--state", str(state), "status"], accept=(0, 4, 5)),
            "intendance status --json": measure.command(
                [*intendance, "--state", str(state), "status", "--json"], accept=(0, 4, 5)
            ),
        },
        rounds=ROUNDS,
    )


def _report(timings: dict[str, measure.Timing]) -> None:
    bare = timings["python -c pass"].median
    print(f"{ROUNDS} interleaved rounds; {DAYS} days of evidence of {len(ASSETS)} assets\n")
    print(f"{'':26}{'median':>9}{'above bare':>12}   spread (ms)")
    for timing in timings.values():
        above = (timing.median - bare) * 1e3
        print(f"{timing.name:26}{timing.median * 1e3:>6.0f} ms{above:>9.0f} ms   {timing.spread}")


def _state(folder: Path) -> Path:
    """An adopted plan and a ledger as it is after three months of daily work."""
    scene = Scene(folder / "scene")
    scene.open()
    try:
        made = keys.keys(scene)
        scene.website.mkdir()
        plan.write(scene, made, with_database=True)
        clock = PastClock(datetime.now(UTC) - timedelta(days=DAYS))
        adopt(scene.plan, state=scene.state, clock=clock, actor="person:bench")
    finally:
        keys.stop_agents(scene)
        scene.close()
    _history(scene.state, clock, tuple(key.fingerprint for key in made))
    return scene.state


def _history(state: Path, clock: PastClock, recipients: tuple[str, ...]) -> None:
    book = Book.open(state, clock)
    seen: dict[str, list[SetSeen]] = {asset: [] for asset in ASSETS}
    try:
        for _ in range(DAYS):
            clock.at += timedelta(hours=23, minutes=59)
            with book.transaction() as transaction:
                for asset, (activity, engine) in ASSETS.items():
                    done = _backup(asset, activity, engine, clock.at, recipients, len(seen[asset]))
                    transaction.append(done, actor=f"schedule:{activity}", asset=asset, run=done.set.rpartition(".")[0])
                    seen[asset].insert(0, _seen(done))
                    transaction.append(_inspection(seen[asset]), actor="schedule:inspect", asset=asset)
        book.seal()
    finally:
        book.close()


def _backup(
    asset: str, activity: str, engine: str, at: datetime, recipients: tuple[str, ...], sequence: int
) -> BackupCompleted:
    return BackupCompleted(
        set=f"{asset}.{activity}.{at:%Y%m%dT%H%M%SZ}.1",
        kind=activity.partition("-")[2],
        engine=engine,
        engine_version="1",
        started_at=rfc3339(at - timedelta(seconds=90)),
        completed_at=rfc3339(at),
        recovers_to=rfc3339(at - timedelta(seconds=90)),
        stores=("local",),
        parts=3,
        source_bytes=200_000_000,
        stored_bytes=50_000_000,
        manifest_sha256="0" * 64,
        recipients=recipients,
        packets=PacketCheck(parts=3, recipients=recipients, integrity_protected=True),
        sequence=sequence,
    )


def _seen(done: BackupCompleted) -> SetSeen:
    return SetSeen(
        set=done.set,
        kind=done.kind,
        recovers_to=done.recovers_to,
        completed_at=done.completed_at,
        stored_bytes=done.stored_bytes,
        hashed_bytes=done.stored_bytes,
        manifest_sha256=done.manifest_sha256,
    )


def _inspection(seen: list[SetSeen]) -> InspectionCompleted:
    return InspectionCompleted(
        store="local",
        by="self",
        sets=len(seen),
        faulty=0,
        incomplete=0,
        stored_bytes=sum(s.stored_bytes for s in seen),
        hashed_bytes=seen[0].hashed_bytes,
        newest=tuple(seen[:20]),
        days=tuple(s.completed_at[:10] for s in seen),
        oldest_recovers_to=seen[-1].recovers_to,
        zone="Europe/Brussels",
    )


if __name__ == "__main__":
    sys.exit(main())
