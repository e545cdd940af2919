"""What the plan asserts of restored data, put into the set with what the original answered when it was read."""

from __future__ import annotations

from dataclasses import replace

from intendance.activities.backup.job import BackupJob
from intendance.engines import AnswersQuestions, Engine, Source
from intendance.model.errors.drill import QuestionRefused
from intendance.sets import assertions


class Asserting:
    """Asks the original when it is made and again in `added_to`: it goes on living while it is read.

    A question without an answer costs no backup: it is told as a warning, and the drill of the set fails on it.
    """

    def __init__(self, *, job: BackupJob, engine: Engine, point_time: str) -> None:
        self._plan = job.declared.drill
        self._engine = engine
        self._point_time = point_time
        self._warnings: dict[str, str] = {}
        self._before = self._ask()

    def added_to(self, source: Source) -> Source:
        """The source with the assertions among its details."""
        if self._plan is None or not (self._plan.checks or self._plan.holds):
            return source
        carried = assertions.written(self._plan, self._before, self._ask())
        warnings = (*source.warnings, *self._warnings.values())
        return replace(source, details=source.details | {assertions.FIELD: carried}, warnings=warnings)

    def _ask(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for check in self._plan.checks if self._plan else ():
            if check.compare is None or not isinstance(self._engine, AnswersQuestions):
                continue
            try:
                found[check.sql] = self._engine.ask(check.sql, self._point_time, check.deadline_seconds)
            except QuestionRefused as refused:
                self._warnings[check.sql] = refused.message
        return found
