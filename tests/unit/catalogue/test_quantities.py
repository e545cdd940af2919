"""Every quantity that a rule bounds has a name in both languages, and no name is of a quantity that none bounds."""

from __future__ import annotations

from intendance.catalogue import quantities
from intendance.catalogue.load import load
from tests.support.typography import french_faults

BOUNDED = {bound.quantity for rule in load().rules.values() for bound in rule.bounds}
_WIDEST = 52
"""Columns of a name beside which a bound has room in 80."""


def test_every_quantity_is_named_and_nothing_else() -> None:
    assert set(quantities._NAMES) == BOUNDED


def test_names_are_told_apart_short_and_well_set() -> None:
    for language in (0, 1):
        names = [pair[language] for pair in quantities._NAMES.values()]
        assert len(set(names)) == len(names)
        assert [name for name in names if len(name) > _WIDEST or "_" in name or name != name.strip()] == []
    assert [fault for _, french in quantities._NAMES.values() for fault in french_faults(french)] == []


def test_an_unknown_quantity_keeps_its_code() -> None:
    assert quantities.name("stores.count_min", "fr") == "stores.count_min"
    assert quantities.name("rto.max", "fr") == "durée de reprise (RTO)"
