"""What people promise, allow and pay for: sites, waivers, windows, budget, duties."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from intendance.plan.schema.declaring import Group, option, optional
from intendance.plan.schema.forms import (
    AssetName,
    ContactName,
    Cron,
    Currency,
    Deadline,
    Instant,
    LedgerKey,
    Line,
    Recurrence,
    Rule,
    Slug,
)

Cadence = Literal["weekly", "monthly", "quarterly", "yearly"]
MONEY_UNIT = "whole units of the currency"
Amount = Annotated[int, Field(ge=0)]


class DrillHost(Group):
    """A machine that may try restores, look into stores and prune them; it is not a node of the fleet."""

    held_by: ContactName = option("The contact whose machine it is.", example="admin")
    ledger_key: LedgerKey = optional(
        "The key of that machine's own ledger, as `intendance ledger checkpoint` prints it there: what it records of"
        " drills, of looks into the stores and of deletions then counts here.",
        example="asbl-exemple/node/laptop/0f2c91d4+83d4cf14+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea",
    )


class Prune(Group):
    """Who deletes backups that no retention keeps any more; without it nobody does."""

    host: Slug = option(
        "The host that prunes: one of `hosts`, which alone may delete in the stores; or, without maint, the node"
        " itself, by its id.",
        example="laptop",
    )
    schedule: Cron = optional(
        "When the node prunes, as a cron line in the organisation's time zone; on a host a person does it by hand.",
        example="40 6 * * *",
        unit="minute, hour, day of the month, month, day of the week",
    )


class Site(Group):
    """Assets that make one thing together; they are restored together. One may be part of several."""

    assets: Annotated[list[AssetName], Field(min_length=2)] = option(
        "Its assets, two at least.", example=["crud-db", "site-files"]
    )


class Waiver(Group):
    """A rule that is known to be broken, for a reason, until a day; it is checked all the same."""

    rule: Rule = option("The rule.", example="MAINT_004")
    asset: AssetName = optional("The asset it is waived for; left out, all of them.", example="crud-db")
    reason: Line = option("Why it cannot hold yet.", example="no Grafana yet")
    ticket: Line = option("Where the work on it is followed.", example="OPS-12")
    granted_by: ContactName = option("The contact who allows it.", example="lead")
    expires: Instant = option(
        "Until when: 90 days away at most.",
        example="2027-01-31T00:00:00+01:00",
        unit="date and time with its distance from UTC",
    )


class Window(Group):
    """A time that comes back, in which people expect maintenance."""

    name: Slug = option("A name for it.", example="week-end")
    rrule: Recurrence = option(
        "When it begins, in the organisation's time zone.",
        example="FREQ=WEEKLY;BYDAY=SA;BYHOUR=22;BYMINUTE=0",
        unit="recurrence of RFC 5545",
    )
    lasts: Deadline = option("How long it lasts.", example="2h", unit="a length of time (min, h, d)")


class Budget(Group):
    """What a year of maintenance may cost."""

    currency: Currency = option("The currency.", example="EUR", unit="three letters of ISO 4217")
    year: Annotated[int, Field(ge=2000, le=2100)] = option("The year.", example=2026)
    staff: Amount = optional("People.", example=45000, unit=MONEY_UNIT)
    software: Amount = optional("Licences and services.", example=1200, unit=MONEY_UNIT)
    infrastructure: Amount = optional("Machines and lines.", example=3600, unit=MONEY_UNIT)
    training: Amount = optional("Learning.", example=1500, unit=MONEY_UNIT)


class Duties(Group):
    """What people do themselves, and how often."""

    access_review: Cadence = optional("Look through who may do what.", example="yearly")
    training: Cadence = optional("Learn what the work demands.", example="yearly")
    security_audit: Cadence = optional("Have the security examined.", example="quarterly")
