"""A ledger against what others keep of it: a pin, witnesses and their policy, the heads that a fleet log binds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from intendance.ledger.bound import BoundHead, bound_heads
from intendance.ledger.bundle import BundleSource, Files, check_files, open_files
from intendance.ledger.cosignature import WitnessKey
from intendance.ledger.origin import FLEET_LOG
from intendance.ledger.part import RECORDS, PartSource, verify_part
from intendance.ledger.policy import Policy, read_policy
from intendance.ledger.report import Case, Report
from intendance.ledger.source import Source, Unreadable
from intendance.ledger.verify import verify
from intendance.ledger.witnessed import judge_reach
from intendance.model.errors.ledger import FleetLogUnusable, NoteMalformed, PinUnusable
from intendance.model.errors.witness import WitnessKeyUnusable
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where others keep what they know of a ledger, as a person names it; `policy` is the fleet log's where there is
    one."""

    pin: Path | None = None
    witnesses: Sequence[str] = ()
    policy: Path | None = None
    fleet_log: Path | None = None


NOTHING_KEPT = Kept()


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What a ledger is compared with, as it was read."""

    pin: tuple[Path, bytes] | None
    witnesses: tuple[WitnessKey, ...]
    policy: Policy | None
    fleet_log: Path | None


_NOTHING = Against(pin=None, witnesses=(), policy=None, fleet_log=None)


def read_against(kept: Kept) -> Against:
    """What was named, read. Raises PinUnusable, PolicyUnusable, WitnessKeyUnusable."""
    return Against(
        pin=None if kept.pin is None else (kept.pin, _read_pin(kept.pin)),
        witnesses=_keys(kept.witnesses),
        policy=None if kept.policy is None else read_policy(kept.policy),
        fleet_log=kept.fleet_log,
    )


def compare(source: Source, against: Against, first: int | None, last: int | None) -> Report:
    """Verify a ledger and compare it. Raises BundleUnusable, FleetLogUnusable, PinUnusable, RangeEmpty."""
    if against.fleet_log is None:
        report = _verify(source, against, against.policy, None, first, last)
        judge_reach(report)
        if report.node == FLEET_LOG and report.whole:
            bound_heads(source, report)
        return report
    held, bound = _fleet_log(against.fleet_log, against.policy)
    report = _verify(source, against, None, bound, first, last)
    report.fleet_log = held
    return report


def source_of(files: Files) -> BundleSource | PartSource:
    """The ledger in a bundle, whole or in part."""
    part = any(name.startswith(RECORDS) for name in files.sizes)
    return PartSource(files) if part else BundleSource(files)


def _verify(
    source: Source,
    against: Against,
    policy: Policy | None,
    bound: tuple[BoundHead, ...] | None,
    first: int | None,
    last: int | None,
) -> Report:
    if isinstance(source, PartSource):
        report = verify_part(
            source, first=first, last=last, pin=against.pin, witnesses=against.witnesses, policy=policy, bound=bound
        )
    else:
        report = verify(
            source, first=first, last=last, pin=against.pin, witnesses=against.witnesses, policy=policy, bound=bound
        )
    return report


def _fleet_log(path: Path, policy: Policy | None) -> tuple[Report, tuple[BoundHead, ...] | None]:
    """A fleet log's own verification, and the heads that it binds as far as its quorum vouches for them."""
    try:
        with open_files(path) as files:
            source = source_of(files)
            report = _verify(source, _NOTHING, policy, None, None, None)
            if report.node not in (FLEET_LOG, ""):
                raise FleetLogUnusable(path=path, node=report.node)
            check_files(files, report)
            return report, bound_heads(source, report)
    except Unreadable as error:
        report = Report()
        report.add(Case.UNREADABLE, "bundle", str(error))
        return report, None


def _keys(texts: Sequence[str]) -> tuple[WitnessKey, ...]:
    try:
        return tuple(map(WitnessKey.parse, texts))
    except NoteMalformed as error:
        raise WitnessKeyUnusable(detail=error.params["detail"]) from None


def _read_pin(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PinUnusable(path=path, detail=error.strerror) from None
