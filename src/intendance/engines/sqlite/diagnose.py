"""What `doctor` says of a SQLite database: whether its owner can read it, and whether a copy has room in memory."""

from __future__ import annotations

from pathlib import Path

from intendance.engines.diagnosing import readable
from intendance.engines.sqlite import MEMORY_FOLDER, read
from intendance.model.diagnosis import Diagnosis
from intendance.model.plan import SqliteAsset


def diagnose(asset: SqliteAsset) -> Diagnosis:
    """What stands in the way of copying a database. Reads its header only. Raises as `read.look`."""
    source = read.look(asset, MEMORY_FOLDER)
    return Diagnosis(findings=(readable(asset, source.version),), folders=(str(Path(source.details["path"]).parent),))
