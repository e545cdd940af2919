"""How long a person waits: `--version`, `status` of a small and of a large node, `plan check`, beside a bare Python.

Limits, on 2 cores: `--version` below 100 ms above bare Python, `status` below 400 ms after 90 days of evidence, of
three assets and of 50 assets under all 74 rules; `plan check` of 500 lines below 500 ms.

A node's worker judges what its run changed and its agent judges ahead, so that `status` is asked for what was found
before (decisions 18 and 21). Looks that find everything anew, as where there is no agent, are measured beside it.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from benchmarks import measure
from demonstration import keys, plan
from demonstration.scene import Scene
from intendance.agent import findings
from intendance.agent.adoption import adopt
from intendance.ledger.book import Book
from intendance.model.evidence.backup import BackupCompleted, PacketCheck
from intendance.model.evidence.inspection import InspectionCompleted, SetSeen
from intendance.model.evidence.sample import DatabaseRolledUp, LimitFollowed, SampleRollup
from intendance.system.clock import Instant, rfc3339

MS = 1e-3
DAYS = 90
ROUNDS = 15
MANY = 50
LINES = 500
_BARE = "python -c pass"


class PastClock:
    """A clock that a history is written by; it is set by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def read(self) -> Instant:
        return Instant(at=self.at, mono_ns=int(self.at.timestamp() * 1e9), boot="bench")


@dataclass(frozen=True, slots=True)
class Case:
    """Something timed, and what it must stay below, if anything; `above_bare`, what bare Python takes not counted."""

    act: Callable[[], object]
    limit_seconds: float | None = None
    above_bare: bool = False


def main() -> int:
    measure.options("cli", __doc__).parse_args()
    folder = Path(tempfile.mkdtemp(prefix="intendance-bench-", dir="/tmp"))
    try:
        small, many, file = lived(folder / "small"), lived(folder / "many", many=True), folder / f"{LINES}.yaml"
        _long_plan(folder / "many" / "scene" / "intendance.yaml", file)
        print(f"{measure.machine()}; {measure.version_of(sys.executable, '-m', 'intendance', '--version')}")
        cases = _cases(small, many, file)
        _report(cases, measure.interleaved({name: case.act for name, case in cases.items()}, rounds=ROUNDS))
    finally:
        shutil.rmtree(folder)
    return 0


def _cases(small: Path, many: Path, file: Path) -> dict[str, Case]:
    def command(*words: str | Path) -> Callable[[], object]:
        return measure.command([sys.executable, "-m", "intendance", *map(str, words)], accept=(0, 4, 5))

    def anew(state: Path) -> Callable[[], object]:
        look = command("--state", state, "status")

        def act() -> None:
            findings.forget(state)
            look()

        return act

    return {
        "python -S -c pass": Case(measure.command([sys.executable, "-S", "-c", "pass"])),
        _BARE: Case(measure.command([sys.executable, "-c", "pass"])),
        "import of the worker": Case(measure.command([sys.executable, "-c", "import intendance.agent.worker"])),
        "intendance --version": Case(command("--version"), 100 * MS, above_bare=True),
        "status, 3 assets": Case(command("--state", small, "status"), 400 * MS),
        "status --json, 3 assets": Case(command("--state", small, "status", "--json"), 400 * MS),
        "status, 3 assets, all anew": Case(anew(small), 400 * MS),
        f"status, {MANY} assets": Case(command("--state", many, "status"), 400 * MS),
        f"status, {MANY} assets, all anew": Case(anew(many)),
        f"plan check, {LINES} lines": Case(command("plan", "check", file), 500 * MS),
    }


def _report(cases: Mapping[str, Case], timings: Mapping[str, measure.Timing]) -> None:
    bare = timings[_BARE].median
    print(f"{ROUNDS} interleaved rounds; {DAYS} days of evidence\n")
    print(f"{'':28}{'median':>9}{'above bare':>12}   {'spread (ms)':16}limit")
    for name, timing in timings.items():
        above = timing.median - bare
        said = f"{name:28}{timing.median * 1e3:>6.0f} ms{above * 1e3:>9.0f} ms   {timing.spread:16}"
        print(f"{said}{_held(cases[name], above if cases[name].above_bare else timing.median)}".rstrip())


def _held(case: Case, seconds: float) -> str:
    if case.limit_seconds is None:
        return ""
    limit = f"{case.limit_seconds * 1e3:.0f} ms{' above bare' if case.above_bare else ''}"
    return f"{limit}: {'held' if seconds < case.limit_seconds else 'MISSED'}"


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
            with book.transaction() as transaction:
                for _ in range(24):
                    clock.at += timedelta(hours=23, minutes=59) / 24
                    transaction.append(rollup(clock.at, assets), actor="agent")
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


def rollup(at: datetime, assets: Mapping[str, Any]) -> SampleRollup:
    """An hour of a machine that is well, with its servers."""
    steps = (120,) * 12
    return SampleRollup(
        began_at=rfc3339(at - timedelta(hours=1)),
        ended_at=rfc3339(at),
        step_seconds=300,
        readings=60,
        cpu_permille=steps,
        cpu_highest_permille=steps,
        memory_permille=steps,
        memory_highest_permille=steps,
        swap_permille=steps,
        load_centi=steps,
        processors=2,
        memory_bytes=4 * 2**30,
        limits=tuple(
            LimitFollowed(quantity=quantity, limit_permille=limit, for_seconds=seconds)
            for quantity, limit, seconds in (("cpu", 700, 300), ("disk", 850, 0), ("memory", 800, 300))
        ),
        databases=tuple(
            DatabaseRolledUp(
                asset=asset, looks=60, unanswered=0, connections_highest=7, counts_deadlocks=True, sees_queries=True
            )
            for asset, planned in assets.items()
            if planned["kind"] == "mariadb"
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
