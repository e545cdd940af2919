"""Ways to back one tree up, side by side: what each does, how long it takes, what it costs and leaves.

Every contender starts with the tree in the page cache and nothing left to write back. The processor's speed moves by a
third within minutes on a shared machine, so contenders take turns and ratios are those of pairs within one turn.
"""

from __future__ import annotations

import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from benchmarks import measure, tree
from intendance.engines.files.tar import COMMON, READING
from intendance.system.openpgp import RecipientHome
from tests.support.gnupg import Holder, make_holder, private_home
from tests.support.memory import Peaks

PLACE = Path(__file__).parents[1] / ".dev" / "bench"
PRODUCT = "intendance backup run"
SECRETS = {"RESTIC_PASSWORD": "bench", "BORG_PASSPHRASE": "bench", "PASSPHRASE": "bench"}


@dataclass(frozen=True, slots=True)
class Ground:
    """What the contenders of one run share: the tree, a folder for what they make, who can open it, and gpg's home with
    the keys it is encrypted to."""

    source: Path
    work: Path
    holders: Sequence[Holder]
    home: RecipientHome


@contextmanager
def prepared() -> Iterator[Ground]:
    """The ground for one run; all of it but the tree is removed afterwards."""
    PLACE.mkdir(parents=True, exist_ok=True)
    source = tree.make(PLACE)
    work = Path(tempfile.mkdtemp(prefix="run-", dir=PLACE))
    try:
        with ExitStack() as stack:
            holders = [make_holder(stack.enter_context(private_home()), name) for name in ("owner", "offline")]
            home = stack.enter_context(RecipientHome([holder.recipient() for holder in holders]))
            yield Ground(source, work, holders, home)
    finally:
        shutil.rmtree(work)


def size_of(folder: Path) -> int:
    """The bytes of a backup in a folder, without tar's own notes."""
    beside = {"snar", "index", "sums"}
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name not in beside)


@dataclass
class Contender:
    """One way to back the tree up. `act` makes a new backup in an empty folder; `watched` names the programs whose peak
    memory counts."""

    name: str
    version: str
    act: Callable[[Path], Sequence[Sequence[str]]]
    watched: str
    cleared: Callable[[Path], int] = size_of
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peaks_mib: list[float] = field(default_factory=list)
    stored_bytes: int = 0

    @property
    def median(self) -> float:
        """Of its counted rounds, in seconds."""
        return statistics.median(self.seconds)

    def ratio_to(self, other: Contender) -> float:
        """The median of the pairs' ratios."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True))


def take_turns(contenders: Sequence[Contender], work: Path, rounds: int) -> None:
    """One round that warms the caches and looks at memory instead of being counted, then `rounds` that are."""
    for number in range(rounds + 1):
        for contender in contenders:
            _perform(contender, work, counted=number > 0)


def our_pipe(ground: Ground, target: str, *, hashed: bool, listing: str = "snar") -> str:
    """What the product joins, joined by a shell: tar with the same options, zstd, gpg to the same keys, SHA-256 of what
    is kept where `hashed`, and all of it on the disk. By openssl, which has the processor hash: Debian's sha256sum does
    not, and would hold the pipe up."""
    options = shlex.join([*COMMON, *READING])
    notes = f"--listed-incremental={target}/{listing} --index-file={target}/index"
    read = f"tar -C {ground.source} {options} {notes} -cf - . 2>/dev/null"
    keep = f"tee >(openssl dgst -sha256 > {target}/sums) > {target}/full.gpg" if hashed else f"cat > {target}/full.gpg"
    return f"{read} | zstd -q -3 -T2 | {shlex.join(ground.home.encrypt_argv())} | {keep}; sync {target}/full.gpg"


def shell(script: str) -> list[str]:
    """A script that fails when any program of its pipe does."""
    return ["bash", "-o", "pipefail", "-c", script]


class Product:
    """The product with a state of its own, whose plan has one tree and one store."""

    def __init__(self, ground: Ground) -> None:
        work = ground.work
        self.store = work / "store"
        state, plan = work / "state", work / "intendance.yaml"
        self._intendance = [sys.executable, "-m", "intendance", "--state", str(state)]
        store = {"kind": "directory", "path": str(self.store)}
        plan.write_text(yaml.safe_dump(plan_of(ground.source, ground.holders, store, work)))
        subprocess.run([*self._intendance, "plan", "adopt", str(plan)], check=True, stdout=subprocess.DEVNULL)

    def backup(self, kind: str) -> list[str]:
        """The whole command: from its start to the signed set and the sealed record. The inspection, which it performs
        afterwards unless it is told not to, is another activity."""
        return [*self._intendance, "backup", "run", "tree", "--kind", kind, "--no-inspect"]

    def sets(self) -> list[Path]:
        """The folders of its sets."""
        return sorted(self.store.glob("bench/bench/tree/*"))

    def version(self) -> str:
        """As it says itself."""
        return measure.version_of(sys.executable, "-m", "intendance", "--version")


def plan_of(source: Path, holders: Sequence[Holder], store: Mapping[str, object], work: Path) -> dict[str, object]:
    """A plan, to be written in `work`, that keeps one tree in one store."""
    recipients = []
    for holder in holders:
        (work / f"{holder.name}.asc").write_text(holder.armored)
        entry = {"name": holder.name, "file": f"{holder.name}.asc", "fingerprint": holder.fingerprint}
        recipients.append(entry | {"held_by": holder.name})
    backup = {
        "full": {"schedule": "0 3 * * SUN"}, "differential": {"schedule": "0 4 * * *"},
        "stores": ["local"], "retention": {"points": "90d"}, "inspect": {"schedule": "30 5 * * *"},
    }  # fmt: skip
    return {
        "version": 1, "fleet": "bench", "catalogues": ["asbl"], "node": {"id": "bench"},
        "organisation": {"name": "Bench", "timezone": "Europe/Brussels", "language": "en"},
        "keys": {"backup_recipients": recipients},
        "stores": {"local": dict(store)},
        "assets": {"tree": {"kind": "files", "path": str(source), "backup": backup}},
        "contacts": {one.name: {"name": one.name, "email": f"{one.name}@example.org"} for one in holders},
    }  # fmt: skip


def _perform(contender: Contender, work: Path, *, counted: bool) -> None:
    """One backup into a new folder, timed; what it left is measured and cleared outside the timing."""
    target = Path(tempfile.mkdtemp(prefix="target-", dir=work))
    commands = contender.act(target)
    os.sync()
    began, cpu_began = time.perf_counter(), sum(os.times()[2:4])
    for command in commands:
        running = subprocess.Popen(
            command, env=os.environ | contender.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        if counted:
            _, said = running.communicate()
        else:
            with Peaks(running.pid) as watch:
                _, said = running.communicate()
            contender.peaks_mib = max(contender.peaks_mib, watch.of(contender.watched))
        if running.returncode != 0:
            raise ChildProcessError(f"{command}: {running.returncode}: {said.decode(errors='replace')[-800:]}")
    if counted:
        contender.seconds.append(time.perf_counter() - began)
        contender.cpu_seconds.append(sum(os.times()[2:4]) - cpu_began)
    contender.stored_bytes = contender.cleared(target)
    shutil.rmtree(target)


def report(contenders: Sequence[Contender], source: Path, rounds: int, what: str, against: Contender) -> None:
    """The table; ratios are those of the medians."""
    files, size = tree.count(source)
    print(f"{measure.machine()}; load {os.getloadavg()[0]:.1f}")
    for contender in contenders:
        if contender.version:
            print(f"  {contender.name}: {contender.version}")
    print(f"{files:,} files, {size / 2**20:.0f} MiB; {rounds} interleaved rounds; times of {what}\n")
    print(f"{'':38}{'median':>9}{'ratio':>7}{'cpu':>8}{'stored':>10}  {'peak memory':26} each round (s)")
    for one in contenders:
        each = " ".join(f"{second:.2f}" for second in one.seconds)
        peaks = f"{one.watched} {' + '.join(f'{peak:.0f}' for peak in one.peaks_mib)} MiB"
        print(
            f"{one.name:38}{one.median:>7.2f} s{one.median / against.median:>7.2f}"
            f"{statistics.median(one.cpu_seconds):>6.1f} s{one.stored_bytes / 2**20:>6.0f} MiB  {peaks:26} {each}"
        )
