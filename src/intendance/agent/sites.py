"""Restoring a site: its assets beside each other in one new folder, which has its name only when all are whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from intendance.activities.restore import perform as restore
from intendance.agent import restoring
from intendance.agent.compose import Node, open_node, person
from intendance.agent.moments import read_moment
from intendance.agent.restoring import Asked, Planned, Restored
from intendance.agent.service import did_you_mean
from intendance.engines.new_folder import NewFolder
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import SiteNotRestored, SiteUnknown
from intendance.model.evidence.restore import RestoredShare, SiteFailed, SiteRestored
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, Plan, Site
from intendance.plan import adopted
from intendance.runs.progress import Reading
from intendance.sets.sites import Together, choose_together
from intendance.system.clock import Clock, rfc3339

_ENDINGS = {"sqlite": ".sqlite"}
_Job = tuple[restore.RestoreJob, restore.RestoreContext]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAsked:
    """What somebody typed: a time (local or UTC) or none, the new folder, and from which store."""

    site: str
    into: str
    to: str | None = None
    store: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlanned:
    """What restoring a site would do now: one plan for each asset, in the plan's order, and how far they are apart."""

    site: str
    destination: str
    target: datetime | None
    together: Together
    plans: tuple[Planned, ...]
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredSite:
    """A site that was restored, with the ledger record that ties its restores together; without one where the state
    takes no writes: then its shares have no records either, and their numbers are 0."""

    evidence: SiteRestored
    restores: tuple[Restored, ...]
    node: str
    seq: int | None
    zone: str


def is_site(state: Path, name: str) -> bool:
    """Whether a name is that of a site of the adopted plan, and of no asset.

    Raises SiteUnknown when the plan has sites and it is neither, and what reading the plan raises.
    """
    plan = adopted.read(state)
    if name in plan.assets or not plan.sites:
        return False
    if name in plan.sites:
        return True
    known = [*plan.assets, *plan.sites]
    raise SiteUnknown(name=name, suggestion=did_you_mean(name, known), known=", ".join(known) or "nothing yet")


def plan_site(state: Path, clock: Clock, asked: SiteAsked) -> SitePlanned:
    """What would be restored of each asset, from where, and how far apart; nothing is opened or created.

    Raises NotBackedUp, StoreUnknown, DestinationUnusable, NoPointReachable, and the errors of times and stores.
    """
    with open_node(state, clock) as node:
        return _Restoring(node, asked).planned


def run_site(
    state: Path,
    clock: Clock,
    asked: SiteAsked,
    *,
    planned_as: Callable[[SitePlanned], None],
    begun: Callable[[Planned], None],
    moved: Callable[[Reading], None],
) -> RestoredSite:
    """Restore all assets of a site into one new folder, one after the other; `begun` is told of each.

    Raises as `plan_site`, DestinationTaken, and SiteNotRestored when one of them fails: then nothing of any is left.
    """
    with open_node(state, clock) as node:
        work = _Restoring(node, asked)
        planned_as(work.planned)
        return work.run(begun, moved)


class _Restoring:
    """One restore of a site; `_asset` is the one that is at work."""

    def __init__(self, node: Node, asked: SiteAsked) -> None:
        self._node = node
        self._site = node.plan.sites[asked.site]
        self._folder = NewFolder(Path(asked.into).absolute())
        zone = node.plan.organisation.timezone
        target = None if asked.to is None else read_moment(asked.to, zone)
        jobs = [self._job(asset, asked.store) for asset in _assets(node.plan, self._site)]
        candidates = {job.wish.asset: restore.candidates(job, using) for job, using in jobs}
        together = choose_together(candidates, target, zone)
        self._jobs = [_chosen(job, point.set, target) for job, point in zip(jobs, together.points, strict=True)]
        plans = [restore.prepare(job, using).plan for job, using in self._jobs]
        self.planned = SitePlanned(
            site=self._site.name,
            destination=str(self._folder.path),
            target=target,
            together=together,
            plans=tuple(
                Planned(plan=replace(plan, destination=self._named(plan.destination)), zone=zone) for plan in plans
            ),
            zone=zone,
        )
        self._asset = ""
        self._restored: list[Restored] = []

    def run(self, begun: Callable[[Planned], None], moved: Callable[[Reading], None]) -> RestoredSite:
        """Everything, or nothing."""
        self._folder.create(sum(each.plan.source_bytes for each in self.planned.plans))
        try:
            with self._all_or_nothing():
                for planned, (job, using) in zip(self.planned.plans, self._jobs, strict=True):
                    self._asset = planned.plan.asset
                    begun(planned)
                    self._restored.append(restoring.perform(self._node, job, using, moved))
                self._asset = ""
                self._folder.publish()
        finally:
            self._folder.close()
        evidence = self._evidence()
        record = None if self._unrecorded else self._node.book.append(evidence, actor=person())
        return RestoredSite(
            evidence=evidence,
            restores=tuple(self._restored),
            node=self._node.book.node,
            seq=None if record is None else record.seq,
            zone=self.planned.zone,
        )

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        left = f"{self._folder.partial}, incomplete"
        try:
            yield
        except BaseException as error:
            try:
                self._folder.discard()
                left = ""
            finally:
                if isinstance(error, IntendanceError):
                    self._record(error, left)
            if isinstance(error, IntendanceError) and self._asset:
                raise self._not_restored(error) from error
            raise

    @property
    def _unrecorded(self) -> bool:
        """Whether the state takes no writes: the data counts, and the ledger hears nothing of it."""
        return self._node.book.refused is not None

    def _record(self, error: IntendanceError, left_behind: str) -> None:
        if self._unrecorded:
            return
        failed = SiteFailed(
            site=self._site.name,
            destination=self.planned.destination,
            asset=self._asset,
            error=error.code,
            message=self._named(error.message),
            next_step=self._named(error.advice),
            undone=tuple(restored.evidence.set for restored in self._restored),
            left_behind=left_behind,
        )
        self._node.book.append(failed, actor=person())

    def _not_restored(self, error: IntendanceError) -> SiteNotRestored:
        names = [each.plan.asset for each in self.planned.plans[: len(self._restored)]]
        return SiteNotRestored(
            site=self._site.name,
            asset=self._asset,
            detail=self._named(error.message),
            advice=self._named(error.advice),
            destination=self.planned.destination,
            undone=f"; what was restored of {', '.join(names)} is taken away again" if names else "",
        )

    def _evidence(self) -> SiteRestored:
        together = self.planned.together
        return SiteRestored(
            site=self._site.name,
            destination=self.planned.destination,
            target="newest" if self.planned.target is None else rfc3339(self.planned.target),
            reached_from=rfc3339(together.first),
            reached_to=rfc3339(together.last),
            skew_seconds=skew_seconds(together),
            shares=tuple(
                RestoredShare(
                    asset=planned.plan.asset,
                    set=planned.plan.set,
                    reached=rfc3339(planned.plan.reached),
                    destination=planned.plan.destination,
                    seq=restored.seq or 0,
                )
                for planned, restored in zip(self.planned.plans, self._restored, strict=True)
            ),
        )

    def _job(self, asset: Asset, store: str | None) -> _Job:
        """The job of one asset, whose point is not chosen yet."""
        name = f"{asset.name}{_ENDINGS.get(asset.kind, '')}"
        asked = Asked(asset=asset.name, into=str(self._folder.path / name), store=store)
        job, using = restoring.put_together(self._node, asked)
        part = restore.SitePart(
            site=self._site.name, made_in=str(self._folder.partial), destination=str(self._folder.path)
        )
        return replace(job, part=part, wish=replace(job.wish, into=str(self._folder.partial / name))), using

    def _named(self, text: str) -> str:
        return text.replace(str(self._folder.partial), str(self._folder.path))


def skew_seconds(together: Together) -> int:
    """How far the earliest and the latest are apart, in whole seconds, rounded up."""
    return -(-together.skew // timedelta(seconds=1))


def _assets(plan: Plan, site: Site) -> list[Asset]:
    return [plan.assets[name] for name in site.assets]


def _chosen(job_and_context: _Job, point: str, target: datetime | None) -> _Job:
    job, using = job_and_context
    return replace(job, wish=replace(job.wish, point=point, target=target, together=True)), using
