"""The ledgers: whether each is whole, up to which signed head, what was found wrong, and its latest records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from intendance.fleet.ledgers.decide import PAGE, Condition, Doubt, HeldLedger, RecordBrief
from intendance.fleet.verdicts.standing import Standing
from intendance.fleet.witnessing.decide import Condition as WitnessCondition
from intendance.fleet.witnessing.decide import WitnessStanding
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.web import addresses, doubts
from intendance.web.parts import PART, Fold, Part, part_of
from intendance.web.rule import Definition

SHAPES = {
    Condition.CONTRADICTED: "fail",
    Condition.UNCLEAR: "unknown",
    Condition.WAITING: "pending",
    Condition.WHOLE: "pass",
    Condition.EMPTY: "pending",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """A ledger in the list of ledgers."""

    name: str
    href: str
    shape: str
    word: str
    told: str
    records: str
    signed: str
    received: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding on the page of its ledger; `exhibit` is the signed text that shows it."""

    shape: str
    word: str
    title: str
    meaning: str
    advice: str
    detail: str
    when: str
    settled: str
    command: tuple[str, ...]
    settle: tuple[str, ...]
    exhibit: str
    record: str
    record_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    number: str
    href: str
    kind: str
    asset: str
    when: str
    shape: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """`older` and `newest` are addresses of other records of it, empty where there are none. `word` says whose word its
    checkpoint is, `whose` what its records name: what they are about, or who made them."""

    question: str
    shape: str
    answer: str
    lede: str
    facts: tuple[str, ...]
    findings: tuple[Finding, ...]
    former: tuple[Finding, ...]
    note: str
    word: str
    whose: str
    definitions: tuple[Definition, ...]
    records: tuple[RecordLine, ...]
    older: str
    newest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgersPage:
    """`whole` is the address of the whole list, empty on its own page."""

    fleet_log: str
    shape: str
    answer: str
    lede: str
    shown: Part[LedgerLine]
    fold: Fold | None
    whole: str
    definitions: tuple[Definition, ...]


def ledgers_page(
    ledgers: Sequence[HeldLedger], standing: Standing, _: Translator, *, show: str = "", part: int = 1
) -> LedgersPage:
    """The page of all ledgers, the worst first; of many, those that are whole are folded."""
    conditions = [each.condition for each in ledgers]
    bad, unclear = conditions.count(Condition.CONTRADICTED), conditions.count(Condition.UNCLEAR)
    shape = "fail" if bad else "unknown" if unclear else "pass" if Condition.WHOLE in conditions else "pending"
    well = [each for each, condition in zip(ledgers, conditions, strict=True) if condition is Condition.WHOLE]
    others = [each for each, condition in zip(ledgers, conditions, strict=True) if condition is not Condition.WHOLE]
    folds = len(ledgers) > PART and bool(well) and not show
    chosen = well if show else others if folds else ledgers
    told = _.plural("{n} more ledger, whole and signed.", "{n} more ledgers, whole and signed.", len(well))
    return LedgersPage(
        fleet_log=addresses.FLEET_LOG,
        shape=shape,
        answer=_answer_of_all(ledgers, bad, unclear, _),
        lede=_(
            "Each record carries the fingerprint of the one before it, each checkpoint the signature of its node. The "
            "manager verifies both as they arrive, and with every beat."
        ),
        shown=part_of(chosen, part, lambda number: addresses.ledgers(show, number), _).drawn(
            lambda each: _line(each, standing.zone, _)
        ),
        fold=Fold(told=told.format(n=sizes.number(len(well), _.language)), href=addresses.ledgers("well"))
        if folds
        else None,
        whole=addresses.LEDGER if show else "",
        definitions=tuple(_fleet_log(standing, _)),
    )


def ledger_page(
    held: HeldLedger, records: Sequence[RecordBrief], before: int | None, zone: str, _: Translator
) -> LedgerPage:
    """The page of one node's ledger."""
    standing = held.standing_doubts
    former = [each for each in held.doubts if each not in standing]
    last = records[-1].seq if records else 0
    return LedgerPage(
        question=_("Can what {node} says be believed?").format(node=held.node),
        shape=SHAPES[held.condition],
        answer=_answer(held, _),
        lede=_lede(held, _),
        facts=tuple(_facts(held, zone, _)),
        findings=tuple(finding_told(each, zone, _) for each in standing),
        former=tuple(finding_told(each, zone, _) for each in former),
        note=held.note.strip(),
        word=_("the node’s word for all records before it"),
        whose=_("About"),
        definitions=tuple(_definitions(held, zone, _)),
        records=tuple(_record(held, each, zone, _) for each in records),
        older=addresses.ledger(held.node, last) if len(records) == PAGE and last > 0 else "",
        newest=addresses.ledger(held.node) if before is not None else "",
    )


def _answer_of_all(ledgers: Sequence[HeldLedger], bad: int, unclear: int, _: Translator) -> str:
    if not ledgers:
        return _("No node has joined yet.")
    if bad:
        told = _.plural("{n} ledger contradicts itself.", "{n} ledgers contradict themselves.", bad)
        return told.format(n=sizes.number(bad, _.language))
    if unclear:
        told = _.plural("{n} ledger cannot be judged.", "{n} ledgers cannot be judged.", unclear)
        return told.format(n=sizes.number(unclear, _.language))
    told = _.plural("{n} ledger, without a contradiction.", "{n} ledgers, without a contradiction.", len(ledgers))
    return told.format(n=sizes.number(len(ledgers), _.language))


def _word(condition: Condition, _: Translator) -> str:
    told = {
        Condition.CONTRADICTED: _("contradicts itself"),
        Condition.UNCLEAR: _("unknown"),
        Condition.WAITING: _("not all signed yet"),
        Condition.WHOLE: _("whole and signed"),
        Condition.EMPTY: _("nothing received"),
    }
    return told[condition]


def _line(held: HeldLedger, zone: str, _: Translator) -> LedgerLine:
    return LedgerLine(
        name=held.node,
        href=addresses.ledger(held.node),
        shape=SHAPES[held.condition],
        word=_word(held.condition, _),
        told=", ".join(doubts.title(each, _) for each in held.standing_doubts),
        records=sizes.number(held.size, _.language),
        signed=sizes.number(held.signed_size, _.language),
        received="" if held.received_at is None else dates.moment(held.received_at, zone, _.language, seconds=True),
    )


def _fleet_log(standing: Standing, _: Translator) -> Iterable[Definition]:
    if standing.head is None:
        return
    told = _.plural("{n} record", "{n} records", standing.head.size)
    yield Definition(name=_("Records"), text=told.format(n=sizes.number(standing.head.size, _.language)))
    yield from witnesses(standing, _)


def witnesses(standing: Standing, _: Translator) -> Iterable[Definition]:
    """What each witness of the fleet log has said, or that there is none."""
    known = () if standing.head is None else standing.head.witnesses
    if not known:
        text = _("None: a rollback by whoever holds the manager’s key would not be seen.")
        yield Definition(name=_("Witness"), text=text, told=True)
    for each in known:
        text = _witness(each, 0 if standing.head is None else standing.head.size, standing.zone, _)
        yield Definition(name=_("Witness {name}").format(name=each.name), text=text, told=True)


def _witness(each: WitnessStanding, size: int, zone: str, _: Translator) -> str:
    since = dates.moment(each.since, zone, _.language)
    if each.condition.grave:
        return _("knows another history of this log since {since}: it was rolled back, or rewritten").format(
            since=since
        )
    told = _("nothing cosigned yet")
    if each.cosigned_at is not None:
        told = _.plural("{n} record cosigned on {moment}", "{n} records cosigned on {moment}", each.size).format(
            n=sizes.number(each.size, _.language), moment=dates.moment(each.cosigned_at, zone, _.language)
        )
        if each.size < size:
            later = _.plural("{told}, {n} newer one not yet", "{told}, {n} newer ones not yet", size - each.size)
            told = later.format(told=told, n=sizes.number(size - each.size, _.language))
    if each.condition is WitnessCondition.SILENT:
        return _("{told}; no answer since {since}").format(told=told, since=since)
    if each.condition is WitnessCondition.DECLINED:
        remedy = _("{told}; not this log since {since}: see that it knows the log, and that its key is the plan’s")
        return remedy.format(told=told, since=since)
    return told


def _answer(held: HeldLedger, _: Translator) -> str:
    condition = held.condition
    if condition is Condition.CONTRADICTED:
        return _("No. {finding}.").format(finding=doubts.title(held.standing_doubts[0], _))
    if condition is Condition.UNCLEAR:
        return _("Nobody can tell.")
    if condition is Condition.EMPTY:
        return _("Nothing has arrived yet.")
    if condition is Condition.WAITING:
        left = held.size - held.signed_size
        told = _.plural(
            "Yes, but {n} record waits for a signature.", "Yes, but {n} records wait for a signature.", left
        )
        return told.format(n=sizes.number(left, _.language))
    told = _.plural("Yes: {n} record, whole and signed.", "Yes: {n} records, whole and signed.", held.size)
    return told.format(n=sizes.number(held.size, _.language))


def _lede(held: HeldLedger, _: Translator) -> str:
    if held.condition is Condition.CONTRADICTED:
        return _("What holds by this node’s word alone counts as unknown, on every page, until this is settled.")
    return _(
        "Every record was verified as it arrived: it follows on the one before, and the node’s signature covers it."
    )


def _facts(held: HeldLedger, zone: str, _: Translator) -> Iterable[str]:
    yield _("incarnation {number}").format(number=held.incarnation)
    if held.received_at is not None:
        moment = dates.moment(held.received_at, zone, _.language, seconds=True)
        yield _("last records received on {moment}").format(moment=moment)
    yield _("no witness")


def _definitions(held: HeldLedger, zone: str, _: Translator) -> Iterable[Definition]:
    yield Definition(name=_("Origin"), text=held.origin)
    yield Definition(name=_("Key"), text=held.fingerprint)
    yield Definition(name=_("Records here"), text=sizes.number(held.size, _.language))
    yield Definition(name=_("Covered by the checkpoint"), text=sizes.number(held.signed_size, _.language))
    yield Definition(name=_("Bound in the fleet log"), text=_bound(held, zone, _), told=True)


def _bound(held: HeldLedger, zone: str, _: Translator) -> str:
    if held.bound_at is None:
        return _("not yet: once an hour")
    return _("{size} of them, by record {number} of the fleet log, on {moment}").format(
        size=sizes.number(held.bound_size, _.language),
        number=sizes.number(held.bound_seq, _.language),
        moment=dates.moment(held.bound_at, zone, _.language, seconds=True),
    )


def finding_told(doubt: Doubt, zone: str, _: Translator) -> Finding:
    """A finding as a page tells it."""
    moment = dates.moment(doubt.found_at, zone, _.language, seconds=True)
    told = _("found on {moment}, incarnation {number}").format(moment=moment, number=doubt.incarnation)
    return Finding(
        shape="fail" if doubt.grave else "unknown",
        word=_("blocking") if doubt.grave else _("unknown"),
        title=doubts.title(doubt, _),
        meaning=doubts.meaning(doubt, _),
        advice=doubts.advice(doubt, _),
        detail=doubt.detail,
        when=told,
        settled=_settled(doubt, zone, _),
        command=doubts.typed(doubt),
        settle=doubts.settling(doubt),
        exhibit=doubt.exhibit.strip(),
        record="" if doubt.settled_seq is None else sizes.number(doubt.settled_seq, _.language),
        record_href="" if doubt.settled_seq is None else addresses.fleet_record(doubt.settled_seq),
    )


def _settled(doubt: Doubt, zone: str, _: Translator) -> str:
    if doubt.settled_at is None:
        return _("of a former ledger of this node")
    moment = dates.moment(doubt.settled_at, zone, _.language)
    person = doubt.settled_by.removeprefix("person:")
    told = _("settled by {person} on {moment}").format(person=person, moment=moment)
    return f"{told} · {doubt.settled_why}" if doubt.settled_why else told


def _record(held: HeldLedger, each: RecordBrief, zone: str, _: Translator) -> RecordLine:
    return RecordLine(
        number=sizes.number(each.seq, _.language),
        href=addresses.record(held.node, each.seq),
        kind=each.kind,
        asset=each.asset or "",
        when=dates.moment(datetime.fromisoformat(each.at), zone, _.language, seconds=True),
        shape="pass" if each.covered else "pending",
        word=_("signed") if each.covered else _("not signed yet"),
    )
