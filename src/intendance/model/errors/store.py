"""Errors of stores."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError, UsageError


class StoreUnreachable(IntendanceError):
    """The store {store} cannot be reached: {detail}."""

    next_step = "Check that it is mounted or on line and that the plan names the right place, then try again."
    transient = True


class StoreFull(IntendanceError):
    """The store {store} is full: {free} left."""

    next_step = "Free space there or give the store more, then run the backup again. Nothing of this attempt is listed."


class StoreRefused(IntendanceError):
    """The store {store} refused to {operation}: {detail}."""

    next_step = "Give the user who runs Intendance the right to do that in the store, then try again."


class ObjectExists(IntendanceError):
    """The store {store} already holds {key}; sets are written once."""

    next_step = "Start the backup again: a new attempt gets a new name."


class ObjectMissing(IntendanceError):
    """The store {store} does not hold {key}."""

    next_step = "See what is there with `intendance backup inspect`."


class StoreCredentialsUnusable(IntendanceError):
    """The credentials of the store {store} cannot be used: {detail}."""

    next_step = "{remedy}"


class StoreClockDiffers(IntendanceError):
    """The store {store} refuses what this machine signs: its clock and the store's differ by {difference}."""

    next_step = "Set the machine's clock (`timedatectl set-ntp true`), then try again."


class StoreHostUnknown(IntendanceError):
    """The machine of the store {store} shows another host key than the plan names: {found}."""

    next_step = (
        "Nothing was sent. Ask whoever runs that machine, by another way, whether its key changed; if so, write the "
        "new one as `host_key` and adopt the plan."
    )


class StoreUnprepared(IntendanceError):
    """The store {store} is not ready: {detail}."""

    next_step = "{remedy}"


class StoreNotProbed(IntendanceError):
    """The store {store} is of the kind {kind}, which this version cannot probe."""

    next_step = "Nothing to type: what it lets be done is unknown."


class NoSuchStore(UsageError):
    """The plan in force has no store {store}; it has: {known}."""

    next_step = "Name one of these."


class StoreWithoutRegion(IntendanceError):
    """The plan names no region for the store {store}, so there is nothing to give a word on."""

    next_step = "Write `region` under that store in the plan, as its provider calls the place, and adopt it."
    exit_code = Exit.USAGE


class AttestationElsewhere(IntendanceError):
    """The plan says that the store {store} is in {declared}, and the word given is {region}."""

    next_step = "Ask the provider again. If the plan is wrong, correct and adopt it first."
    exit_code = Exit.USAGE


class AttestationOfNobody(IntendanceError):
    """The plan has no contact `{name}` whose word this could be."""

    next_step = "Name one with `--by`: {known}."
    exit_code = Exit.USAGE


class AttestationNotConfirmed(IntendanceError):
    """Nothing was recorded: that {by} answers for the store {store} standing in {region} was not confirmed."""

    next_step = "If the provider says so, type it again with `--confirm {store}`; it holds for a year."
    exit_code = Exit.USAGE
