"""Errors of engines: what is backed up and restored."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class SourceUnreachable(IntendanceError):
    """{asset} cannot be reached: {detail}."""

    next_step = "See that the service runs and that the plan's `connect` is right, then try again."
    transient = True


class SourceMissing(IntendanceError):
    """{asset} is not there: {detail}."""

    next_step = "Correct the plan, or bring it back; nothing was stored."


class AccessDenied(IntendanceError):
    """{asset} refuses access: {detail}."""

    next_step = "{remedy}"


class EngineFailed(IntendanceError):
    """Reading {asset} failed: {detail}"""

    next_step = "Mend what is said above, then run the backup again. Nothing of this attempt is listed."


class LoadFailed(IntendanceError):
    """Loading into {destination} failed: {detail}"""

    next_step = "Mend what is said above, then restore again into a new destination."


class DestinationTaken(IntendanceError):
    """{destination} already exists; a restore never writes over anything."""

    next_step = "Name a destination that does not exist yet with `--into`."
    exit_code = Exit.USAGE


class DestinationUnfinished(IntendanceError):
    """The database {database} holds a restore that was broken off, or is still under way (its table `{mark}` says)."""

    next_step = "When none is under way, drop it (`DROP DATABASE {quoted};`) and restore again, or take another name."
    exit_code = Exit.USAGE


class DestinationUnusable(IntendanceError):
    """{destination} cannot take this set: {detail}."""

    next_step = "{remedy}"
    exit_code = Exit.USAGE


class PrivateServerFailed(IntendanceError):
    """A private MariaDB server could not be started: {detail}"""

    next_step = "See that `mariadbd --version` runs and that the disk has 200 MB free, then try again."


class CredentialsUnusable(IntendanceError):
    """The credentials of {asset} cannot be used: {detail}."""

    next_step = "{remedy}"


class SourceChanged(IntendanceError):
    """{asset} was altered while it was read: {detail}."""

    next_step = "Run the backup again when nobody alters tables or renames folders. Nothing of this attempt is listed."
    transient = True


class SourceBusy(IntendanceError):
    """{asset} is locked by somebody else: {detail}."""

    next_step = "See who holds it with `SHOW FULL PROCESSLIST`, then run the backup again."
    transient = True


class TablesRefused(IntendanceError):
    """{asset} holds tables that cannot be read at one instant without locking them: {detail}."""

    next_step = (
        "Convert them (`ALTER TABLE … ENGINE=InnoDB`), or write `non_transactional: lock` for this asset in the plan: "
        "writing to their database then waits while it is dumped."
    )


class BaseUnusable(IntendanceError):
    """A differential of {asset} cannot be made: {detail}."""

    next_step = "Make a full backup: `intendance backup run {asset} --kind full`."


class FilesNotCopied(IntendanceError):
    """The files of {asset} cannot be copied as they are: {detail}."""

    next_step = "{remedy}"


class RedoOverrun(IntendanceError):
    """{asset} wrote more while its files were copied than its redo log holds, so that the copy has a gap."""

    next_step = (
        "Make the log larger (`SET GLOBAL innodb_log_file_size`, or the same in the server's configuration: an hour of "
        "writing is a good size), or back up when less is written. Nothing of this attempt is listed."
    )
    transient = True


class DatabaseLocked(IntendanceError):
    """{asset} stayed locked by a writer for as long as a backup waits: {detail}."""

    next_step = "See what keeps a transaction open on it (`fuser -v FILE`), then run the backup again."
    transient = True


class DatabaseDamaged(IntendanceError):
    """{asset} is not a whole database: {detail}."""

    next_step = (
        "Stop what writes to it, keep the file as it is, and restore the latest set beside it; nothing of this attempt"
        " is listed."
    )


class MemoryShort(IntendanceError):
    """{asset} cannot be copied in memory, and nothing unencrypted is put on a disk: {detail}."""

    next_step = "Give it more room (`mount -o remount,size=4G /dev/shm`, or more memory), then run the backup again."


class NothingLeft(IntendanceError):
    """The patterns of {asset} leave nothing to back up: {detail}."""

    next_step = "Correct `exclude` in the plan; for names that begin with a dot, write `.[!/]*`."
