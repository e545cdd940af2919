"""Errors of sets: the stored bytes of backups, their manifests, their recovery points."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class ManifestInvalid(IntendanceError):
    """The manifest of {set} cannot be used: {detail}."""

    next_step = "Use another recovery point (`intendance backup list`); keep this set and find out who changed it."


class ManifestVersionUnknown(IntendanceError):
    """The manifest of {set} has version {version}; this Intendance reads version {known}."""

    next_step = "Use the release of Intendance that wrote it, or open the set by hand: `sh RESTORE.sh` in its folder."


class ManifestForged(IntendanceError):
    """The manifest of {set} is not signed by this node's key: {detail}."""

    next_step = "Do not restore this set. Compare the fingerprint with your recovery sheet and find out who changed it."


class SetMissing(IntendanceError):
    """The store {store} holds no complete set {set}."""

    next_step = "See what is there with `intendance backup list`."


class SetDamaged(IntendanceError):
    """The set {set} in the store {store} is damaged: {detail}."""

    next_step = "Use another recovery point or another store; nothing of this set was used."


class PartDamaged(IntendanceError):
    """The part {part} of {set} in the store {store} is not the one that was backed up: {detail}."""

    next_step = "Use another recovery point or another store; what was restored of it so far is removed."


class NoPointReachable(IntendanceError):
    """{asset} has no recovery point at or before {target}; {nearest}."""

    next_step = "Choose one of these with `--point ID`, or another time with `--to`."
    exit_code = Exit.USAGE


class PointUnknown(IntendanceError):
    """{asset} has no recovery point {point}."""

    next_step = "See them with `intendance backup list {asset}`."
    exit_code = Exit.USAGE


class PointFaulty(IntendanceError):
    """The recovery point {point} cannot be used: {fault}."""

    next_step = "Choose another one: `intendance backup list {asset}`."


class StreamUnknown(IntendanceError):
    """The set {set} has no stream {stream}; it has {streams}."""

    next_step = "Name one of these."
    exit_code = Exit.USAGE


class NoRoom(IntendanceError):
    """The store {store} has {free} free; a {kind} backup of {asset} needs about {need} and 15 % more to spare."""

    next_step = "Free space there or give the store more, then run the backup again. Nothing was started."


class CopyDiffers(IntendanceError):
    """The copy of {part} read from the store {store} is not what was stored: {detail}."""

    next_step = "Inspect that store (`intendance backup inspect --deep`) and its disk, then run the backup again."


class RestoreDiffers(IntendanceError):
    """What was restored into {destination} is not what was backed up: {detail}."""

    next_step = "Restore another recovery point, and inspect this one with `intendance backup inspect --deep`."
