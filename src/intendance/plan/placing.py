"""Faults of options made into problems with their place in the file. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from intendance.plan.fleet import NodePlan
from intendance.plan.problems import Fault, OptionPath, Problem, dotted
from intendance.plan.source import Mark, Place
from intendance.system.redaction import redact


class Report:
    """Of one file: its text and where its options stand, once that is known."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: list[str] = []
        self.places: Mapping[OptionPath, Place] = {}
        self._hidden: list[Place] = []

    def problems(
        self, found: Iterable[tuple[NodePlan, Fault]], nodes: Collection[str], placed: Iterable[tuple[Mark, Fault]] = ()
    ) -> tuple[Problem, ...]:
        """The faults of each node's plan with their places, in the order of the file, each told once.

        `nodes` are all that were checked: what is the same on each of them is a problem of the whole file. No line
        shows a value that may be a secret.
        """
        of_nodes: dict[tuple[OptionPath, Fault], list[str]] = {}
        for node, fault in _of_the_file(found, nodes):
            of_nodes.setdefault((node.origin(fault.path), fault), []).append(node.node)
        self._hidden += [self.places[path] for path, fault in of_nodes if fault.secret and path in self.places]
        told = [self.at(mark, fault) for mark, fault in placed]
        for (path, fault), named in of_nodes.items():
            everywhere = "" in named or set(named) >= set(nodes)
            told.append(self.at(self._mark(path, fault), fault, path, () if everywhere else tuple(named)))
        return tuple(sorted(dict.fromkeys(told), key=lambda problem: (problem.line, problem.column)))

    def at(self, mark: Mark, fault: Fault, path: OptionPath | None = None, nodes: tuple[str, ...] = ()) -> Problem:
        """The problem at a mark; `path`: the option's place in the file, where it is not the fault's own."""
        return Problem(
            file=self.file,
            line=mark.line + 1,
            column=mark.column + 1,
            path=dotted(fault.path if path is None else path),
            code=fault.code,
            said=fault.message.masked(redact),
            remedy=fault.fix,
            rule=fault.rule,
            nodes=nodes,
            source=self._shown(mark.line),
        )

    def _mark(self, path: OptionPath, fault: Fault) -> Mark:
        """Where to point: at the option, or at the nearest one around it that is written."""
        for length in range(len(path), -1, -1):
            place = self.places.get(path[:length])
            if place is not None:
                exact = length == len(path)
                return place.value if exact and fault.at == "value" else place.name
        return Mark(0, 0)

    def _shown(self, number: int) -> str:
        if number >= len(self.lines):
            return ""
        line = self.lines[number]
        for place in self._hidden:
            if place.value.line <= number <= place.end.line:
                first = place.value.column if number == place.value.line else 0
                end = place.end.column if number == place.end.line else len(line)
                line = line[:first] + "•" * (end - first) + line[end:]
        # What is hidden already keeps its width, so that the caret stays under its place.
        return "".join(each if each.startswith("•") else redact(each) for each in re.split("(•+)", line))


def _of_the_file(found: Iterable[tuple[NodePlan, Fault]], nodes: Collection[str]) -> list[tuple[NodePlan, Fault]]:
    """What is missing on all nodes alike is missing in the file; elsewhere it is missing in the nodes' entries."""
    listed = list(found)
    whole = {fault: {node.node for node, each in listed if each == fault} for _, fault in listed if not fault.path}
    of_all = {fault for fault, named in whole.items() if len(nodes) > 1 and named >= set(nodes)}
    kept = [(node, fault) for node, fault in listed if fault not in of_all]
    return kept + [(NodePlan(data=None), fault) for fault in of_all]
