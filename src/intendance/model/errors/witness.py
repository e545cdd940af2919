"""Errors of witnesses."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class LogsUnusable(IntendanceError):
    """The list of logs to witness, {path}, cannot be used: {detail}."""

    next_step = (
        "Write one log's verifier key on each line: `intendance ledger checkpoint --json` prints it as `key`, "
        "for the fleet log with `--state STATE/manager/log` on the manager's machine."
    )
    exit_code = Exit.USAGE


class WitnessNamed(IntendanceError):
    """The witness of this state folder is called {kept}; it cannot be called {named}."""

    next_step = "Leave `--name` out, or begin another witness in another folder with `--state`."
    exit_code = Exit.USAGE


class WitnessNameUnusable(IntendanceError):
    """A witness cannot be called `{name}`: a name has no blank and no `+`, and at most 200 signs."""

    next_step = "Name it like an address without its scheme, for example `--name witness.example.org/w1`."
    exit_code = Exit.USAGE


class WitnessKeyUnusable(IntendanceError):
    """`--witness` cannot be used: {detail}."""

    next_step = "Give what `intendance witness --show-key` prints on the witness's machine. Nothing was verified."
    exit_code = Exit.USAGE


class WitnessDamaged(IntendanceError):
    """The witness cannot rely on what it kept: {path}: {detail}."""

    next_step = (
        "Put the newest copy of that file back. A witness that goes on from an older or an empty state could cosign "
        "a log that was rolled back: where there is no copy, begin another witness, under another name."
    )
