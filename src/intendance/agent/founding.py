"""What `init` does: looks at the machine, makes the keys, and writes what goes with a first plan. Nothing that is there
is overwritten; the private halves of keys go into a folder that is to be carried off."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from intendance.agent.compose import person
from intendance.agent.inventory import first
from intendance.agent.inventory.machine import Machine
from intendance.agent.inventory.propose import Proposal, propose, slug
from intendance.agent.inventory.take import look
from intendance.agent.layout import StateLayout
from intendance.agent.opening import open_book
from intendance.model.errors.founding import FoundingInTheWay, FoundingRefused, OwnKeyUnusable
from intendance.model.errors.openpgp import KeyUnreadable
from intendance.model.errors.state import NoState, said_by_system
from intendance.model.evidence.inventory import InventoryTaken
from intendance.model.frozen import dataclass
from intendance.model.plan import Recipient
from intendance.plan import recipients
from intendance.plan.load import check
from intendance.plan.problems import InARow
from intendance.plan.recipients import MAX_KEY_BYTES
from intendance.system import openpgp, openpgp_holder
from intendance.system.clock import Clock
from intendance.system.openpgp_holder import HolderKey
from intendance.system.publish import make_folder, publish, sync_directory

_CRONTABS = Path("/var/spool/cron/crontabs")
_STORES = (Path("/var/backups"), Path("/srv"))
_MARKS = "\\040"  # a blank in /proc/mounts: proc(5)
_DISKS = ("/mnt", "/media", "/backup", "/srv/backup", "/var/backups")
_REMOTE_OR_DISK = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "nfs", "nfs4", "cifs", "vfat", "exfat"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a first plan is made from. `store` is where backups may go, `store_apart`: on another disk than the root."""

    fleet: str
    node: str
    timezone: str
    inventory: InventoryTaken
    packages: bytes
    proposal: Proposal
    store: str
    store_apart: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A holder's key: made here, with the folder for its private half, or their own, of which only the public half is
    known (`made` is None)."""

    name: str
    held_by: str
    fingerprint: str
    public: str
    made: HolderKey | None
    folder: Path


def survey(state: Path, clock: Clock) -> Surroundings:
    """Look at this machine; a ledger that was begun here says how fleet and node are called."""
    seen = look(leave_out=[str(state)])
    inventory = seen.evidence
    fleet, node = _names(state, clock)
    root = os.geteuid() == 0
    crontabs = root and _CRONTABS.is_dir() and any(_CRONTABS.iterdir())
    store, apart = _store()
    return Surroundings(
        fleet=fleet,
        node=node,
        timezone=timezone(Machine()),
        inventory=inventory,
        packages=seen.packages,
        proposal=propose(inventory, all_powerful=root, crontabs=crontabs),
        store=store,
        store_apart=apart,
    )


def _names(state: Path, clock: Clock) -> tuple[str, str]:
    try:
        with open_book(state, clock) as book:
            fleet, _, node = book.origin.split("/")[:3]
            return fleet, node
    except NoState:
        host = host_name()
        return host, host


def host_name() -> str:
    """What this machine calls itself, as a name of a plan."""
    return slug(socket.gethostname().partition(".")[0])


def timezone(machine: Machine) -> str:
    """The machine's time zone by its name in the IANA data base; UTC when it has none."""
    name = (machine.text("/etc/timezone") or "").strip()
    if not name:
        real = machine.resolve("/etc/localtime")
        name = real.partition("/zoneinfo/")[2]
    return name if name and machine.is_file(f"/usr/share/zoneinfo/{name}") else "UTC"


def node_fingerprint(state: Path, *, fleet: str, node: str) -> str:
    """The node's own OpenPGP key, which can only sign; made when there is none yet. Raises FoundingRefused."""
    try:
        make_folder(state)
        (state / "agent").mkdir(mode=0o700, exist_ok=True)
        home = StateLayout(state).gnupg
        return openpgp.node_key(home) or openpgp.create_node_key(home, f"Intendance node {fleet}/{node}")
    except OSError as error:
        raise FoundingRefused(detail=said_by_system(error)) from error


def refuse_if_taken(places: Sequence[Path]) -> None:
    """That nothing stands where something is about to be written. Raises FoundingInTheWay."""
    for place in places:
        if place.exists() or place.is_symlink():
            raise FoundingInTheWay(place=place)


def own_keys(files: Sequence[Path], now: datetime) -> tuple[Recipient, ...]:
    """The public keys in files that holders brought, in this order. Raises OwnKeyUnusable."""
    found: list[Recipient] = []
    for file in files:
        fingerprint = _only_key(file)
        written = {"name": "own", "file": str(file.absolute()), "fingerprint": fingerprint, "held_by": "own"}
        judged = recipients.judge({"keys": {"backup_recipients": [written]}}, file.absolute().parent, now)
        if judged.faults:
            raise OwnKeyUnusable(
                file=file, detail=str(judged.faults[0].message), remedy=_begun(str(judged.faults[0].fix))
            )
        if fingerprint in [each.fingerprint for each in found]:
            raise OwnKeyUnusable(
                file=file, detail=f"it is the key {fingerprint} again", remedy="Name the key of another person"
            )
        found += judged.usable
    return tuple(found)


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _only_key(file: Path) -> str:
    """The fingerprint of the first key in a file, or zeros where none can be read: that is told by who judges it."""
    try:
        return openpgp.read_keys(file.read_bytes()[:MAX_KEY_BYTES].decode("ascii"))[0].fingerprint
    except (OSError, UnicodeDecodeError, KeyUnreadable):
        return "0" * 40


def holdings(holders: Mapping[str, tuple[str, str]], own: Sequence[Recipient], recovery: Path) -> tuple[Holding, ...]:
    """A key for each holder (name of the key: contact, user id): the first ones bring `own`, for the others one is
    made. Nothing is written yet."""
    brought = dict(zip(holders, own, strict=False))
    return tuple(_holding(name, *holder, brought.get(name), recovery) for name, holder in holders.items())


def _holding(name: str, contact: str, user_id: str, own: Recipient | None, recovery: Path) -> Holding:
    folder = recovery / name
    if own is not None:
        key = {"fingerprint": own.fingerprint, "public": own.armored}
        return Holding(name=name, held_by=contact, made=None, folder=folder, **key)
    made = openpgp_holder.create(user_id)
    return Holding(
        name=name, held_by=contact, made=made, folder=folder, fingerprint=made.fingerprint, public=made.public
    )


def write(
    state: Path,
    now: datetime,
    *,
    recovery: Path,
    private: Mapping[Path, str],
    public: Mapping[Path, str],
    plan: Path,
    text: str,
) -> None:
    """Write the folder to carry off, the public keys, and the plan last: while there is no plan, nothing was begun.

    Raises FoundingInTheWay, FoundingRefused.
    """
    refuse_if_taken([plan, recovery, *public])
    try:
        recovery.mkdir(mode=0o700, parents=True)
        for path, content in private.items():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            publish(path, content.encode(), mode=0o600)
        for path, content in public.items():
            publish(path, content.encode())
        remember(state, recovery)
        checked = check(text.encode(), file=str(plan), folder=plan.parent, now=now)
        if not checked.is_valid:
            raise FoundingRefused(detail=InARow(checked.problems))
        publish(plan, text.encode())
        sync_directory(recovery.parent)
    except FileExistsError as error:
        raise FoundingInTheWay(place=error.filename) from error
    except OSError as error:
        raise FoundingRefused(detail=said_by_system(error)) from error


def keep_inventory(state: Path, seen: Surroundings, now: datetime) -> None:
    """Put what was seen by, for the ledger that the plan's adoption begins. Raises FoundingRefused."""
    try:
        first.keep(state, seen.inventory, seen.packages, now)
    except OSError as error:
        raise FoundingRefused(detail=said_by_system(error)) from error


def remember(state: Path, recovery: Path) -> None:
    """Note where the folder to carry off was made, so that whoever looks can say that it is still there."""
    note = StateLayout(state).recovery_note
    publish(note, json.dumps({"recovery": str(recovery)}).encode(), mode=0o600, replace=True)


def left_behind(state: Path) -> Path | None:
    """The folder with private halves that `init` made, while it is still where it was made."""
    try:
        folder = Path(str(json.loads(StateLayout(state).recovery_note.read_bytes())["recovery"]))
        return folder if any(folder.glob("*/private-key.asc")) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a node is on the five steps: what its ledger says, and what is still on its disk."""

    adopted: bool
    asset: str | None
    assets: int
    backed_up: int
    keys: int
    proven: int
    recovery: Path | None


def progress(state: Path, clock: Clock) -> Progress:
    """What has been done since `init`."""
    recovery = left_behind(state)
    try:
        book = open_book(state, clock)
    except NoState:
        return Progress(adopted=False, asset=None, assets=0, backed_up=0, keys=0, proven=0, recovery=recovery)
    with book:
        plans = book.facts("plan.adopted", latest=1)
        if not plans:
            return Progress(adopted=False, asset=None, assets=0, backed_up=0, keys=0, proven=0, recovery=recovery)
        plan = plans[0].data
        made = {each for each in plan.assets if book.facts("backup.completed", asset=each, latest=1)}
        keys = {each.fingerprint for each in plan.recipients}
        proven = {fact.data.fingerprint for fact in book.facts("key.proven")}
        return Progress(
            adopted=True,
            asset=next((each for each in plan.assets if each not in made), None),
            assets=len(plan.assets),
            backed_up=len(made),
            keys=len(keys),
            proven=len(keys & proven),
            recovery=recovery,
        )


def who() -> str:
    """The user's name, for a question's default."""
    return person().partition(":")[2]


def on_another_disk(folder: Path) -> bool:
    """Whether a folder, or what stands of its parents, is on another file system than `/`."""
    place = next(each for each in (folder, *folder.parents) if each.exists())
    return place.stat().st_dev != Path("/").stat().st_dev


def _store() -> tuple[str, bool]:
    """A folder for backups: on a disk or share of its own where one is mounted, else on this disk."""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        fields = line.split()
        if len(fields) > 2 and fields[2] in _REMOTE_OR_DISK and _MARKS not in fields[1]:
            place = Path(fields[1])
            if fields[1].startswith(_DISKS) and os.access(place, os.W_OK):
                return str(place / "intendance"), True
    for parent in _STORES:
        if parent.is_dir() and os.access(parent, os.W_OK):
            return str(parent / "intendance"), False
    return str(Path.home() / "intendance-backups"), False
