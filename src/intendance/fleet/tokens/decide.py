"""What a token may ask, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from intendance.fleet.accounts.decide import Right
from intendance.model.frozen import dataclass


class Scope(StrEnum):
    """What a token is for: `read` all that pages show, `metrics` what Prometheus asks, `ack` to take alerts in
    hand and to silence them."""

    READ = "read"
    METRICS = "metrics"
    ACK = "ack"


OF_RIGHTS = {Right.READ: Scope.READ}
"""What the session of somebody who is logged in stands for: people act from pages, whose forms no
other page can send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What counts of a token when somebody comes with it; times in microseconds since 1970."""

    scopes: frozenset[Scope]
    expires_us: int | None
    revoked_us: int | None


def scopes_of(words: str) -> frozenset[Scope]:
    """The scopes of a row; what a later version added is none of ours."""
    return frozenset(Scope(word) for word in words.split() if word in set(Scope))


def written(scopes: Iterable[Scope]) -> str:
    """Scopes as a row and people have them."""
    chosen = set(scopes)
    return " ".join(each.value for each in Scope if each in chosen)


def usable(kept: Kept, now_us: int) -> bool:
    """Whether a token still opens anything."""
    return kept.revoked_us is None and (kept.expires_us is None or now_us < kept.expires_us)


def touch(used_us: int | None, now_us: int, every_us: int) -> bool:
    """Whether a use is worth writing down."""
    return used_us is None or now_us >= used_us + every_us
