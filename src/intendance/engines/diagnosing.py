"""Looking at an asset for `doctor`: whether it could be backed up now, and what mends it. Changes nothing.

An engine that has more to say than what `look` finds has a line in `DIAGNOSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, cast

from intendance.engines import open_engine
from intendance.model.diagnosis import Condition, Diagnosis, Finding
from intendance.model.errors import IntendanceError

DIAGNOSES: Mapping[str, str] = MappingProxyType(
    {
        "mariadb": "intendance.engines.mariadb.diagnose:diagnose",
        "files": "intendance.engines.files.diagnose:diagnose",
        "sqlite": "intendance.engines.sqlite.diagnose:diagnose",
    }
)


def diagnose(asset: Any) -> Diagnosis:
    """What stands in the way of backing up an asset of the plan. An error of its engine is a finding."""
    try:
        path = DIAGNOSES.get(asset.kind)
        if path is None:
            return Diagnosis(findings=(readable(asset, open_engine(asset).look().version),))
        module, _, function = path.partition(":")
        return cast(Callable[[Any], Diagnosis], getattr(import_module(module), function))(asset)
    except IntendanceError as error:
        return Diagnosis(findings=(refused(asset, error),))


def readable(asset: Any, version: str) -> Finding:
    """All is well with an asset."""
    return Finding(
        area="assets",
        subject=asset.name,
        condition=Condition.OK,
        code="asset_readable",
        params={"version": version},
        engine=asset.kind,
    )


def refused(asset: Any, error: IntendanceError) -> Finding:
    """An engine's error as a finding; it says itself what to do."""
    return Finding(
        area="assets",
        subject=asset.name,
        condition=Condition.WRONG,
        code="asset_refused",
        params={"detail": error.message, "advice": error.advice},
        engine=asset.kind,
    )
