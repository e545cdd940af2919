"""Errors of the ledger."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError, UsageError


class NotCanonical(IntendanceError):
    """This is not canonical JSON: {detail}."""

    next_step = "See docs/ledger.md for the form that records have."


class RecordTooLarge(IntendanceError):
    """A record of kind {kind} would take {size} bytes; {limit} is the most a record holds."""

    next_step = "Report this: whatever is larger belongs into an attachment."


class RecordUnreadable(IntendanceError):
    """Record {seq} of the ledger cannot be read by this version: {detail}."""

    next_step = "See what is wrong with `intendance ledger verify`; a newer Intendance may have written it."
    exit_code = Exit.UNKNOWN


class RecordMissing(IntendanceError):
    """The ledger has no record {seq}; it holds {size}, numbered from 0."""

    next_step = "List the records with `intendance ledger show`."
    exit_code = Exit.USAGE


class LedgerExists(IntendanceError):
    """The state folder {state} already holds a ledger ({origin})."""

    next_step = "Use it as it is, or name another folder with `--state`."
    exit_code = Exit.USAGE


class LedgerShortened(IntendanceError):
    """The ledger in {state} holds {found} records, but its signed checkpoint says {signed}: records were lost."""

    next_step = (
        "Put the newest copy of {state}/agent/state.db back, with its -wal file. Nothing is recorded until then; "
        "see what is missing with `intendance ledger verify`."
    )


class LedgerContradicted(IntendanceError):
    """The ledger in {state} disagrees with its signed checkpoint: {detail}."""

    next_step = "Change nothing there and find the first record that differs with `intendance ledger verify`."


class CheckpointUnusable(IntendanceError):
    """The checkpoint {path} cannot be used: {detail}."""

    next_step = "Put the newest copy of that file back; see what is wrong with `intendance ledger verify`."


class LedgerKeyUnusable(IntendanceError):
    """The ledger's signing key {path} cannot be used: {detail}."""

    next_step = "Put the key back that was made with this ledger; without it nothing new can be signed or recorded."


class NoteMalformed(IntendanceError):
    """This is not a signed checkpoint: {detail}."""

    next_step = "Give the file as `intendance ledger checkpoint --output` wrote it."
    exit_code = Exit.USAGE


class PinUnusable(UsageError):
    """The pinned checkpoint {path} cannot be used: {detail}."""

    next_step = "Give a file that `intendance ledger checkpoint --output` wrote for this ledger. Nothing was verified."


class PolicyUnusable(UsageError):
    """The witness policy {path} cannot be used: {detail}."""

    next_step = (
        "Write `log KEY`, `witness NAME KEY`, `group NAME any|all|NUMBER NAME …` and one `quorum NAME`, each on its "
        "line: see docs/witness.md. Nothing was verified."
    )


class FleetLogUnusable(UsageError):
    """{path} is not a fleet log: it is the ledger of {node}."""

    next_step = (
        "Give as `--fleet-log` what `intendance ledger export PATH --manager` wrote on the manager's machine, and the "
        "node's own export as `--bundle`."
    )


class RangeEmpty(UsageError):
    """There are no records from {first} to {last}: the ledger holds {size}, numbered from 0."""

    next_step = "Give `--from` and `--to` within the ledger; both ends are included."


class LedgerBusy(IntendanceError):
    """The ledger in {state} stayed locked by another process for {seconds} s."""

    next_step = "See what runs with `intendance run list`, then try again."
    transient = True


class LedgerFailed(IntendanceError):
    """The ledger's database {path} cannot be read or written: {detail}."""

    next_step = "Free disk space or mend the disk, then try again; what was recorded before is kept."


class KindUnknown(UsageError):
    """There are no records of kind `{kind}`."""

    next_step = "Kinds are: {known}."


class CheckpointTaken(UsageError):
    """{path} exists already; an older checkpoint is worth keeping."""

    next_step = "Name a new file with `--output`, with the day in its name for instance."


class CheckpointUnwritable(IntendanceError):
    """The checkpoint cannot be written to {path}: {detail}."""

    next_step = "Name a file in a folder where you may write; the ledger itself is signed and unchanged."


class BundleTaken(UsageError):
    """{path} exists already; an export writes something new."""

    next_step = "Name a folder or a file ending in `.tar` that does not exist."


class BundleUnwritable(IntendanceError):
    """The bundle cannot be written to {path}: {detail}."""

    next_step = "Name a place where you may write and which has room; nothing half-written was left there."


class BundleUnusable(UsageError):
    """The bundle {path} cannot be read: {detail}."""

    next_step = "Give the folder or the `.tar` file that `intendance ledger export` wrote."
