"""One difference between two plans."""

from __future__ import annotations

from typing import Literal

from intendance.model.frozen import dataclass
from intendance.plan.saying import Said

Effect = Literal["starts", "stops", "changes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `name` is what `--confirm` takes when the change is severe; `effect` is what it does to work."""

    name: str
    code: str
    said: Said
    severe: bool = False
    effect: Effect = "changes"

    @property
    def sentence(self) -> str:
        """The change in English."""
        return str(self.said)
