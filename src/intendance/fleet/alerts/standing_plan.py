"""The fleet's plan as its manager needs it: read again when its file is another; what was adopted holds at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from intendance.fleet.alerts.policy import Policy, policy_of
from intendance.model.errors.plan import PlanOfOtherVersion
from intendance.plan.adopted import decode

Say = Callable[[str], None]
_Stamp = tuple[int, int, int]


class StandingPlan:
    """The policy of a compiled plan's file. A file that cannot be read any more leaves the last policy in force;
    `beginning` holds until there is one."""

    def __init__(self, path: Path, beginning: Policy, say: Say) -> None:
        self._path = path
        self._say = say
        self._told = ""
        # One assignment changes both: whoever asks meanwhile, from whichever thread, gets one plan whole.
        self._held: tuple[_Stamp | None, Policy] = (None, beginning)
        if path.is_file():
            self._held = (self._stamped(), self._read())

    def __call__(self) -> Policy:
        """The policy in force."""
        stamp, policy = self._held
        try:
            now = self._stamped()
            if now == stamp:
                return policy
            self._held = (now, policy)  # one that cannot be read is not tried again and again
            policy = self._read()
            self._held = (now, policy)  # newer than its stamp, if it is: then it is read once more
            self._say("pages and alerts follow the plan as it is now")
        except (OSError, PlanOfOtherVersion) as error:
            self._complain(error)
        return policy

    def _complain(self, error: OSError | PlanOfOtherVersion) -> None:
        told = error.message if isinstance(error, PlanOfOtherVersion) else str(error)
        if self._held[0] is not None and told != self._told:
            self._say(f"pages and alerts follow the plan as it was: {told}")
            self._told = told

    def _stamped(self) -> _Stamp:
        found = self._path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self) -> Policy:
        """Raises OSError, PlanOfOtherVersion."""
        try:
            return policy_of(decode(self._path.read_bytes()))
        except ValueError as error:
            raise PlanOfOtherVersion(state=self._path.parent.parent, detail=str(error)) from error
