"""Errors of drills: what keeps one from running, and what it finds."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class DrillElsewhere(IntendanceError):
    """A drill of {asset} does not run on this node: {detail}."""

    next_step = (
        "On another machine, with the drill key and this store: `intendance drill run {asset} --from-store STORE`."
    )
    exit_code = Exit.USAGE


class DrillSetsUnknown(IntendanceError):
    """Nothing of {wanted} lies in {store}: {detail}."""

    next_step = "Name what is there: `--from-store STORE [--store NAME] [--node NODE]`."
    exit_code = Exit.USAGE


class StoresUnreadable(IntendanceError):
    """{file} does not say where a store is: {detail}."""

    next_step = "Write the plan's section `stores:` into it, or copy the plan; `docs/drill.md` shows both."
    exit_code = Exit.USAGE


class DrillStoreUnnamed(IntendanceError):
    """{file} declares the stores {known}."""

    next_step = "Say which of them is meant: `--from-store {file} --store NAME`."
    exit_code = Exit.USAGE


class DrillKeyChanged(IntendanceError):
    """The sets of {node} are signed by {found}, and this host trusts {trusted} for it."""

    next_step = (
        "Ask who made the sets. A node that was rebuilt has another key: compare it with its recovery sheet, then "
        "name it once with `--fingerprint`."
    )


class DrillRolledBack(IntendanceError):
    """{store} no longer holds what it held of {asset}: {detail}."""

    next_step = "Somebody took sets away or put old ones back: find out who can delete there, and use another store."


class ScriptUnknown(IntendanceError):
    """The RESTORE.sh of {set} is of no release of Intendance that this version knows ({sha256})."""

    next_step = (
        "Do not run it. If a newer release wrote the set, drill with that release; else find out who changed the set."
    )


class SandboxRefused(IntendanceError):
    """This machine cannot lock in what a drill loads: {detail}."""

    next_step = (
        "Run it as root, or where `unshare --user --mount --net --pid` is allowed: a drill opens nothing unprotected."
    )


class ByHandFailed(IntendanceError):
    """RESTORE.sh could not bring back {stream} of {set}: {detail}."""

    next_step = "Open the set by hand as `docs/sets.md` says and see what fails; use another recovery point meanwhile."


class ArchiveHostile(IntendanceError):
    """The archive of {set} holds what no backup of a tree holds: {detail}."""

    next_step = "Do not restore this set anywhere. Find out who could write it: it is signed with the node's key."


class DrillDiffers(IntendanceError):
    """What came back of {set} is not what it must be ({leg}): {detail}."""

    next_step = "Restore it beside the original and look; use another recovery point until you know why."


class DrillCancelled(IntendanceError):
    """The drill of {asset} was stopped; what it had restored is removed."""

    next_step = "Run it again with `intendance drill run {asset}`."


class ScratchUnusable(IntendanceError):
    """Nothing can be restored into {folder}: {detail}."""

    next_step = "Name a folder on a local disk with room for the restored data: `--scratch DIR`."
    exit_code = Exit.USAGE


class QuestionRefused(IntendanceError):
    """The plan's question `{sql}` has no answer: {detail}."""

    next_step = "Try it on the original, then correct it under `drill: checks:` in the plan."
