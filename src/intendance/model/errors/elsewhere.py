"""Errors of machines beside the node: who may look, whose ledger is believed."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class HostNotNamed(IntendanceError):
    """The plan names no host `{host}` that may look into its stores; it names {known}."""

    next_step = (
        "Add it to the plan, `hosts: {{{host}: {{held_by: CONTACT}}}}`; a machine whose ledger begins now gets the name"
        " that `--host` gives."
    )
    exit_code = Exit.USAGE


class NodeInspectsItself(IntendanceError):
    """This machine is {node}, which makes these backups: it is no other machine."""

    next_step = "Adopt the plan here, then `intendance backup inspect`; `--host` is for a machine beside the node."
    exit_code = Exit.USAGE


class InspectionCancelled(IntendanceError):
    """The inspection of {asset} was stopped; what was seen of a whole store before is recorded."""

    next_step = "Start it again with `intendance backup inspect {asset}`."


class ImportUnverified(IntendanceError):
    """Nothing of {bundle} is taken into view: it is {result}. {where}: {detail}."""

    next_step = "Export it again on the other machine, `intendance ledger export`, and bring it here unchanged."


class ImportIsPart(IntendanceError):
    """Nothing of {bundle} is taken into view: it holds only some records of its ledger."""

    next_step = "Export the whole ledger: `intendance ledger export PATH`, without `--from` and `--to`."
    exit_code = Exit.USAGE


class ImportOfOtherFleet(IntendanceError):
    """Nothing of {bundle} is taken into view: it is a ledger of the fleet {found}, and this is {fleet}."""

    next_step = "Bring the ledger of a host of this fleet."


class ImportOfOurOwn(IntendanceError):
    """Nothing of {bundle} is taken into view: it is a ledger of {host}, and that is this node."""

    next_step = "Bring the ledger of another machine: a node's word about itself is no second one."


class ImportHostUnknown(IntendanceError):
    """Nothing of {bundle} is taken into view: the plan names no host `{host}`; it names {known}."""

    next_step = "If that machine may attest, write it under `hosts` in the plan with its `ledger_key`, and adopt it."


class ImportKeyUnknown(IntendanceError):
    """Nothing of {bundle} is taken into view: the plan does not say by which key {host} signs its ledger."""

    next_step = (
        "Compare `{key}` with what `intendance ledger checkpoint` prints on {host}. If it is the same, write"
        " `ledger_key: {key}` under `hosts: {host}:` and adopt the plan."
    )


class ImportKeyDiffers(IntendanceError):
    """Nothing of {bundle} is taken into view: it is signed by `{key}`, and the plan has another key for {host}."""

    next_step = (
        "Ask {host}'s holder. A ledger that was begun anew has another key: compare it there, then change `ledger_key`"
        " in the plan."
    )


class ImportOlder(IntendanceError):
    """Nothing of {bundle} is taken into view: it has {size} records, and {known} of {host} are in view already."""

    next_step = "Export it again on {host}. If that gives as few, its ledger was rolled back: find out by whom."


class ImportForked(IntendanceError):
    """Nothing of {bundle} is taken into view: its first {known} records are not those of {host} that are in view."""

    next_step = "{host} signed two histories. Believe neither until you know why; change its key in the plan then."
