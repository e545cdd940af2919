"""Why nobody but a node answers for what it says: that the manager could not look is told, with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from intendance.fleet.words.spoken import FAILED, Words
from intendance.model.evidence.inspection import InspectionFailed
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact, Reason, Verdict

_OWN_WORD = "self_attested"


@dataclass(frozen=True, slots=True)
class _Look:
    """The newest failure to look at an asset, where no look succeeded after it."""

    failure: Fact[InspectionFailed]


def told_why(found: Iterable[Verdict], words: Words) -> tuple[Verdict, ...]:
    """The verdicts; where one is unknown for want of another's word, with why the manager could not give its own."""
    known: dict[str, _Look | None] = {}
    told = []
    for verdict in found:
        if verdict.reason.code == _OWN_WORD and verdict.asset:
            if verdict.asset not in known:
                known[verdict.asset] = _look(words, verdict.asset)
            look = known[verdict.asset]
            if look is not None:
                data = look.failure.data
                why = f"{data.message} {data.next_step}".strip()
                verdict = replace(verdict, reason=Reason(code="manager_blind", params={"message": why}))  # noqa: PLW2901
        told.append(verdict)
    return tuple(told)


def _look(words: Words, asset: str) -> _Look | None:
    failed = words.own(FAILED, asset=asset, latest=1)
    if not failed:
        return None
    looked = words.own("inspection.completed", asset=asset, latest=1)
    return _Look(failed[0]) if not looked or looked[0].seq < failed[0].seq else None
