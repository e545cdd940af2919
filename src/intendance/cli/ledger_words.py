"""One line of words per record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from intendance.language.sizes import number, size
from intendance.model.record import Record

Data = Mapping[str, Any]


def summary(record: Record) -> str:
    """What a record says, in one line; for a kind without words of its own, its members as they are."""
    words = _WORDS.get(record.kind)
    try:
        return _as_it_is(record.data) if words is None else words(record.data)
    except (KeyError, TypeError, ValueError):  # written by another version: shown, not interpreted
        return _as_it_is(record.data)


def _as_it_is(data: Data) -> str:
    return ", ".join(f"{name}={value}" for name, value in data.items())


def _several(count: int, one: str, many: str) -> str:
    return f"{number(count)} {one if count == 1 else many}"


def _genesis(data: Data) -> str:
    return f"this ledger begins, with Intendance {data['software']}"


def _plan_adopted(data: Data) -> str:
    assets = _several(len(data["assets"]), "asset", "assets")
    people = _several(len(data["recipients"]), "recipient", "recipients")
    return f"plan {data['source_sha256'][:12]}… in force: {' and '.join(data['catalogues'])}, {assets}, {people}"


def _asset_declared(data: Data) -> str:
    return f"{data['subject']}: {data['engine']}, kept {data['retention_days']} days in {', '.join(data['stores'])}"


def _asset_dropped(data: Data) -> str:
    return f"no longer in the plan; declared first on {data['first_declared_at'][:10]}"


def _backup_completed(data: Data) -> str:
    parts = _several(data["parts"], "part", "parts")
    return (
        f"{data['kind']} set of {data['recovers_to'][:19]}Z: {size(data['stored_bytes'])} stored"
        f" of {size(data['source_bytes'])}, {parts}, to {', '.join(data['stores'])}"
    )


def _failed(data: Data) -> str:
    return f"{data['message']} ({data.get('step') or data['error']})"


def _inspection_completed(data: Data) -> str:
    faulty = f", {number(data['faulty'])} FAULTY" if data["faulty"] else ", none faulty"
    return (
        f"{_several(data['sets'], 'set', 'sets')} in {data['store']}{faulty}, {size(data['stored_bytes'])},"
        f" {size(data['hashed_bytes'])} read again"
    )


def _restore_completed(data: Data) -> str:
    bad = [check["name"] for check in data["checks"] if not check["ok"]]
    checked = f"{', '.join(bad)} NOT right" if bad else f"{_several(len(data['checks']), 'check', 'checks')} passed"
    seconds = data["phases"]["total_ms"] / 1000
    return f"{size(data['restored_bytes'])} restored to {data['destination']} in {seconds:.1f} s, {checked}"


def _run_ended(data: Data) -> str:
    said = f": {data['message']}" if data["message"] else ""
    return f"{data['activity']} {data['outcome']} (attempt {data['attempt']}){said}"


def _run_missed(data: Data) -> str:
    made_up = f"made up for by {data['caught_up_by']}" if data["caught_up_by"] else "not made up for"
    return (
        f"{_several(data['count'], 'occurrence', 'occurrences')} of {data['activity']} missed"
        f" since {data['first_missed']}, {made_up}"
    )


_WORDS: Mapping[str, Callable[[Data], str]] = {
    "genesis": _genesis,
    "plan.adopted": _plan_adopted,
    "asset.declared": _asset_declared,
    "asset.dropped": _asset_dropped,
    "backup.completed": _backup_completed,
    "backup.failed": _failed,
    "inspection.completed": _inspection_completed,
    "inspection.failed": _failed,
    "restore.completed": _restore_completed,
    "restore.failed": _failed,
    "run.ended": _run_ended,
    "run.missed": _run_missed,
}
