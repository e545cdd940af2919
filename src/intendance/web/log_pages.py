"""What the addresses of the fleet log answer: its head, what verifying it says, its records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from starlette.responses import Response

from intendance.fleet.ledgers.decide import PAGE, RecordBrief
from intendance.fleet.own_log import HeldLog
from intendance.fleet.verdicts.standing import Standing
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.errors import IntendanceError
from intendance.model.errors.accounts import PageUnknown
from intendance.web import addresses, words
from intendance.web import record as records
from intendance.web.ledger import LedgerPage, RecordLine, witnesses
from intendance.web.render import MARKS, Frame, frame_of
from intendance.web.rule import Definition
from intendance.web.visit import Visit

_SHAPES = {"verified": "pass", "tampered": "fail", "incomplete": "fail"}
_DIGITS = 19
"""A number of more is no number of a record."""


def fleet_log(visit: Visit) -> Response:
    """The fleet log: its newest records, or those before one of them."""
    _ = visit.texts
    asked = visit.request.query_params.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < _DIGITS else None
    standing = visit.standing()
    try:
        held = visit.services.log.held(before=before)
    except IntendanceError as error:
        return visit.problem(error, 500, addresses.LEDGER)
    if visit.wants_data:
        return visit.data("intendance.fleet-log/1", held)
    view = log_page(held, standing, before, _)
    frame = replace(
        frame_of(standing, f"{_('Fleet log')} · {standing.organisation}", addresses.FLEET_LOG),
        mark=MARKS.get(view.shape, ""),
        icon=view.shape,
        live=before is None,
        data=f"{addresses.FLEET_LOG}.json",
        typed="intendance ledger verify --manager",
    )
    return visit.page("ledger.html", frame, view=view)


def record(visit: Visit) -> Response:
    """A record of the fleet log."""
    seq = visit.request.path_params["seq"]
    try:
        found = visit.services.log.record(seq) if len(str(seq)) < _DIGITS else None
        newest = found is None or visit.services.log.record(seq + 1) is None
    except IntendanceError as error:
        return visit.problem(error, 500, addresses.FLEET_LOG)
    if found is None:
        return visit.problem(PageUnknown(name=f"{seq}"), 404, addresses.FLEET_LOG)
    if visit.wants_data:
        return visit.data("intendance.fleet-log-record/1", records.as_data(found))
    view = records.fleet_record_page(found, visit.zone, visit.texts, newest=newest)
    frame = Frame(
        title=f"{view.heading} · {visit.organisation}",
        address=addresses.fleet_record(seq),
        organisation=visit.organisation,
        data=f"{addresses.fleet_record(seq)}.json",
        typed=f"intendance ledger show {seq} --manager",
    )
    return visit.page("record.html", frame, view=view)


def log_page(held: HeldLog, standing: Standing, before: int | None, _: Translator) -> LedgerPage:
    """The page of the fleet log."""
    zone = standing.zone
    shape = "fail" if _contradicted(standing) else _SHAPES.get(held.verified.outcome, "unknown")
    if shape == "pass" and _waits(held):
        shape = "pending"
    last = held.records[-1].seq if held.records else 0
    return LedgerPage(
        question=_("Can what the manager itself records be believed?"),
        shape=shape,
        answer=_answer(held, standing, _),
        lede=_(
            "Log-ins, accounts, settled findings and each day of beats are records here, chained and signed by the "
            "manager’s own key as a node’s are."
        ),
        facts=(
            _("verified on {moment}").format(moment=dates.moment(held.verified.at, zone, _.language, seconds=True)),
            _witnessed(standing, _),
            *_counted(held, _),
        ),
        findings=(),
        former=(),
        note=held.note.strip(),
        word=_("the manager’s word for all records before it"),
        whose=_("By"),
        definitions=(*_definitions(held, _), *_quorum(held, standing, _), *witnesses(standing, _)),
        records=tuple(_record(each, zone, _) for each in held.records),
        older=f"{addresses.FLEET_LOG}?before={last}" if len(held.records) == PAGE and last > 0 else "",
        newest=addresses.FLEET_LOG if before is not None else "",
    )


def _contradicted(standing: Standing) -> bool:
    return standing.head is not None and standing.head.refused


def _witnessed(standing: Standing, _: Translator) -> str:
    if _contradicted(standing):
        return _("a witness knows another history")
    if standing.head is None or not standing.head.witnesses:
        return _("no witness")
    if standing.head.witnessed_at is None:
        return _("no witness has cosigned it yet")
    seen = dates.moment(standing.head.witnessed_at, standing.zone, _.language)
    return _("seen by the witness on {moment}").format(moment=seen)


def _waits(held: HeldLog) -> bool:
    """Whether a witness that the plan wants has not cosigned this head."""
    return held.quorum.wanted > 0 and not held.quorum.is_met


def _counted(held: HeldLog, _: Translator) -> Iterable[str]:
    """How many of the plan's witnesses cosigned the head that is shown."""
    if held.quorum.wanted:
        told = _("cosigned by {count} of {wanted} witnesses")
        yield told.format(
            count=sizes.number(held.quorum.cosigned, _.language), wanted=sizes.number(held.quorum.wanted, _.language)
        )


def _quorum(held: HeldLog, standing: Standing, _: Translator) -> Iterable[Definition]:
    """Who cosigned the head that is shown, and how long ago."""
    for each in held.quorum.witnesses:
        if each.at is None:
            told = _("has cosigned nothing that is here: see that it answers, and that its key is the plan’s")
        else:
            at = dates.moment(each.at, standing.zone, _.language)
            age = words.length(max((standing.asked_at or held.verified.at) - each.at, timedelta()), _, up=False)
            whole = _("cosigned this head on {moment}, {age} ago")
            older = _("cosigned the first {n} on {moment}, {age} ago, not yet this head")
            n = sizes.number(each.size, _.language)
            beyond = _("cosigned {n} on {moment}, {age} ago, more than is here: verify it")
            form = whole if each.cosigned else beyond if each.size > held.quorum.size else older
            told = form.format(moment=at, age=age, n=n)
        yield Definition(name=_("Signature of {name}").format(name=each.name), text=told, told=True)


def _answer(held: HeldLog, standing: Standing, _: Translator) -> str:
    count = sizes.number(held.verified.records, _.language)
    if held.verified.outcome == "verified" and _contradicted(standing):
        return _("No: a witness knows another history of it.")
    if held.verified.outcome == "verified":
        if _waits(held):
            return _("It holds together here; not every witness of the plan has cosigned it.")
        told = _.plural("Yes: {n} record, verified.", "Yes: all {n} records, verified.", held.verified.records)
        return told.format(n=count)
    told_badly = {
        "tampered": _("No: it was changed."),
        "incomplete": _("No: something of it is missing."),
    }
    return told_badly.get(held.verified.outcome, _("Nobody can tell."))


def _definitions(held: HeldLog, _: Translator) -> Iterable[Definition]:
    for fault in held.verified.faults:
        yield Definition(name=_("Fault"), text=fault)
    yield Definition(name=_("Origin"), text=held.origin)
    yield Definition(name=_("Key"), text=held.key)
    yield Definition(name=_("Records here"), text=sizes.number(held.size, _.language))
    yield Definition(name=_("Covered by the checkpoint"), text=sizes.number(held.signed_size, _.language))


def _record(each: RecordBrief, zone: str, _: Translator) -> RecordLine:
    return RecordLine(
        number=sizes.number(each.seq, _.language),
        href=addresses.fleet_record(each.seq),
        kind=each.kind,
        asset=(each.asset or "").removeprefix("person:"),
        when=dates.moment(datetime.fromisoformat(each.at), zone, _.language, seconds=True),
        shape="pass" if each.covered else "pending",
        word=_("signed") if each.covered else _("not signed yet"),
    )
