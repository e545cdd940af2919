"""Judging in tests: one rule, one asset, one life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from intendance.catalogue.evaluate import evaluate
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rulebook
from intendance.model.verdict import Fact, Verdict
from tests.support.evidence import Log


@cache
def rulebook() -> Rulebook:
    """The product's own rules."""
    return load()


def verdict_of(rule: str, log: Log, now: datetime, asset: str | None = "shop-db") -> Verdict:
    """What a rule says of an asset."""
    return verdict_from(rule, log.facts, now, asset, log.node)


def verdict_from(
    rule: str, facts: Sequence[Fact[Any]], now: datetime, asset: str | None = "shop-db", node: str = "web-01"
) -> Verdict:
    """What a rule says of an asset, or of the node where that is its subject, from facts in any order."""
    asset = None if rulebook().rules[rule].applies_to == ("node",) else asset
    (found,) = (each for each in evaluate(rulebook(), facts, now, node) if each.rule == rule and each.asset == asset)
    return found
