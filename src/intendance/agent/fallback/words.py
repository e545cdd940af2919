"""What a node writes itself, in French and English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from intendance.language import dates
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong: a broken rule (`title` says which), a backup that failed, a manager that hears nothing."""

    kind: Literal["manager", "rule", "backup"]
    rule: str = ""
    asset: str = ""
    title: str = ""
    since: datetime | None = None

    @property
    def cause(self) -> str:
        """Its name in the record."""
        return "/".join(part for part in (self.rule or self.kind, self.asset) if part)


def subject(_: Translator, node: str, troubles: Sequence[Trouble], zone: str) -> str:
    """A mail's subject: the first trouble, and how many more there are."""
    first = sentence(_, troubles[0], zone)
    more = len(troubles) - 1
    if more:
        first = _.plural("{first}, and {n} more", "{first}, and {n} more", more).format(first=first, n=more)
    return _("[Intendance] CRITICAL, from {node} itself: {what}").format(node=node, what=first)


def body(_: Translator, node: str, troubles: Sequence[Trouble], zone: str) -> str:
    """A mail's text."""
    lines = [f"- {sentence(_, each, zone)}" for each in troubles]
    if troubles[0].kind == "manager":
        why = _("The node {node} writes this itself: its manager hears it at none of its addresses and tells nobody.")
    else:
        why = _("The node {node} writes this itself: no manager hears it.")
    after = _("It writes again in six hours at the earliest, if it must. On it, type: intendance status")
    return "\n".join([*lines, "", why.format(node=node), after, ""])


def sentence(_: Translator, trouble: Trouble, zone: str) -> str:
    """One trouble in one sentence."""
    since = "" if trouble.since is None else dates.moment(trouble.since, zone, _.language)
    if trouble.kind == "manager":
        return _("no manager has heard it since {since}").format(since=since)
    if trouble.kind == "backup":
        return _("the backup of {asset} failed on {since}").format(asset=trouble.asset, since=since)
    if trouble.asset:
        told = _("{rule} is broken on {asset}: {title}")
        return told.format(rule=trouble.rule, asset=trouble.asset, title=trouble.title)
    return _("{rule} is broken: {title}").format(rule=trouble.rule, title=trouble.title)
