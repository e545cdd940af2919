"""One cheap look at what a tick would have to do: most ticks have nothing to do, and four come each second."""

from __future__ import annotations

from sqlalchemy import Connection, text

from intendance.fleet.detection import decide
from intendance.model.frozen import dataclass

_GLANCE = text("""
SELECT
  EXISTS (SELECT 1 FROM node_state WHERE state = 'up' AND deadline_us <= :late_us) AS late,
  EXISTS (SELECT 1 FROM node_state WHERE state = 'late' AND deadline_us > :late_us) AS again,
  EXISTS (SELECT 1 FROM node_state WHERE state IN ('up', 'late') AND deadline_us <= :missing_us) AS missing,
  EXISTS (SELECT 1 FROM node_state
          WHERE state IN ('missing', 'unobservable') AND streak >= :beats AND deadline_us > :now_us) AS back,
  EXISTS (SELECT 1 FROM escalation JOIN alert ON alert.id = escalation.alert AND alert.episode = escalation.episode
          WHERE escalation.state = 'waiting' AND escalation.next_us <= :now_us AND (
            (alert.state = 'firing' AND alert.suppressed IS NULL AND escalation.step % 1000 <> 999)
            OR (alert.state = 'resolved' AND escalation.step % 1000 = 999))) AS due,
  EXISTS (SELECT 1 FROM outbox WHERE state IN ('queued', 'failed', 'sending', 'dead') AND purpose = 'firing'
          AND made_us <= :now_us AND expires_us > :now_us) AS stuck,
  EXISTS (SELECT 1 FROM alert WHERE state = 'acked' AND acked_until_us <= :now_us) AS acks,
  EXISTS (SELECT 1 FROM alert WHERE state IN ('pending', 'firing', 'acked')
          AND cause IN ('site.unreachable', 'fleet.silent', 'node.flapping', 'manager.blind')) AS lasting,
  EXISTS (SELECT 1 FROM outbox WHERE state = 'dead' AND tries = 0 AND lease_holder = '') AS dead,
  (SELECT count(*) FROM alert WHERE state IN ('pending', 'firing', 'acked')) AS open,
  (SELECT coalesce(sum(id), 0) FROM alert WHERE state IN ('pending', 'firing', 'acked')) AS which,
  (SELECT coalesce(sum(id), 0) FROM silence
   WHERE from_us <= :now_us AND to_us > :now_us AND ended_us IS NULL) AS silences
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What there is to do; `shape` differs when other alerts are open or other silences hold than before."""

    moving: bool
    missing: bool
    due: bool
    stuck: bool
    acks: bool
    lasting: bool
    dead: bool
    shape: tuple[int, ...]


def glance(connection: Connection, now_us: int) -> Glance:
    """Look."""
    row = connection.execute(
        _GLANCE,
        {
            "late_us": now_us + decide.GRACE_US,
            "missing_us": now_us - decide.SETTLE_US,
            "now_us": now_us,
            "beats": decide.RECOVERS_BY_BEATS,
        },
    ).one()
    return Glance(
        moving=bool(row.late or row.again or row.missing or row.back),
        missing=bool(row.missing),
        due=bool(row.due),
        stuck=bool(row.stuck),
        acks=bool(row.acks),
        lasting=bool(row.lasting),
        dead=bool(row.dead),
        shape=(row.open, int(row.which), int(row.silences)),
    )
