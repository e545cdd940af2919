"""What was found when a node was last judged, kept beside its ledger so that it need not be found again.

The ledger stays the one truth: what is kept here is what judging from it would give again, or it is not used. A finding
about an asset is used while nothing that concerns the asset was recorded since, before the instant at which time would
change it, and for a day at most; none is, when the ledger is not the one judged then, when clocks contradict the order
of records, or when rules or program changed. Without the file, or with one that cannot be read, all is judged again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import TZPATH

import msgspec

from intendance import __version__
from intendance.agent.layout import FINDINGS
from intendance.catalogue.finding import Finding
from intendance.catalogue.lasting import Found, Lasting
from intendance.catalogue.moving import Age
from intendance.catalogue.subject import CONCERNS_ALL, CONCERNS_ONE
from intendance.ledger.book import Book
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Citation, Param, State

PLACE = FINDINGS
_MANY_RECORDS = 1000
"""After as many new ones it is written again, though nothing was found anew: they are looked through each time."""

Told = str | int | tuple[datetime] | Age


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """One finding. Of what it says, an instant stands in a list by itself: in JSON it is text like any other."""

    state: State
    code: str
    params: dict[str, Told]
    since: datetime | None
    cites: list[Citation]
    attested_by: Attestor | None
    next_change_at: datetime | None
    may_be_older: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    judged_at: datetime
    until: datetime
    found: dict[str, _Kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """`program` names what judged; the ledger had `size` records then, the last with the SHA-256 `head`; none that
    counted was dated later than `latest`."""

    program: str
    origin: str
    size: int
    head: str
    latest: datetime
    about: dict[str, _About]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known from before: by asset, and how much of the ledger that speaks of."""

    program: str
    size: int
    latest: datetime | None
    about: Mapping[str, Lasting]

    def __contains__(self, asset: str) -> bool:
        return asset in self.about


def recall(book: Book, zone: str, now: datetime, *, margin: timedelta = timedelta(0)) -> Known:
    """What was found before and would be found again at `now`, and until `margin` later. Raises what reading the ledger
    raises."""
    program = _program(zone)
    nothing = Known(program=program, size=0, latest=None, about={})
    kept = _read(book.layout.state / PLACE)
    if kept is None or (kept.program, kept.origin) != (program, book.origin) or not _is_of(book, kept):
        return nothing
    latest, concerned = kept.latest, set[str | None]()
    for kind, asset, at in book.marks(kept.size):
        if at < latest:
            return nothing
        latest = at
        if kind in CONCERNS_ALL:
            concerned.update(kept.about)
        elif kind in CONCERNS_ONE:
            concerned.add(asset)
    if latest > now:
        return nothing
    about = {asset: _lasting(each) for asset, each in kept.about.items() if asset not in concerned}
    standing = {asset: each for asset, each in about.items() if each.at(now) and each.at(now + margin)}
    return Known(program=program, size=kept.size, latest=latest, about=standing)


def keep(book: Book, known: Known, found: Mapping[str, Lasting], size: int, latest: datetime) -> None:
    """Keep what was found of assets from the first `size` records, beside what was known and still is.

    `latest` is the date of the last fact that was read. A folder that takes no writes keeps nothing.
    """
    if book.refused is not None or not (found or (known.size and size - known.size > _MANY_RECORDS)):
        return
    about = {asset: _kept(each) for asset, each in {**known.about, **found}.items()}
    file = _File(
        program=known.program,
        origin=book.origin,
        size=size,
        head=sha256(book.content(size - 1)).hexdigest(),
        latest=latest if known.latest is None else max(latest, known.latest),
        about=about,
    )
    _write(book.layout.state / PLACE, msgspec.json.encode(file))


def forget(state: Path) -> None:
    """Judge everything again next time."""
    (state / PLACE).unlink(missing_ok=True)


def _is_of(book: Book, kept: _File) -> bool:
    """Whether the ledger still holds the last record judged then: by its links, so does all before it."""
    return 0 < kept.size <= book.size() and sha256(book.content(kept.size - 1)).hexdigest() == kept.head


def _read(path: Path) -> _File | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, content: bytes) -> None:
    """Not made durable: what a power cut leaves of it is not read, and judged again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with suppress(OSError):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _program(zone: str) -> str:
    """What judges, told by its files, and the calendar of the plan's zone: another one may find something else."""
    root = Path(__file__).parent.parent
    folders = [root / "catalogue", root / "catalogue/checks", root / "catalogue/rules", root / "model"]
    folders += [root / "model/evidence", root / "agent", root / "ledger"]
    calendars = [Path(place) / zone for place in TZPATH]
    marks = [f"{name} {size} {changed}" for folder in folders for name, size, changed in _files(folder)]
    marks += [f"{path} {found.st_size} {found.st_mtime_ns}" for path in calendars for found in _stat(path)]
    return sha256("\n".join([__version__, *sorted(marks)]).encode()).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file():
                found = entry.stat()
                yield entry.path, found.st_size, found.st_mtime_ns


def _stat(path: Path) -> Iterator[os.stat_result]:
    with suppress(OSError):
        yield path.stat()


def _kept(lasting: Lasting) -> _About:
    return _About(
        judged_at=lasting.judged_at,
        until=lasting.until,
        found={rule: _kept_one(each) for rule, each in lasting.found.items()},
    )


def _kept_one(found: Found) -> _Kept:
    finding = found.finding
    return _Kept(
        state=finding.state,
        code=finding.code,
        params={name: (value,) if isinstance(value, datetime) else value for name, value in finding.params.items()},
        since=finding.since,
        cites=[Citation(node=each.node, seq=each.seq) for each in finding.cites],
        attested_by=finding.attested_by,
        next_change_at=finding.next_change_at,
        may_be_older=found.may_be_older,
    )


def _lasting(about: _About) -> Lasting:
    found = {rule: Found(_finding(each), each.may_be_older) for rule, each in about.found.items()}
    return Lasting(judged_at=about.judged_at, until=about.until, found=found)


def _finding(kept: _Kept) -> Finding:
    params: dict[str, Param | Age] = {
        name: value[0] if isinstance(value, tuple) else value for name, value in kept.params.items()
    }
    return Finding(
        kept.state,
        kept.code,
        params,  # type: ignore[arg-type]  # ages are settled before anybody is told
        kept.since,
        tuple(kept.cites),
        kept.attested_by,
        kept.next_change_at,
    )
