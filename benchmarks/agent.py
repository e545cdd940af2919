"""What an idle agent costs: memory and processor time on a node with a year of evidence.

Limits (issue "Trust"): at most 60 MiB, less than 0.5 % of a core. Measured over INTENDANCE_BENCH_SECONDS (120 unless
set) once it has settled and taken the day's inventory, whose own cost is told apart. Memory is what the kernel says in
/proc/PID/smaps_rollup: Rss counts all pages, Pss shares those that other processes map too; the limit is held to Rss.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import measure
from benchmarks.cli import PastClock, lived
from intendance.agent import bell
from intendance.agent.compose import open_node
from intendance.agent.layout import StateLayout
from intendance.model.evidence.run import RunEnded
from intendance.runs import decide

DAYS = 365
HOURLY = 24 * DAYS
LIMIT_MIB = 60
LIMIT_PERCENT = 0.5
SETTLED_SECONDS = 300
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    measure.options("agent", __doc__).parse_args()
    seconds = float(os.environ.get("INTENDANCE_BENCH_SECONDS", "120"))
    folder = Path(tempfile.mkdtemp(prefix="intendance-bench-", dir="/tmp"))
    try:
        state = lived(folder / "node", DAYS)
        records = _settle(state)
        print(f"{measure.machine()}; a ledger of {records:,} records, {DAYS} days; {seconds:.0f} s")
        agent = subprocess.Popen(
            [sys.executable, "-m", "intendance.agent.loop", str(state)],
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        try:
            _measure(agent.pid, state, seconds)
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.wait(60)
    finally:
        shutil.rmtree(folder)
    return 0


def _settle(state: Path) -> int:
    """Hourly runs beside the daily ones; nothing is due now. How many records there are."""
    with open_node(state, PastClock(datetime.now(UTC))) as node:
        with node.book.transaction() as transaction:
            for number in range(HOURLY):
                done = RunEnded(activity="backup.binlog", outcome="completed", attempt=1, message=f"number {number}")
                transaction.append(done, actor="schedule:backup.binlog", asset="site-db")
        node.book.seal()
        node.journal.apply(decide.reconcile((), node.lines(), node.clock.read().at))
        return node.book.size()


def _measure(pid: int, state: Path, seconds: float) -> None:
    _wait_until_settled(pid, StateLayout(state))
    began, spent = time.monotonic(), _cpu_seconds(pid)
    switches = _switches(pid)
    time.sleep(seconds)
    passed = time.monotonic() - began
    own, children = (after - before for after, before in zip(_cpu_seconds(pid), spent, strict=True))
    percent = own / passed * 100
    memory = _memory_mib(pid)
    print(f"  memory       {memory['Rss']:6.1f} MiB resident, {memory['Pss']:.1f} MiB proportional")
    print(f"  limit        {LIMIT_MIB} MiB: {'held' if memory['Rss'] <= LIMIT_MIB else 'NOT HELD'}")
    print(f"  processor    {percent:6.3f} % of a core ({own * 1e3:.1f} ms), awake {_switches(pid) - switches} times")
    print(f"  limit        {LIMIT_PERCENT} %: {'held' if percent < LIMIT_PERCENT else 'NOT HELD'}")
    print(
        f"  its children {children:6.2f} s meanwhile; since its start {sum(_cpu_seconds(pid)[1:]):.2f} s, the inventory"
    )
    bare = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    time.sleep(2)
    peer = _memory_mib(bare.pid)
    bare.kill()
    bare.wait()
    print(f"  peer: bare Python that sleeps  {peer['Rss']:.1f} MiB resident, {peer['Pss']:.1f} MiB proportional")


def _wait_until_settled(pid: int, layout: StateLayout) -> None:
    """Until it answers, and its first inventory has ended."""
    for _ in range(SETTLED_SECONDS):
        time.sleep(1)
        if bell.ask(layout.socket, {"do": "ping"}) is not None and not _has_children(pid):
            break
    else:
        raise TimeoutError("the agent did not settle")
    time.sleep(5)


def _has_children(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def _cpu_seconds(pid: int) -> tuple[float, float]:
    """Its own, from what the scheduler counts (nanoseconds), and its ended children's (proc(5), clock ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return own / 1e9, (int(fields[13]) + int(fields[14])) / TICKS


def _switches(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def _memory_mib(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(kib) / 1024 for name, kib, *_ in (line.replace(":", "").split() for line in lines)}


if __name__ == "__main__":
    sys.exit(main())
