"""How a new plan changes for how long sets are kept, class by class, and who prunes; shorter is severe. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from intendance.model.frozen import dataclass
from intendance.model.plan import BackupPlan, Prune
from intendance.plan.saying import Said, say


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingChange:
    """One difference in what is kept."""

    code: str
    said: Said
    severe: bool = False


def class_changes(name: str, former: BackupPlan, new: BackupPlan) -> Iterator[KeepingChange]:
    """Every difference in the classes of an asset's retention, but for that of all points."""
    for which, earlier, later in (
        (say("the first set of each day"), former.daily_days, new.daily_days),
        (say("the first set of each week"), former.weekly_days, new.weekly_days),
        (say("the first set of each month"), former.monthly_days, new.monthly_days),
    ):
        before, after = max(earlier, former.retention_days), max(later, new.retention_days)
        if before != after and (earlier or later):
            severe = after < before
            yield _changed("class-shorter" if severe else "class-longer", name, which, before, after, severe=severe)
    yield from _legal(name, former, new)


def _legal(name: str, former: BackupPlan, new: BackupPlan) -> Iterator[KeepingChange]:
    before, after = former.legal, new.legal
    if before == after:
        return
    if after is None or (before is not None and (after.select, after.kind) != (before.select, before.kind)):
        said = say("what the law wants kept of {name} is chosen otherwise, or no longer", name=name)
        yield KeepingChange(code="legal-dropped", said=said, severe=True)
    elif before is None:
        said = say("{name} keeps one {kind} set for each period for {days} days", name=name, kind=after.kind,
                   days=after.keep_days)  # fmt: skip
        yield KeepingChange(code="legal-added", said=said)
    else:
        severe = after.keep_days < before.keep_days
        which = say("what the law wants kept")
        code = "class-shorter" if severe else "class-longer"
        yield _changed(code, name, which, before.keep_days, after.keep_days, severe=severe)


def _changed(code: str, name: str, which: Said, before: int, after: int, *, severe: bool = False) -> KeepingChange:
    said = say("{which} of {name} is kept {after} days instead of {before}", which=which, name=name, after=after,
               before=before)  # fmt: skip
    return KeepingChange(code=code, said=said, severe=severe)


def pruning_changes(former: Prune | None, new: Prune | None) -> Iterator[KeepingChange]:
    """Who deletes, from now on; that somebody does for the first time is severe."""
    if former == new:
        return
    if new is None:
        said = say("nobody prunes any more: nothing is deleted")
        yield KeepingChange(code="prune-dropped", said=said)
    elif former is None or former.host != new.host:
        said = say("{host} deletes what no retention keeps any more", host=new.host)
        yield KeepingChange(code="prune-host", said=said, severe=True)
    else:
        said = say("{host} prunes at other times", host=new.host)
        yield KeepingChange(code="prune-schedule", said=said)
