"""What records tell of runs, kept beside them as they arrive: one row for each attempt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from intendance.fleet.database.connect import from_us, to_us
from intendance.fleet.database.run_tables import run_attempt
from intendance.fleet.runs import decide
from intendance.fleet.runs.decide import Attempt, Began, Ended
from intendance.ledger import envelope
from intendance.ledger.rows import Row

_COLUMN = run_attempt.c


def keep(connection: Connection, node: str, incarnation: int, rows: Iterable[Row], now_us: int) -> None:
    """Follow what some records of a node, in order, tell of its runs."""
    for row in rows:
        if row.kind not in decide.KINDS:
            continue
        try:
            told = decide.told(envelope.decoder(row.kind).decode(row.content))
        except (ValueError, RecursionError, OverflowError):
            continue  # of a form that this version does not know: it waits for one that does
        if isinstance(told, Began):
            _begin(connection, node, incarnation, told, now_us)
        elif told is not None:
            _end(connection, node, incarnation, row.kind, told, now_us)


def cut_back(connection: Connection, node: str, incarnation: int, size: int) -> None:
    """Forget what records beyond the first `size` told."""
    here = _of(node, incarnation)
    connection.execute(
        update(run_attempt)
        .where(here, _COLUMN.ended_seq >= size)
        .values(ended_us=None, ended_seq=None, outcome="", message="")
    )
    never = (_COLUMN.began_seq >= size) | (_COLUMN.began_seq.is_(None) & _COLUMN.ended_seq.is_(None))
    connection.execute(delete(run_attempt).where(here, never))


def _begin(connection: Connection, node: str, incarnation: int, told: Began, now_us: int) -> None:
    this = _of(node, incarnation) & (_COLUMN.run == told.run)
    connection.execute(delete(run_attempt).where(this, _COLUMN.attempt == told.attempt))  # given back, taken again
    former = this & (_COLUMN.attempt < told.attempt) & _COLUMN.ended_us.is_(None)
    connection.execute(update(run_attempt).where(former).values(outcome=decide.LOST, changed_us=now_us))
    connection.execute(
        insert(run_attempt).values(
            node=node,
            incarnation=incarnation,
            run=told.run,
            attempt=told.attempt,
            asset=told.asset,
            activity=told.activity,
            actor=told.actor,
            boot=told.boot,
            began_us=to_us(told.at),
            began_seq=told.seq,
            deadline_us=to_us(told.deadline_at),
            changed_us=now_us,
        )
    )


def _end(connection: Connection, node: str, incarnation: int, kind: str, told: Ended, now_us: int) -> None:
    this = _of(node, incarnation) & (_COLUMN.run == told.run)
    if told.attempt is not None:
        this &= _COLUMN.attempt == told.attempt
    asked = select(_COLUMN.attempt, _COLUMN.outcome).where(this).order_by(_COLUMN.attempt.desc()).limit(1)
    row = connection.execute(asked).one_or_none()
    end: dict[str, Any] = {
        "ended_us": to_us(told.at), "ended_seq": told.seq, "outcome": told.outcome, "message": told.message,
        "changed_us": now_us,
    }  # fmt: skip
    if row is None:
        place = {"node": node, "incarnation": incarnation, "run": told.run, "attempt": told.attempt or 1}
        about = {"asset": told.asset, "activity": told.activity, "actor": told.actor}
        connection.execute(insert(run_attempt).values(**place, **about, **end))
        return
    end["outcome"] = decide.said_again(kind, row.outcome, told.outcome)
    connection.execute(update(run_attempt).where(this, _COLUMN.attempt == row.attempt).values(**end))


def read(row: Any) -> Attempt:
    """An attempt from its row. An end that no signed head covers yet (`signed_size`) is none."""
    ended = row.ended_us is not None and row.ended_seq < row.signed_size
    return Attempt(
        node=row.node,
        run=row.run,
        attempt=row.attempt,
        asset=row.asset,
        activity=row.activity,
        actor=row.actor,
        boot=row.boot,
        began_at=None if row.began_us is None else from_us(row.began_us),
        began_seq=row.began_seq,
        deadline_at=None if row.deadline_us is None else from_us(row.deadline_us),
        ended_at=from_us(row.ended_us) if ended else None,
        ended_seq=row.ended_seq if ended else None,
        outcome=row.outcome if ended or row.ended_us is None else "",
        message=row.message if ended else "",
    )


def _of(node: str, incarnation: int) -> Any:
    return (_COLUMN.node == node) & (_COLUMN.incarnation == incarnation)
