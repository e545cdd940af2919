"""What the addresses of runs answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from starlette.responses import Response

from intendance.fleet.verdicts.changing import RUNS
from intendance.model.errors.accounts import PageUnknown
from intendance.system.shown import as_typed
from intendance.web import addresses
from intendance.web import run as one
from intendance.web import runs as told
from intendance.web.render import MARKS, frame_of
from intendance.web.visit import Visit

_DOUBTFUL = {shape: MARKS[shape] for shape in ("fail", "unknown")}
"""Runs that go well are no verdict."""


def runs(visit: Visit) -> Response:
    """What runs, what ended and what is due: of the fleet, of a node, or of an asset of it."""
    _ = visit.texts
    asked = visit.request.query_params
    node, asset, before = asked.get("node", ""), asked.get("asset", ""), _instant(asked.get("before", ""))
    standing = visit.standing(node or RUNS)
    if (asset and not node) or (node and node not in {each.node for each in standing.nodes}):
        return visit.problem(PageUnknown(name=node or asset), 404, addresses.RUNS)
    found = visit.services.runs.now(name=node, asset=asset, before=before, doubted=standing.doubted)
    if visit.wants_data:
        return visit.data("intendance.fleet-runs/1", found)
    view = told.runs_page(found, standing.zone, before, _)
    title = _("Runs of {name}").format(name=asset or node) if node else _("Runs")
    address = addresses.runs(node, asset, asked.get("before", "") if before is not None else "")
    frame = replace(
        frame_of(standing, f"{title} · {standing.organisation}", address),
        mark=_DOUBTFUL.get(view.shape, ""),
        icon=view.shape if view.shape in _DOUBTFUL else "plain",
        live=before is None,
        data=address.replace(addresses.RUNS, f"{addresses.RUNS}.json", 1),
        typed="intendance run list",
    )
    return visit.page("runs.html", frame, view=view)


def one_run(visit: Visit) -> Response:
    """A run of a node, with all its attempts."""
    node, name = visit.request.path_params["node"], visit.request.path_params["run"]
    standing = visit.standing(node)
    found = visit.services.runs.one(node, name, standing.doubted)
    if found is None:
        return visit.problem(PageUnknown(name=f"{node} {name}"), 404, addresses.RUNS)
    if visit.wants_data:
        return visit.data("intendance.fleet-run/1", found)
    view = one.run_page(found, standing.zone, visit.texts)
    address = addresses.run(node, name)
    frame = replace(
        frame_of(standing, f"{name} · {standing.organisation}", address),
        mark=MARKS.get(view.shape, ""),
        icon=view.shape if view.shape in MARKS else "plain",
        live=True,
        data=f"{address}.json",
        typed=f"intendance run show {as_typed(name)}",
        typed_on=node,
    )
    return visit.page("run.html", frame, view=view)


def _instant(text: str) -> datetime | None:
    """An instant as an address names it; None where it names none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
