"""What Prometheus asks: the figures of the manager and its fleet, and where its nodes are."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import ProcessCollector

from intendance import __version__
from intendance.api.exposition import OPENMETRICS, TEXT, Family, write
from intendance.api.families import families
from intendance.api.operation import Call, Operation, Parameter, Plain
from intendance.catalogue.load import load
from intendance.fleet.reading.figures import NodeFigures
from intendance.fleet.tokens.decide import Scope
from intendance.model.frozen import dataclass

_NODE_EXPORTER = 9100
_DOMAIN = r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"
_LABEL = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one node may be asked for its own figures, and the labels that these get."""

    targets: tuple[str, ...]
    labels: Mapping[str, str]


def metrics(call: Call) -> Plain:
    """The figures, in the format that was asked for."""
    openmetrics = "application/openmetrics-text" in call.accepts
    found = families(call.services.counting.figures(), load(), __version__)
    content = write((*found, *_of_process()), openmetrics=openmetrics)
    media = OPENMETRICS if openmetrics else TEXT
    if "gzip" in call.encodings:
        return Plain(gzip.compress(content, 1), media, (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")))
    return Plain(content, media)


def _of_process() -> Iterator[Family]:
    """Processor, memory and descriptors of this process, by the names that every exporter has for them."""
    for each in ProcessCollector(registry=None).collect():
        kind: Any = each.type
        samples = tuple((tuple(sorted(one.labels.items())), one.value) for one in each.samples)
        yield Family(name=each.name, kind=kind, told=each.documentation, samples=samples)


def targets(call: Call) -> tuple[Target, ...]:
    """Every node of the fleet, for Prometheus to find it; one that was put out is not named any more."""
    domain = call.text("domain")
    found = call.services.counting.figures()
    after = f".{domain}" if domain else ""
    return tuple(_target(found.fleet, each, after, call.numbers["port"]) for each in found.nodes)


def _target(fleet: str, each: NodeFigures, domain: str, port: int) -> Target:
    named = {"site": each.site, "region": each.region}
    labels = {"node": each.node, "fleet": fleet, **{name: text for name, text in named.items() if text}}
    for name, text in each.labels.items():
        labels[f"__meta_intendance_label_{_LABEL.sub('_', name)}"] = text
    return Target(targets=(f"{each.node}{domain}:{port}",), labels=labels)


OPERATIONS = (
    Operation(
        name="metrics",
        path="/metrics",
        summary="The figures of the manager and its fleet, for Prometheus",
        scope=Scope.METRICS,
        answered=metrics,
        answer=None,
        media=("text/plain", "application/openmetrics-text"),
        kept=False,
    ),
    Operation(
        name="targets",
        path="/api/v1/prometheus/sd",
        summary="Where the nodes are, for Prometheus' service discovery by HTTP",
        scope=Scope.METRICS,
        answered=targets,
        answer=tuple[Target, ...],
        parameters=(
            Parameter(
                name="port",
                summary="Where nodes serve their figures; node_exporter's port where nothing is said.",
                kind="whole",
                smallest=1,
                largest=65535,
                usual=_NODE_EXPORTER,
            ),
            Parameter(name="domain", summary="What follows a node's name, for example example.org.", pattern=_DOMAIN),
        ),
        kept=False,
    ),
)
