"""What the addresses of alerts answer: ask the services, make the view, draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response

from intendance.fleet.accounts.decide import Right, may
from intendance.fleet.alerts.listing import SIZES, Kind, ListedPart
from intendance.fleet.verdicts.changing import ALERTS
from intendance.fleet.verdicts.standing import Standing
from intendance.model.errors.accounts import PageUnknown
from intendance.model.errors.alerting import AlertUnknown
from intendance.model.verdict import Verdict
from intendance.web import acting, addresses
from intendance.web.alert import alert_page
from intendance.web.alert_words import Table
from intendance.web.alerts import ENTRIES, Alerted, AlertEntry, alerts_page, entry, kind_of, verdicts_of
from intendance.web.parts import number_in
from intendance.web.render import Frame, frame_of
from intendance.web.trial import trial_page
from intendance.web.visit import Visit


def alerts(visit: Visit) -> Response:
    """All alerts: those that ring first, then those in hand, held back and over; or a part of one of these."""
    service, standing = visit.services.alerts, visit.standing(ALERTS)
    query = visit.request.query_params
    chosen: tuple[Kind, ...] = tuple(kind for kind in SIZES if kind == query.get("show", ""))
    parts = {kind: service.part(kind, number_in(query.get("part", "")) if chosen else 1) for kind in chosen or SIZES}
    if visit.wants_data:
        return visit.data("intendance.alerts-part/1", {"parts": tuple(parts.values())})
    found = [each for kind in SIZES if kind in parts for each in parts[kind].found]
    ringing = [each.told.number for each in found if kind_of(each) == "ringing"]
    alerted = Alerted(
        found=found,
        open_now=service.open_by_kind(),
        parts=parts,
        chosen=chosen[0] if chosen else "",
        verdicts=verdicts_of(standing),
        messages=service.told(each.told.number for each in found),
        due={number: service.due(number) for number in ringing[:ENTRIES]},
        silences=service.silences(),
        ways=service.ways(),
    )
    view = alerts_page(alerted, standing, _table(visit), visit.texts)
    frame = replace(_listed(_frame(standing, view.title, addresses.ALERTS), parts, chosen), mark=view.mark,
                    icon=view.shape)  # fmt: skip
    return visit.page("alerts.html", frame, view=view, forms=acting.forms(visit) if _may_act(visit) else None)


def _listed(frame: Frame, parts: Mapping[Kind, ListedPart], chosen: tuple[Kind, ...]) -> Frame:
    """Where what the page shows is found again: as a page, as data, typed."""
    if not chosen:
        return replace(frame, typed="intendance alert list")
    kind, number = chosen[0], parts[chosen[0]].number
    typed = f"intendance alert list --show {kind}" + (f" --part {number}" if number > 1 else "")
    return replace(
        frame, address=addresses.alerts(kind, number), data=addresses.alerts_as_data(kind, number), typed=typed
    )


def alert(visit: Visit) -> Response:
    """One alert."""
    asked = visit.request.path_params["alert"]
    service, standing = visit.services.alerts, visit.standing(ALERTS)
    try:
        shown = service.shown(asked)
    except AlertUnknown as error:
        return visit.problem(error, 404, addresses.ALERTS)
    number = shown.alert.told.number
    verdicts = _verdicts(visit, standing, shown.alert.told.cause, shown.alert.told.node, shown.alert.told.labels)
    view = alert_page(shown, service.due(number), service.silences(), verdicts, standing, _table(visit), visit.texts)
    frame = replace(
        _frame(standing, f"{view.title} · {standing.organisation}", addresses.alert(number)),
        mark=view.mark,
        icon=view.shape,
        typed=f"intendance alert show {number}",
    )
    return visit.page("alert.html", frame, view=view, forms=acting.forms(visit) if _may_act(visit) else None,
                      scopes=acting.scopes(shown.alert, visit.texts), state=shown.alert.state)  # fmt: skip


def trial(visit: Visit) -> Response:
    """What became of a trial of the ways."""
    number = visit.request.path_params["message"]
    standing, found = visit.standing(ALERTS), visit.services.alerts.trial(number)
    if not found:
        return visit.problem(PageUnknown(name=f"{number}"), 404, addresses.ALERTS)
    if visit.wants_data:
        return visit.data("intendance.alert-test/1", {"messages": found})
    _, address = visit.texts, addresses.trial(number)
    view = trial_page(found, _table(visit), _)
    frame = replace(
        _frame(standing, f"{_('Trial of the ways')} · {standing.organisation}", address),
        mark=view.mark,
        icon=view.shape,
        data=f"{address}.json",
        typed="intendance alert test",
    )
    return visit.page("trial.html", frame, view=view)


def lines_of_node(visit: Visit, name: str, standing: Standing) -> tuple[AlertEntry, ...]:
    """The alerts of a node that are not over."""
    service = visit.services.alerts
    found = service.of_node(name)
    alerted = Alerted(
        found=found, open_now={}, verdicts=verdicts_of(standing), messages={}, due={},
        silences=service.silences() if found else (), ways=(),
    )  # fmt: skip
    return tuple(entry(each, alerted, standing, _table(visit), visit.texts) for each in found)


def _verdicts(visit: Visit, standing: Standing, cause: str, node: str, labels: object) -> tuple[Verdict, ...]:
    """What the rule says now that an alert is about."""
    if cause not in standing.rulebook.rules:
        return ()
    asset = labels.get("asset") if isinstance(labels, dict) else None
    of_node = visit.services.fleet.of_node(node)
    return tuple(standing.believed(each) for each in of_node if (each.rule, each.asset) == (cause, asset))


def _may_act(visit: Visit) -> bool:
    return visit.session is not None and may(visit.session.role, Right.ACKNOWLEDGE)


def _table(visit: Visit) -> Table:
    return Table(policy=visit.policy, now=visit.services.alerts.now, zone=visit.zone)


def _frame(standing: Standing, title: str, address: str) -> Frame:
    return replace(frame_of(standing, title, address), live=True, data=addresses.answer(address))
