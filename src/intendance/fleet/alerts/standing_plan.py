"""The fleet's plan as alerts need it: read again when its file is another, so that what was adopted holds at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from intendance.fleet.alerts.policy import Policy, policy_of
from intendance.model.errors.plan import PlanOfOtherVersion
from intendance.plan.adopted import decode

Say = Callable[[str], None]


class StandingPlan:
    """The policy of a compiled plan's file. A file that cannot be read any more leaves the last policy in force."""

    def __init__(self, path: Path, fleet: str, say: Say) -> None:
        self._path = path
        self._say = say
        self._told = ""
        self._stamp: tuple[int, int, int] | None = None
        self._policy = Policy(fleet=fleet, organisation="", zone="UTC", language="en")
        if path.is_file():
            self._stamp = self._stamped()
            self._policy = self._read()

    def __call__(self) -> Policy:
        """The policy in force."""
        try:
            stamp = self._stamped()
            if stamp != self._stamp:
                self._stamp = stamp
                self._policy = self._read()
                self._say("alerts follow the plan as it is now")
        except (OSError, PlanOfOtherVersion) as error:
            self._complain(error)
        return self._policy

    def _complain(self, error: OSError | PlanOfOtherVersion) -> None:
        told = error.message if isinstance(error, PlanOfOtherVersion) else str(error)
        if self._policy.alerts is not None and told != self._told:
            self._say(f"alerts follow the plan as it was: {told}")
            self._told = told

    def _stamped(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self) -> Policy:
        """Raises OSError, PlanOfOtherVersion."""
        try:
            return policy_of(decode(self._path.read_bytes()))
        except ValueError as error:
            raise PlanOfOtherVersion(state=self._path.parent.parent, detail=str(error)) from error
