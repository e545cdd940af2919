"""Restores as machines read them, of one asset or as part of a site's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from intendance.agent.restoring import Planned, Restored
from intendance.system.clock import rfc3339


def plan_json(planned: Planned) -> dict[str, Any]:
    """`intendance.restore-plan/1`."""
    plan = planned.plan
    return {
        "schema": "intendance.restore-plan/1",
        "asset": plan.asset,
        "point": plan.set,
        "kind": plan.kind,
        "base": plan.base,
        "engine": plan.engine,
        "engine_version": plan.engine_version,
        "store": plan.store,
        "destination": plan.destination,
        "target": instant(plan.target),
        "reached": rfc3339(plan.reached),
        "streams": [
            {"name": each.name, "media": each.media, "parts": each.parts, "source_bytes": each.source_bytes}
            for each in plan.streams
        ],
        "stored_bytes": plan.stored_bytes,
        "source_bytes": plan.source_bytes,
        "recipients": list(plan.recipients),
        "predicted_seconds": None if plan.predicted is None else plan.predicted.total_ms / 1000,
        "warnings": list(plan.warnings),
        "passed_over": [
            {"point": each.set, "recovers_to": rfc3339(each.recovers_to), "fault": each.reason}
            for each in plan.passed_over
        ],
    }


def restored_json(restored: Restored) -> dict[str, Any]:
    """`intendance.restored/1`."""
    evidence = restored.evidence
    phases = evidence.phases
    return {
        "schema": "intendance.restored/1",
        "run": restored.run,
        "asset": evidence.set.partition(".")[0],
        "point": evidence.set,
        "store": evidence.store,
        "destination": evidence.destination,
        "target": None if evidence.target == "newest" else evidence.target,
        "reached": evidence.reached,
        "restored_bytes": evidence.restored_bytes,
        "seconds": {
            "fetch": phases.fetch_ms / 1000,
            "decrypt": phases.decrypt_ms / 1000,
            "load": phases.load_ms / 1000,
            "replay": phases.replay_ms / 1000,
            "check": phases.check_ms / 1000,
            "total": phases.total_ms / 1000,
        },
        "checks": [{"name": check.name, "ok": check.ok, "found": check.found} for check in evidence.checks],
        "evidence": None if restored.seq is None else {"node": restored.node, "seq": restored.seq},
    }


def instant(at: datetime | None) -> str | None:
    """RFC 3339, or nothing."""
    return None if at is None else rfc3339(at)
