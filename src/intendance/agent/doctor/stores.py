"""The stores of a plan: there, marked, writable, with room, and on another disk than what they protect."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from intendance.language.percents import percent
from intendance.model.diagnosis import Condition, Finding, Purpose
from intendance.model.errors import IntendanceError
from intendance.model.errors.store import StoreClockDiffers, StoreUnprepared
from intendance.model.plan import DirectoryStore, Plan, S3Store, Store
from intendance.stores import look_at_store, open_store
from intendance.stores.probing import Standing

LOW_PERCENT = 15  # design of backups, trap 12: a backup does not begin below its size and 15 % free


def examine(plan: Plan, sources: Sequence[str], *, in_force: bool) -> Iterator[Finding]:
    """Each store; `sources` are the local folders of what is backed up. A plan that is not in force yet may name
    stores that its adoption will make."""
    for declared in plan.stores.values():
        root = Path(declared.path) if isinstance(declared, DirectoryStore) else None
        if root is not None and not in_force and not root.exists():
            yield _to_be_made(declared.name, root)
            continue
        if root is None:
            yield from _elsewhere(plan, declared, in_force=in_force)
            continue
        try:
            free = open_store(declared).free_bytes()
        except IntendanceError as error:
            yield _refused(declared.name, error, in_force=in_force)
            continue
        yield _usable(declared.name, root, free)
        yield from _same_disk(declared.name, root, sources)
        yield from _one_disk(declared.name, root, plan)
    yield from _legal_copies(plan)


def _legal_copies(plan: Plan) -> Iterator[Finding]:
    """What the plan keeps for the law and lets no store lock."""
    for asset in plan.assets.values():
        if asset.backup is None or asset.backup.legal is None:
            continue
        stores = [plan.stores.get(name) for name in asset.backup.stores]
        if not any(isinstance(each, S3Store) and each.object_lock is not None for each in stores):
            yield _finding(asset.name, Condition.REMARK, "legal_not_locked", {}, purpose="off_site")


def _elsewhere(plan: Plan, declared: Store, *, in_force: bool) -> Iterator[Finding]:
    """A store beyond a network: whether it answers to our credentials, and what it says of itself. Nothing is written
    there; `store probe` does."""
    name = declared.name
    try:
        found = look_at_store(declared)
    except StoreUnprepared as error:
        params: dict[str, str | int] = {"detail": error.message.rstrip("."), "advice": error.advice}
        yield _finding(name, Condition.WRONG, "store_refused", params)
        return
    except IntendanceError as error:
        yield _refused(name, error, in_force=in_force)
        return
    if found.free_bytes is None:
        yield _finding(name, Condition.OK, "store_answers", {"place": declared.place}, purpose="off_site")
    else:
        room: dict[str, str | int] = {"place": declared.place, "free_bytes": found.free_bytes}
        yield _finding(name, Condition.OK, "store_answers_with_room", room, purpose="off_site")
    if isinstance(declared, S3Store):
        yield from _bucket(plan, declared, found)


def _bucket(plan: Plan, declared: S3Store, found: Standing) -> Iterator[Finding]:
    """What a thief with our credentials could do that the bucket should not let happen; and where it is."""
    name = declared.name
    there: dict[str, str | int] = {"bucket": declared.bucket}
    if found.versions == "no":
        options = "" if declared.endpoint is None else f" --endpoint-url {shlex.quote(declared.endpoint)}"
        asked = f"--bucket {shlex.quote(declared.bucket)} --versioning-configuration Status=Enabled"
        mend = (f"aws{options} s3api put-bucket-versioning {asked}",)
        yield _finding(name, Condition.REMARK, "store_no_versions", there, mend=mend)
    if declared.object_lock is None:
        code = {"yes": "store_locks_unused", "no": "store_no_locks"}.get(found.locks)
        if code is not None:
            yield _finding(name, Condition.REMARK, code, there)
    located, node = found.region_located, plan.node.region
    if located and declared.region and located != declared.region:
        params: dict[str, str | int] = {"located": located, "declared": declared.region}
        yield _finding(name, Condition.WRONG, "store_region_differs", params, purpose="off_site")
    elif located and located == node:
        yield _finding(name, Condition.REMARK, "store_same_region", {"region": located}, purpose="off_site")


def _usable(name: str, root: Path, free: int | None) -> Finding:
    params: dict[str, str | int] = {"free_bytes": free or 0, "path": str(root)}
    if not os.access(root, os.W_OK | os.X_OK, effective_ids=True):
        read_only = bool(os.statvfs(root).f_flag & os.ST_RDONLY)
        code = "store_mounted_read_only" if read_only else "store_read_only"
        mend = f"mount -o remount,rw {shlex.quote(str(_mount_point(root)))}" if read_only else _open_to_us(root)
        return _finding(name, Condition.WRONG, code, params | {"uid": os.geteuid()}, mend=(mend,))
    if free is not None:
        total = max(1, os.statvfs(root).f_blocks * os.statvfs(root).f_frsize)
        if free * 100 < total * LOW_PERCENT:
            return _finding(name, Condition.REMARK, "store_low", params | {"share": percent(free, total)})
    return _finding(name, Condition.OK, "store_usable", params)


def _open_to_us(root: Path) -> str:
    return f"setfacl -R -m u:{os.geteuid()}:rwX,d:u:{os.geteuid()}:rwX {shlex.quote(str(root))}"


def _mount_point(root: Path) -> Path:
    return next((place for place in (root, *root.parents) if os.path.ismount(place)), root)


def _same_disk(name: str, root: Path, sources: Sequence[str]) -> Iterator[Finding]:
    """Folders of the assets that lie on the same file system: one broken disk would take both."""
    device = root.stat().st_dev
    beside = sorted({source for source in sources if _device(source) == device})
    if beside:
        params: dict[str, str | int] = {"path": str(root), "sources": ", ".join(beside)}
        yield _finding(name, Condition.REMARK, "store_same_disk", params, purpose="off_site")


def _one_disk(name: str, root: Path, plan: Plan) -> Iterator[Finding]:
    """Stores that share a file system, by another folder or by a bind mount: what they hold is one copy."""
    device = root.stat().st_dev
    folders = [each for each in plan.stores.values() if isinstance(each, DirectoryStore) and each.name != name]
    others = sorted(each.name for each in folders if _device(each.path) == device)
    if others:
        params: dict[str, str | int] = {"path": str(root), "others": ", ".join(others)}
        yield _finding(name, Condition.REMARK, "stores_one_disk", params, purpose="off_site")


def _device(path: str) -> int | None:
    try:
        return Path(path).stat().st_dev
    except OSError:
        return None


def _to_be_made(name: str, root: Path) -> Finding:
    if root.parent.is_dir():
        return _finding(name, Condition.REMARK, "store_to_be_made", {"path": str(root)})
    mend = f"mkdir -p {shlex.quote(str(root.parent))}"
    return _finding(name, Condition.MISSING, "store_no_parent", {"path": str(root.parent)}, mend=(mend,))


def _refused(name: str, error: IntendanceError, *, in_force: bool) -> Finding:
    condition = Condition.WRONG if in_force else Condition.REMARK
    mend = ("timedatectl set-ntp true",) if isinstance(error, StoreClockDiffers) else ()
    return _finding(name, condition, "store_refused", {"detail": error.message, "advice": error.advice}, mend=mend)


def _finding(
    name: str,
    condition: Condition,
    code: str,
    params: dict[str, str | int],
    *,
    mend: tuple[str, ...] = (),
    purpose: Purpose = "backup",
) -> Finding:
    return Finding(
        area="stores",
        subject=name,
        condition=condition,
        code=code,
        params={"name": name, **params},
        mend=mend,
        purpose=purpose,
    )
