"""Errors of the pipes that bring streams into sets and back."""

from __future__ import annotations

from intendance.model.errors import IntendanceError


class PipeStalled(IntendanceError):
    """Nothing moved through the stream {stream} for {seconds} s; it was stopped."""

    next_step = "See whether the service, the disk or the store hangs (`dmesg`, `df`), then try again."
    transient = True


class StreamIncomplete(IntendanceError):
    """The stream {stream} ended without its end mark: what came is not all there was."""

    next_step = (
        "See the log of the service that was read, then run the backup again. Nothing of this attempt is listed."
    )


class StageEnded(IntendanceError):
    """`{program}` ended before it had taken the whole stream {stream}."""

    next_step = "Read its own messages and the system's log, then try again."


class SpoolFull(IntendanceError):
    """There is no room for the ciphertext that waits to be decrypted: {detail}."""

    next_step = "Make room where the restore works: up to three parts, 400 MiB, wait there."
