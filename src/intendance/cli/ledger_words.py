"""One line of words per record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from intendance.language.sizes import number, size
from intendance.language.spoken import told
from intendance.language.texts import Translator
from intendance.model.record import Record

DOMAIN = "ledger_words"

Data = Mapping[str, Any]


def summary(_: Translator, record: Record) -> str:
    """What a record says, in one line; for a kind without words of its own, its members as they are."""
    words = _WORDS.get(record.kind)
    try:
        return _as_it_is(record.data) if words is None else words(_, record.data)
    except (KeyError, TypeError, ValueError):  # written by another version: shown, not interpreted
        return _as_it_is(record.data)


def _as_it_is(data: Data) -> str:
    return ", ".join(f"{name}={value}" for name, value in data.items())


def _genesis(_: Translator, data: Data) -> str:
    return _("this ledger begins, with Intendance {software}").format(software=data["software"])


def _plan_adopted(_: Translator, data: Data) -> str:
    assets = _.plural("{n} asset", "{n} assets", len(data["assets"])).format(n=len(data["assets"]))
    count = len(data["recipients"])
    people = _.plural("{n} recipient", "{n} recipients", count).format(n=count)
    return _("plan {sha256}… in force: {catalogues}, {assets}, {people}").format(
        sha256=data["source_sha256"][:12], catalogues=" + ".join(data["catalogues"]), assets=assets, people=people
    )


def _asset_declared(_: Translator, data: Data) -> str:
    return _("{subject}: {engine}, kept {days} days in {stores}").format(
        subject=data["subject"], engine=data["engine"], days=data["retention_days"], stores=", ".join(data["stores"])
    )


def _asset_dropped(_: Translator, data: Data) -> str:
    return _("no longer in the plan; declared first on {day}").format(day=data["first_declared_at"][:10])


def _backup_completed(_: Translator, data: Data) -> str:
    parts = _.plural("{n} part", "{n} parts", data["parts"]).format(n=data["parts"])
    return _("{kind} set of {instant}: {stored} stored of {source}, {parts}, to {stores}").format(
        kind=data["kind"],
        instant=f"{data['recovers_to'][:19]}Z",
        stored=size(data["stored_bytes"], _.language),
        source=size(data["source_bytes"], _.language),
        parts=parts,
        stores=", ".join(data["stores"]),
    )


def _failed(_: Translator, data: Data) -> str:
    return f"{told(data['message'], _.language)} ({data.get('step') or data['error']})"


def _inspection_completed(_: Translator, data: Data) -> str:
    sets = _.plural("{n} set", "{n} sets", data["sets"]).format(n=number(data["sets"], _.language))
    text = (
        _("{sets} in {store}, {faulty} FAULTY, {stored}, {hashed} read again")
        if data["faulty"]
        else _("{sets} in {store}, none faulty, {stored}, {hashed} read again")
    )
    return text.format(
        sets=sets,
        store=data["store"],
        faulty=number(data["faulty"], _.language),
        stored=size(data["stored_bytes"], _.language),
        hashed=size(data["hashed_bytes"], _.language),
    )


def _prune_marked(_: Translator, data: Data) -> str:
    return _("{store}: {marked} marked, {lifted} kept again").format(
        store=data["store"], marked=len(data["sets"]), lifted=len(data["lifted"])
    )


def _prune_begun(_: Translator, data: Data) -> str:
    count = len(data["sets"])
    return _.plural("{store}: {n} deletion begun", "{store}: {n} deletions begun", count).format(
        store=data["store"], n=count
    )


def _prune_completed(_: Translator, data: Data) -> str:
    return _("{store}: {n} deleted, {freed} freed, {kept} left").format(
        store=data["store"],
        n=len(data["sets"]),
        freed=size(data["freed_bytes"], _.language),
        kept=number(data["kept"], _.language),
    )


def _store_attested(_: Translator, data: Data) -> str:
    return _("{store} stands in {region}: the word of {by}").format(
        store=data["store"], region=data["region"], by=data["by"]
    )


def _store_filled(_: Translator, data: Data) -> str:
    count = len(data["sets"])
    text = _.plural("{n} older set brought to {store}, {left} left",
                    "{n} older sets brought to {store}, {left} left", count)  # fmt: skip
    said = text.format(n=number(count, _.language), store=data["store"], left=number(data["left"], _.language))
    return said if not data["message"] else f"{said}. {told(data['message'], _.language)}"


def _store_locked(_: Translator, data: Data) -> str:
    count = len(data["sets"])
    text = _.plural("{n} legal copy locked in {store}, {left} left",
                    "{n} legal copies locked in {store}, {left} left", count)  # fmt: skip
    said = text.format(n=number(count, _.language), store=data["store"], left=number(data["left"], _.language))
    return said if not data["message"] else f"{said}. {told(data['message'], _.language)}"


def _alert_told(_: Translator, data: Data) -> str:
    return _("{contact} was mailed by the node itself: {causes}").format(
        contact=data["contact"], causes=", ".join(data["causes"])
    )


def _ledger_imported(_: Translator, data: Data) -> str:
    added = data["added"]
    text = _.plural("{n} new record of {host} in view, {size} in all",
                    "{n} new records of {host} in view, {size} in all", added)  # fmt: skip
    return text.format(n=number(added, _.language), host=data["host"], size=number(data["size"], _.language))


def _restore_completed(_: Translator, data: Data) -> str:
    bad = [check["name"] for check in data["checks"] if not check["ok"]]
    count = len(data["checks"])
    passed = _.plural("{n} check passed", "{n} checks passed", count).format(n=count)
    seconds = f"{data['phases']['total_ms'] / 1000:.1f}"
    return _("{bytes} restored to {destination} in {seconds} s, {checked}").format(
        bytes=size(data["restored_bytes"], _.language),
        destination=data["destination"],
        seconds=seconds.replace(".", ",") if _.language == "fr" else seconds,
        checked=_("{names} NOT right").format(names=", ".join(bad)) if bad else passed,
    )


def _run_started(_: Translator, data: Data) -> str:
    return _("{activity} begins (attempt {attempt})").format(activity=data["activity"], attempt=data["attempt"])


def _run_ended(_: Translator, data: Data) -> str:
    text = _("{activity} {outcome} (attempt {attempt})")
    said = text.format(activity=data["activity"], outcome=data["outcome"], attempt=data["attempt"])
    return (
        _("{said}: {message}").format(said=said, message=told(data["message"], _.language)) if data["message"] else said
    )


def _run_missed(_: Translator, data: Data) -> str:
    text = _.plural(
        "{n} occurrence of {activity} missed since {since}, {made_up}",
        "{n} occurrences of {activity} missed since {since}, {made_up}",
        data["count"],
    )
    run = data["caught_up_by"]
    return text.format(
        n=number(data["count"], _.language),
        activity=data["activity"],
        since=data["first_missed"],
        made_up=_("made up for by {run}").format(run=run) if run else _("not made up for"),
    )


_WORDS: Mapping[str, Callable[[Translator, Data], str]] = {
    "genesis": _genesis,
    "plan.adopted": _plan_adopted,
    "asset.declared": _asset_declared,
    "asset.dropped": _asset_dropped,
    "backup.completed": _backup_completed,
    "backup.failed": _failed,
    "inspection.completed": _inspection_completed,
    "inspection.failed": _failed,
    "prune.marked": _prune_marked,
    "prune.begun": _prune_begun,
    "prune.completed": _prune_completed,
    "store.attested": _store_attested,
    "store.filled": _store_filled,
    "store.locked": _store_locked,
    "ledger.imported": _ledger_imported,
    "alert.told": _alert_told,
    "restore.completed": _restore_completed,
    "restore.failed": _failed,
    "run.started": _run_started,
    "run.ended": _run_ended,
    "run.missed": _run_missed,
}
