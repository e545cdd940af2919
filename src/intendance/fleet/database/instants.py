"""Instants as tables hold them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """An instant as tables hold it: microseconds since 1970 in UTC."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """What `to_us` was given."""
    return _EPOCH + us * _MICROSECOND
