"""What each address answers: ask a service, make the view, draw it."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from intendance.model.errors.accounts import PageUnknown
from intendance.model.errors.catalogue import RuleUnknown
from intendance.model.errors.fleet import EvidenceSenseless
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.verdict import WORST_FIRST
from intendance.system.shown import as_typed
from intendance.web import addresses, asset, ledger, node, plan, rule, words
from intendance.web import nodes as listed
from intendance.web import record as records
from intendance.web.alert_pages import lines_of_node
from intendance.web.alerts import alerts_open
from intendance.web.parts import number_in
from intendance.web.render import MARKS, Frame, frame_of
from intendance.web.visit import Visit
from intendance.web.wall import wall

_DIGITS = 19
"""A number of more is no number of a record."""


def show_wall(visit: Visit) -> Response:
    """The wall."""
    standing = visit.standing()
    view = wall(standing, visit.texts)
    frame = replace(
        frame_of(standing, view.title, "/"),
        mark=view.mark,
        icon=view.shape,
        body="wall",
        live=True,
        data=addresses.answer("/status"),
        typed="intendance status",
    )
    legend = [(words.SHAPES[state], words.word(visit.texts, state)) for state in WORST_FIRST]
    open_now = alerts_open(*visit.services.alerts.counted(), visit.texts)
    return visit.page("wall.html", frame, wall=view, legend=legend, alerts=open_now)


def nodes(visit: Visit) -> Response:
    """The list of nodes, or of those of a site."""
    _ = visit.texts
    standing, query = visit.standing(), visit.request.query_params
    show = query.get("show", "")
    chosen: listed.Chosen = "trouble" if show == "trouble" else "well" if show == "well" else ""
    asked = listed.Asked(site=query.get("site", ""), chosen=chosen, part=_part(visit))
    view = listed.nodes_page(standing, asked, _)
    frame = replace(
        frame_of(standing, f"{_('Nodes')} · {standing.organisation}", asked.at(asked.part)),
        live=True,
        data=addresses.answer(addresses.NODES),
        typed="intendance node list",
    )
    return visit.page("nodes.html", frame, view=view)


def one_node(visit: Visit) -> Response:
    """A node."""
    name = visit.request.path_params["node"]
    standing = visit.standing(name)
    if name not in {each.node for each in standing.nodes}:
        return visit.problem(PageUnknown(name=name), 404, addresses.NODES)
    part = _part(visit)
    held = visit.services.ledgers.one(name)
    doubts = () if held is None else held.doubts
    verdicts = visit.services.fleet.of_node(name)
    if visit.wants_data:
        believed = [standing.believed(each) for each in verdicts]
        return visit.data("intendance.fleet-node/1", {"node": name, "verdicts": believed, "findings": doubts})
    view = node.node_page(standing, name, verdicts, doubts, visit.texts, part=part)
    frame = replace(
        frame_of(standing, f"{name} · {standing.organisation}", addresses.node(name, part)),
        mark=view.wall.mark,
        icon=view.wall.shape,
        live=True,
        data=f"{addresses.node(name)}.json",
        typed="intendance status",
        typed_on=name,
    )
    return visit.page("node.html", frame, view=view, alerts=lines_of_node(visit, name, standing))


def one_asset(visit: Visit) -> Response:
    """An asset of a node."""
    name, of = visit.request.path_params["asset"], visit.request.path_params["node"]
    standing = visit.standing(of)
    try:
        found = visit.services.assets.one(of, name) if of in {each.node for each in standing.nodes} else None
    except (EvidenceSenseless, RecordUnreadable) as error:
        return visit.problem(error, 500, addresses.ledger(of))
    if found is None:
        return visit.problem(PageUnknown(name=f"{of} {name}"), 404, addresses.NODES)
    verdicts = [each for each in visit.services.fleet.of_node(of) if each.asset == name]
    view = asset.asset_page(found, verdicts, standing, visit.texts)
    address = addresses.asset(of, name)
    if visit.wants_data:
        return visit.data("intendance.asset/1", found)
    frame = replace(
        frame_of(standing, f"{name} · {standing.organisation}", address),
        mark=MARKS.get(view.shape, ""),
        icon=view.shape if view.shape in MARKS else "plain",
        live=True,
        data=f"{address}.json",
        typed=f"intendance backup list {as_typed(name)}",
        typed_on=of,
    )
    return visit.page("asset.html", frame, view=view, node=of, node_href=addresses.node(of),
                      runs_href=addresses.runs(of, name))  # fmt: skip


def one_plan(visit: Visit) -> Response:
    """The plan in force on a node."""
    name = visit.request.path_params["node"]
    standing = visit.standing(name)
    try:
        found = visit.services.plans.one(name) if name in {each.node for each in standing.nodes} else None
    except (EvidenceSenseless, RecordUnreadable) as error:
        return visit.problem(error, 500, addresses.ledger(name))
    if found is None:
        return visit.problem(PageUnknown(name=name), 404, addresses.NODES)
    if visit.wants_data:
        return visit.data("intendance.plan/1", found)
    _ = visit.texts
    part = _part(visit)
    view = plan.plan_page(found, standing, _, part=part)
    address = addresses.plan(name)
    title = _("Plan of {node}").format(node=name)
    frame = replace(
        frame_of(standing, f"{title} · {standing.organisation}", addresses.plan(name, part)),
        live=True, data=f"{address}.json", typed="intendance plan show", typed_on=name,
    )  # fmt: skip
    return visit.page("plan.html", frame, view=view, node=name, node_href=addresses.node(name))


def rules(visit: Visit) -> Response:
    """All rules."""
    _ = visit.texts
    standing = visit.standing()
    families = rule.listing(standing.rulebook, visit.services.fleet.counts_by_rule(), _)
    count = len(standing.rulebook.rules)
    heading = _.plural("{n} rule", "{n} rules", count).format(n=count)
    frame = replace(frame_of(standing, f"{_('Rules')} · {standing.organisation}", addresses.RULES), live=True)
    frame = replace(frame, data=addresses.answer(addresses.RULES), typed="intendance rules list")
    return visit.page("rules.html", frame, heading=heading, families=families)


def one_rule(visit: Visit) -> Response:
    """A rule, wherever it is judged."""
    standing = visit.standing()
    try:
        found = standing.rulebook.find(visit.request.path_params["rule"])
    except RuleUnknown as error:
        return visit.problem(error, 404, addresses.RULES)
    _, service, part = visit.texts, visit.services.fleet, _part(visit)
    show = rule.HOLDS if visit.request.query_params.get("show") == rule.HOLDS else ""
    subjects = service.subjects_of(found.id)
    chosen = rule.chosen(found, subjects, show, part, _)
    told = ((standing.believed(each), history) for each, history in service.of_rule(found.id, chosen.lines))
    view = rule.rule_page(standing, found, subjects, chosen.having(tuple(told)), show, _)
    frame = replace(
        frame_of(standing, f"{view.title} · {standing.organisation}", addresses.rule(found.id, show, part)),
        mark=MARKS.get(view.shape, ""),
        icon=view.shape if view.shape in ("fail", "unknown", "pass", "pending") else "plain",
        live=True,
        data=addresses.answer(addresses.rule(found.id)),
        typed=f"intendance rules show {found.id}",
    )
    return visit.page("rule.html", frame, view=view)


def record(visit: Visit) -> Response:
    """A record that a verdict rests on."""
    name, seq = visit.request.path_params["node"], visit.request.path_params["seq"]
    found = visit.services.fleet.record(name, seq)
    if found is None:
        return visit.problem(PageUnknown(name=f"{name} {seq}"), 404, addresses.NODES)
    if visit.wants_data:
        return visit.data("intendance.fleet-record/1", records.as_data(found))
    newest = visit.services.fleet.record(name, seq + 1) is None
    view = records.record_page(found, visit.zone, visit.texts, newest=newest)
    frame = Frame(
        title=f"{view.heading} · {visit.organisation}",
        address=addresses.record(name, seq),
        organisation=visit.organisation,
        data=f"{addresses.record(name, seq)}.json",
        typed=f"intendance ledger show {seq}",
        typed_on=name,
    )
    return visit.page("record.html", frame, view=view)


def ledgers(visit: Visit) -> Response:
    """The ledgers of all nodes."""
    _ = visit.texts
    standing = visit.standing()
    show, part = ("well" if visit.request.query_params.get("show") == "well" else ""), _part(visit)
    view = ledger.ledgers_page(visit.services.ledgers.all(), standing, _, show=show, part=part)
    frame = frame_of(standing, f"{_('Ledger')} · {standing.organisation}", addresses.ledgers(show, part))
    data = addresses.answer(addresses.NODES)
    frame = replace(
        frame,
        mark=MARKS.get(view.shape, ""),
        icon=view.shape,
        live=True,
        data=data,
        typed="intendance ledger verify",
    )
    return visit.page("ledgers.html", frame, view=view)


def one_ledger(visit: Visit) -> Response:
    """The ledger of a node: its newest records, or those before one of them."""
    _ = visit.texts
    name, asked = visit.request.path_params["node"], visit.request.query_params.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < _DIGITS else None
    standing = visit.standing(name)
    held = visit.services.ledgers.one(name)
    if held is None:
        return visit.problem(PageUnknown(name=name), 404, addresses.LEDGER)
    records_shown = visit.services.ledgers.records(held, before=before)
    if visit.wants_data:
        return visit.data("intendance.fleet-ledger/1", {"ledger": held, "records": records_shown})
    view = ledger.ledger_page(held, records_shown, before, standing.zone, _)
    title = _("Ledger of {node}").format(node=name)
    frame = replace(
        frame_of(standing, f"{title} · {standing.organisation}", addresses.ledger(name)),
        mark=MARKS.get(view.shape, ""),
        icon=view.shape,
        live=before is None,
        data=f"{addresses.ledger(name)}.json",
        typed="intendance ledger verify",
        typed_on=name,
    )
    return visit.page("ledger.html", frame, view=view)


def _part(visit: Visit) -> int:
    return number_in(visit.request.query_params.get("part", ""))
