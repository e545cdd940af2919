"""Figures as Prometheus reads them: its text format 0.0.4, and OpenMetrics 1.0. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from intendance.model.frozen import dataclass

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Kind = Literal["gauge", "counter", "info"]
_SUFFIX = {"gauge": "", "counter": "_total", "info": "_info"}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric: `name` without the suffix that its kind brings (`_total`, `_info`); values with their labels."""

    name: str
    kind: Kind
    told: str
    samples: tuple[tuple[Labels, float], ...]


def write(families: Iterable[Family], *, openmetrics: bool) -> bytes:
    """All of it, in one of both formats."""
    lines: list[str] = []
    for family in families:
        lines += _lines(family, openmetrics=openmetrics)
    if openmetrics:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode()


def _lines(family: Family, *, openmetrics: bool) -> Iterator[str]:
    full = family.name + _SUFFIX[family.kind]
    named = family.name if openmetrics else full
    kind = family.kind if openmetrics or family.kind != "info" else "gauge"
    yield f"# HELP {named} {_escaped(family.told)}"
    yield f"# TYPE {named} {kind}"
    for labels, value in family.samples:
        inner = ",".join(f'{name}="{text.translate(_ESCAPES)}"' for name, text in labels)
        yield f"{full}{{{inner}}} {_number(value)}" if inner else f"{full} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    """Whole numbers without a fraction; instants keep their microseconds."""
    return str(int(value)) if value == int(value) else repr(value)
