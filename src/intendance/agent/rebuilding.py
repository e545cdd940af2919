"""Building a lost node anew from a store alone: its plan out of a set, and a ledger that follows the lost one.

Whoever can write into the store can put sets there, with a key of their own and a plan of their own, which the agent
would perform as root. So nothing is taken from a set unless a person has named the key that signs it: there is no trust
at first use here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from intendance import __version__
from intendance.agent.far_place import Place, place_at
from intendance.agent.founding import node_fingerprint
from intendance.agent.hosts import written_fingerprint
from intendance.agent.opening import open_book
from intendance.ledger.beginning import Before
from intendance.ledger.book import Book
from intendance.ledger.note import read_checkpoint
from intendance.model.errors import IntendanceError
from intendance.model.errors.drill import DrillSetsUnknown
from intendance.model.errors.ledger import LedgerExists
from intendance.model.errors.openpgp import KeyUnreadable
from intendance.model.errors.rebuild import (
    PlanInTheWay,
    PlanNotOpened,
    PlanNotWritten,
    RebuildKeyOther,
    RebuildKeyUnconfirmed,
    RebuildNothingCarried,
    RestartNotConfirmed,
)
from intendance.model.errors.sets import ManifestForged, ManifestInvalid, ManifestVersionUnknown, SetDamaged, SetMissing
from intendance.model.errors.state import NoState, said_by_system
from intendance.model.errors.store import ObjectMissing
from intendance.model.frozen import dataclass
from intendance.plan import source
from intendance.plan.adopted import adoption_lock
from intendance.sets import rebuilding
from intendance.sets.fetch import asset_folder, open_manifest, read_small
from intendance.sets.manifest import MANIFEST, NODE_KEY, Manifest
from intendance.sets.rebuilding import Carried
from intendance.system import lock, openpgp, process
from intendance.system.clock import Clock
from intendance.system.publish import make_folder, publish

_DEPTH = 5
"""Fleet, node, asset, set, and the file itself."""
_KEYS_ASKED = 8
"""Of so many of the newest sets the keys are told."""
_KEY_LIMIT_BYTES = 1 << 20
_DECRYPT_SECONDS = 300
"""A person types a passphrase, or touches a token, meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Where the sets lie, whose they are, and the key that a person vouches for."""

    from_store: str
    store: str | None = None
    node: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The newest set of a node that the named key signed and that carries a plan."""

    manifest: Manifest
    carried: Carried
    fingerprint: str
    store: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys whose sets are the node's: the one that was named, and those that its ledger trusted."""
        return tuple(dict.fromkeys((self.fingerprint, *self.carried.keys)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A plan that was written, with the set that it comes out of; `elsewhere` are keys that it looks for in places of
    the lost machine, by the name of what was written instead."""

    found: Found
    folder: Path
    files: tuple[str, ...]
    elsewhere: Mapping[str, str]
    source_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """A ledger that was begun again. `origin` is its own; `size` is how far the lost one is known to have come."""

    found: Found
    node: str
    origin: str
    openpgp_fingerprint: str
    former_origin: str
    former_size: int


def recover_plan(asked: Asked, folder: Path) -> Recovered:
    """Write the plan and its keys out of the newest set that the named key signed.

    Raises what `find` raises, PlanNotOpened, PlanInTheWay, PlanNotWritten.
    """
    found = find(asked)
    files = _opened(found)
    placed, elsewhere = _placed(files)
    for name in placed:
        if (folder / name).exists() or (folder / name).is_symlink():
            raise PlanInTheWay(place=folder / name)
    try:
        for name, content in placed.items():
            make_folder((folder / name).parent)
            publish(folder / name, content, mode=0o600 if name == rebuilding.PLAN else 0o644)
    except OSError as error:
        raise PlanNotWritten(folder=folder, detail=said_by_system(error)) from error
    return Recovered(
        found=found,
        folder=folder,
        files=tuple(placed),
        elsewhere=elsewhere,
        source_sha256=sha256(placed[rebuilding.PLAN]).hexdigest(),
    )


def restart_ledger(state: Path, clock: Clock, asked: Asked, confirmed: str | None) -> Restarted:
    """Begin a ledger that names the lost one and takes the sets of its key for this node's.

    Raises what `find` raises, LedgerExists, LedgerLost, RestartNotConfirmed, LockHeld, FoundingRefused.
    """
    _expect_none(state, clock)
    found = find(asked)
    manifest = found.manifest
    origin, size = _head(found)
    if confirmed != manifest.node:
        raise RestartNotConfirmed(node=manifest.node, origin=origin, size=size, key=found.fingerprint)
    fingerprint = node_fingerprint(state, fleet=manifest.fleet, node=manifest.node)
    with lock.held(adoption_lock(state), purpose="Beginning a ledger again"):
        book = Book.create(
            state,
            fleet=manifest.fleet,
            node=manifest.node,
            openpgp_fingerprint=fingerprint,
            software=f"intendance {__version__}",
            clock=clock,
            before=Before(head=found.carried.head, keys=found.keys),
        )
    with book:
        return Restarted(
            found=found,
            node=book.node,
            origin=book.origin,
            openpgp_fingerprint=fingerprint,
            former_origin=origin,
            former_size=size,
        )


def find(asked: Asked) -> Found:
    """The newest set that a person's key vouches for and that carries a plan.

    Raises RebuildKeyUnconfirmed when no key was named, RebuildKeyOther when none of the sets is signed by it,
    RebuildNothingCarried, DrillSetsUnknown, DrillStoreUnnamed, StoresUnreadable, and the errors of stores.
    """
    place = place_at(asked.from_store, asked.store)
    fleet, node, sets = _sets(place, asked)
    trusted = written_fingerprint(asked.fingerprint)
    if not trusted:
        keys = _signers(place, fleet, node, sets)
        raise RebuildKeyUnconfirmed(node=node, store=place.store.name, keys=" · ".join(keys), key=keys[0])
    signed = False
    for asset, set_id in sets:
        if trusted not in _keys_of(place, asset_folder(fleet, node, asset), set_id):
            continue
        try:
            manifest = open_manifest(place.store, asset_folder(fleet, node, asset), set_id, trusted).manifest
            signed = True
            carried = rebuilding.read(manifest.source)
        except (SetMissing, SetDamaged, ManifestForged, ManifestInvalid, ManifestVersionUnknown, ValueError):
            continue
        if carried is not None:
            found = Found(manifest=manifest, carried=carried, fingerprint=trusted, store=place.store.name)
            _head(found)
            return found
    if signed:
        raise RebuildNothingCarried(node=node, store=place.store.name)
    keys = _signers(place, fleet, node, sets)
    raise RebuildKeyOther(node=node, store=place.store.name, trusted=trusted, keys=" · ".join(keys))


def _sets(place: Place, asked: Asked) -> tuple[str, str, Sequence[tuple[str, str]]]:
    """Fleet and node, and their sets (asset and id), newest first by what their names say. Raises DrillSetsUnknown."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    wanted = asked.node or place.node
    for each in place.store.list(place.fleet or ""):
        parts = each.key.split("/")
        if len(parts) == _DEPTH and parts[-1] == MANIFEST and wanted in (None, parts[1]):
            found.setdefault((parts[0], parts[1]), []).append((parts[2], parts[3]))
    if len(found) != 1:
        several = ", ".join(sorted(f"{fleet}/{node}" for fleet, node in found))
        detail = f"several nodes have sets there: {several}" if found else "no node has a complete set there"
        raise DrillSetsUnknown(wanted=wanted or "a node", store=place.store.name, detail=detail)
    ((fleet, node), sets) = next(iter(found.items()))
    return fleet, node, sorted(sets, key=_named_at, reverse=True)


def _named_at(named: tuple[str, str]) -> tuple[str, str]:
    """The time in a set's name, `<asset>.<activity>.<time>.<attempt>`."""
    return ".".join(named[1].split(".")[-2:]), named[1]


def _signers(place: Place, fleet: str, node: str, sets: Sequence[tuple[str, str]]) -> list[str]:
    """The keys that lie with the newest sets, without repetition: what to compare with the sheet."""
    newest = sets[:_KEYS_ASKED]
    found = [_keys_of(place, asset_folder(fleet, node, asset), set_id) for asset, set_id in newest]
    return list(dict.fromkeys(key for keys in found for key in keys)) or ["no key that can be read"]


def _keys_of(place: Place, prefix: str, set_id: str) -> list[str]:
    """The keys that lie with a set; whether they signed it is another question."""
    try:
        content = read_small(place.store, f"{prefix}/{set_id}/{NODE_KEY}", _KEY_LIMIT_BYTES)
        return [key.fingerprint for key in openpgp.read_keys(content.decode("utf-8", errors="replace"))]
    except (ObjectMissing, KeyUnreadable):
        return []


def _head(found: Found) -> tuple[str, int]:
    """The lost ledger's name and how many records of it are known. Raises RebuildNothingCarried."""
    try:
        checkpoint, _ = read_checkpoint(found.carried.head.encode("utf-8"))
    except (IntendanceError, ValueError):
        checkpoint = None
    if checkpoint is None or checkpoint.origin != found.manifest.ledger:
        raise RebuildNothingCarried(node=found.manifest.node, store=found.store)
    return checkpoint.origin, checkpoint.size


def _opened(found: Found) -> dict[str, bytes]:
    """The plan's files, decrypted with the caller's own key. Raises PlanNotOpened."""
    recipients = ", ".join(found.manifest.recipients)
    done = process.run(
        openpgp.decrypt_argv(), input=found.carried.plan, deadline_seconds=_DECRYPT_SECONDS, accept=range(256)
    )
    if done.code != 0:
        said = [line.removeprefix("gpg: ") for line in done.stderr.splitlines() if not line.startswith("[GNUPG:]")]
        detail = "; ".join(said) or f"gpg ended with code {done.code}"
        raise PlanNotOpened(set=found.manifest.set, detail=detail.rstrip("."), recipients=recipients)
    try:
        return rebuilding.unpack(done.stdout)
    except ValueError as error:
        raise PlanNotOpened(set=found.manifest.set, detail=str(error), recipients=recipients) from error


def _placed(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files by where the plan looks for them, below its own folder; and those that it looks for elsewhere."""
    placed, elsewhere = dict(files), {}
    for name, file in _key_files(files[rebuilding.PLAN]):
        packed = rebuilding.key_file(name)
        if packed not in files or file == packed:
            continue
        if rebuilding.is_below(file) and file not in files:
            placed[file] = placed.pop(packed, files[packed])
        else:
            elsewhere[packed] = file
    return placed, elsewhere


def _key_files(content: bytes) -> list[tuple[str, str]]:
    """The recipients that a plan names, each with its file."""
    try:
        located, _ = source.read(content.decode("utf-8-sig"))
        listed = located.data["keys"]["backup_recipients"]
        return [(str(each["name"]), str(each["file"])) for each in listed if "file" in each]
    except (UnicodeDecodeError, source.Unreadable, KeyError, TypeError, AttributeError):
        return []  # `plan check` says what is wrong with it


def _expect_none(state: Path, clock: Clock) -> None:
    """That no ledger is here. Raises LedgerExists, LedgerLost."""
    try:
        with open_book(state, clock) as book:
            raise LedgerExists(state=state, origin=book.origin)
    except NoState:
        return
