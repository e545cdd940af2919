"""Errors of building a lost machine anew from what lies in a store."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class RebuildKeyUnconfirmed(IntendanceError):
    """The newest sets of {node} in {store} are signed by {keys}; nobody has said yet whether that is its key."""

    next_step = (
        "Compare it with the node's recovery sheet, sign by sign. If it is the same: `--fingerprint {key}`. If it is "
        "not, somebody else has written these sets: take nothing from them."
    )
    exit_code = Exit.USAGE


class RebuildKeyOther(IntendanceError):
    """No set of {node} in {store} that can be read is signed by {trusted}; the newest are signed by {keys}."""

    next_step = (
        "Read the fingerprint on the recovery sheet once more, or take another store. A key that is on no sheet of "
        "yours is not your node's, whatever lies there."
    )


class RebuildNothingCarried(IntendanceError):
    """The sets of {node} in {store} were made by releases that put no plan into them."""

    next_step = (
        "Open one by hand (`RESTORE.sh`), write the plan anew (`intendance init`) and adopt it: its ledger begins with "
        "nothing before it."
    )


class PlanNotOpened(IntendanceError):
    """The plan that {set} carries could not be opened: {detail}."""

    next_step = (
        "Type it with the private key of one of its recipients in your keyring (GNUPGHOME): {recipients}. "
        "Nothing was written."
    )


class PlanInTheWay(IntendanceError):
    """{place} is there already, and nothing is overwritten."""

    next_step = "Name another folder, or move away what is there."
    exit_code = Exit.USAGE


class PlanNotWritten(IntendanceError):
    """The plan could not be written into {folder}: {detail}."""

    next_step = "Mend that, or name another folder, and type it again."


class RestartNotConfirmed(IntendanceError):
    """A new ledger of {node} would follow {origin} ({size} records known), with the sets that {key} signed."""

    next_step = (
        "See that the old machine is off and stays off, then type it again with `--confirm {node}`. Nothing was done."
    )
    exit_code = Exit.USAGE
