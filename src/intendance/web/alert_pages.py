"""What the addresses of alerts answer: ask the services, make the view, draw it."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from intendance.fleet.accounts.decide import Right, may
from intendance.fleet.verdicts.changing import ALERTS
from intendance.fleet.verdicts.standing import Standing
from intendance.model.errors.alerting import AlertUnknown
from intendance.model.verdict import Verdict
from intendance.web import acting, addresses
from intendance.web.alert import alert_page
from intendance.web.alert_words import Table
from intendance.web.alerts import ENTRIES, Alerted, AlertEntry, alerts_page, entry, kind_of
from intendance.web.render import Frame
from intendance.web.visit import Visit


def alerts(visit: Visit) -> Response:
    """All alerts: those that ring first, then those in hand, held back and over."""
    service, standing = visit.services.alerts, visit.standing(ALERTS)
    found = service.listed(ended=True)
    numbers = [each.told.number for each in found]
    ringing = [each.told.number for each in found if kind_of(each) == "ringing"]
    alerted = Alerted(
        found=found,
        messages=service.told(numbers),
        due={number: service.due(number) for number in ringing[:ENTRIES]},
        silences=service.silences(),
        ways=service.ways(),
    )
    view = alerts_page(alerted, standing, _table(visit), visit.texts)
    frame = replace(
        _frame(standing, view.title, addresses.ALERTS),
        mark=view.mark,
        icon=view.shape,
        typed="intendance alert list",
    )
    return visit.page("alerts.html", frame, view=view, forms=acting.forms(visit) if _may_act(visit) else None)


def alert(visit: Visit) -> Response:
    """One alert."""
    asked = visit.request.path_params["alert"]
    service, standing = visit.services.alerts, visit.standing(ALERTS)
    try:
        shown = service.shown(asked if asked < acting.NUMBER_LIMIT else 0)
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


def lines_of_node(visit: Visit, name: str, standing: Standing) -> tuple[AlertEntry, ...]:
    """The alerts of a node that are not over."""
    service = visit.services.alerts
    found = service.of_node(name)
    alerted = Alerted(found=found, messages={}, due={}, silences=service.silences() if found else (), ways=())
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
    return Table(policy=visit.services.alerts.policy, now=visit.services.alerts.now, zone=visit.services.zone)


def _frame(standing: Standing, title: str, address: str) -> Frame:
    return Frame(
        title=title,
        address=address,
        organisation=standing.organisation,
        zone=standing.zone,
        judged_at=standing.judged_at,
        stopped=standing.stopped,
        live=True,
        data=addresses.answer(address),
    )
