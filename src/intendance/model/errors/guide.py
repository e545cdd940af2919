"""Errors of guided restores: where Intendance writes over production."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class GuideImpossible(IntendanceError):
    """{asset} cannot be put back in place: {detail}."""

    next_step = "Restore it beside the original, and carry it over by hand: `intendance restore run {asset} --into …`."
    exit_code = Exit.USAGE


class GuideFindsNothing(IntendanceError):
    """The set holds nothing that matches {wanted}."""

    next_step = "Write the path as it stands below the asset's folder; `*` stands for anything."
    exit_code = Exit.USAGE


class GuideRefused(IntendanceError):
    """{asset} is not replaced: {detail}."""

    next_step = "{remedy}"


class GuideNoRoom(IntendanceError):
    """{place} has {free} free, and the test restore and what is kept of the original take about {need}."""

    next_step = "Free space there, then start again. Nothing was done."


class GuideUnderWay(IntendanceError):
    """A guided restore of {name} is open since {since}, for another loss: {scope}."""

    next_step = (
        "Go on with it (`intendance restore guide {name}`), or end it: `intendance restore guide {name} --cancel`."
    )
    exit_code = Exit.USAGE


class GuideNone(IntendanceError):
    """There is no guided restore of {name} to {act}."""

    next_step = "Begin one: `intendance restore guide {name}`."
    exit_code = Exit.USAGE


class GuideNotConfirmed(IntendanceError):
    """Nothing in production was touched: writing over it takes its name, and `{given}` is not `{name}`."""

    next_step = "Look at the test restore, then type `{command}`."
    exit_code = Exit.USAGE


class GuideUnsafe(IntendanceError):
    """No safety copy of {asset} could be made, so nothing was replaced: {detail}"""

    next_step = (
        "Mend that and start again. Where what stands there is lost anyway, `--without-safety-copy` goes on: it is"
        " moved aside, not copied."
    )


class GuideOver(IntendanceError):
    """The guided restore of {name} has already replaced production; it cannot be cancelled."""

    next_step = "Go on with it (`intendance restore guide {name}`), or take it back with `--back`."
    exit_code = Exit.USAGE
