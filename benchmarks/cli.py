"""How long a person waits: `--version`, `status` of a small and of a large node, `plan check`, beside a bare Python.

Limits, on 2 cores: `--version` below 100 ms above bare Python, `status` below 400 ms after 90 days of evidence, of
three assets and of 50 assets under all 74 rules; `plan check` of 500 lines below 500 ms.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

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
MANY = 50
LINES = 500


class PastClock:
    """A clock that a history is written by; it is set by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def read(self) -> Instant:
        return Instant(at=self.at, mono_ns=int(self.at.timestamp() * 1e9), boot="bench")


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="intendance-bench-", dir="/tmp"))
    try:
        small, many, file = lived(folder / "small"), lived(folder / "many", many=True), folder / f"{LINES}.yaml"
        _long_plan(folder / "many" / "scene" / "intendance.yaml", file)
        print(f"{measure.machine()}; {measure.version_of(sys.executable, '-m', 'intendance', '--version')}")
        _report(_timings(small, many, file))
    finally:
        shutil.rmtree(folder)
    return 0


def _timings(small: Path, many: Path, file: Path) -> dict[str, measure.Timing]:
    def contender(*words: str | Path) -> Any:
        return measure.command([sys.executable, "-m", "intendance", *map(str, words)], accept=(0, 4, 5))

    return measure.interleaved(
        {
            "python -S -c pass": measure.command([sys.executable, "-S", "-c", "pass"]),
            "python -c pass": measure.command([sys.executable, "-c", "pass"]),
            "import of the worker": measure.command([sys.executable, "-c", "import intendance.agent.worker"]),
            "intendance --version": contender("--version"),
            "intendance status": contender("--state", small, "status"),
            "intendance status --json": contender("--state", small, "status", "--json"),
            f"status, {MANY} assets": contender("--state", many, "status"),
            f"plan check, {LINES} lines": contender("plan", "check", file),
        },
        rounds=ROUNDS,
    )


def _report(timings: dict[str, measure.Timing]) -> None:
    bare = timings["python -c pass"].median
    print(f"{ROUNDS} interleaved rounds; {DAYS} days of evidence, of 3 assets where nothing else is said\n")
    print(f"{'':26}{'median':>9}{'above bare':>12}   spread (ms)")
    for timing in timings.values():
        above = (timing.median - bare) * 1e3
        print(f"{timing.name:26}{timing.median * 1e3:>6.0f} ms{above:>9.0f} ms   {timing.spread}")


def lived(folder: Path, days: int = DAYS, *, many: bool = False) -> Path:
    """A state folder with an adopted plan and a ledger as it is after some days of daily work, three months of them."""
    folder.mkdir()
    scene = Scene(folder / "scene")
    scene.open()
    try:
        made = keys.keys(scene)
        scene.website.mkdir()
        plan.write(scene, made, with_database=True)
        if many:
            _multiply(scene)
        clock = PastClock(datetime.now(UTC) - timedelta(days=days))
        adopt(scene.plan, state=scene.state, clock=clock, actor="person:bench")
    finally:
        keys.stop_agents(scene)
        scene.close()
    assets = yaml.safe_load(scene.plan.read_text(encoding="utf-8"))["assets"]
    _history(scene.state, clock, assets, tuple(key.fingerprint for key in made), days)
    return scene.state


def _multiply(scene: Scene) -> None:
    """The same plan for half as many databases and half as many sites as assets are wanted, under both catalogues."""
    content = yaml.safe_load(scene.plan.read_text(encoding="utf-8"))
    database, files = content["assets"]["site-db"], content["assets"]["site-files"]
    daily = files["backup"] | {"full": {"schedule": "0 3 * * *"}}
    assets = {}
    for number in range(MANY // 2):
        site = scene.website / f"{number:02}"
        site.mkdir()
        server = {"socket": f"/run/mysqld/{number:02}.sock"}
        assets[f"site-{number:02}-db"] = database | {"databases": ["site"], "connect": server}
        assets[f"site-{number:02}-files"] = files | {"path": str(site), "backup": daily}
    content["assets"] = assets
    del content["sites"]
    content["catalogues"] = ["maint", "asbl"]
    _write(scene.plan, content)


def _long_plan(source: Path, path: Path) -> None:
    """A plan of `LINES` lines: some assets of the large one, and blank lines at its end."""
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    while (lines := _write(path, content)) > LINES:
        content["assets"].popitem()
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * (LINES - lines))


def _write(path: Path, content: Mapping[str, Any]) -> int:
    """How many lines it has."""
    plain = json.loads(json.dumps(content))  # nothing is the same object twice, so YAML writes no anchors
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)
    path.write_text(text, encoding="utf-8")
    return text.count("\n")


def _history(state: Path, clock: PastClock, assets: Mapping[str, Any], recipients: tuple[str, ...], days: int) -> None:
    book = Book.open(state, clock)
    seen: dict[str, list[SetSeen]] = {asset: [] for asset in assets}
    try:
        for _ in range(days):
            clock.at += timedelta(hours=23, minutes=59)
            with book.transaction() as transaction:
                for asset, planned in assets.items():
                    kind = next(name for name in ("logical", "full") if name in planned["backup"])
                    done = _backup(asset, kind, planned["kind"], clock.at, recipients, len(seen[asset]))
                    run = done.set.rpartition(".")[0]
                    transaction.append(done, actor=f"schedule:backup.{kind}", asset=asset, run=run)
                    seen[asset].insert(0, _seen(done))
                    transaction.append(_inspection(seen[asset]), actor="schedule:inspect", asset=asset)
        book.seal()
    finally:
        book.close()


def _backup(
    asset: str, kind: str, engine: str, at: datetime, recipients: tuple[str, ...], sequence: int
) -> BackupCompleted:
    return BackupCompleted(
        set=f"{asset}.backup-{kind}.{at:%Y%m%dT%H%M%SZ}.1",
        kind=kind,
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
