"""A bucket at the end of a line that fails, method by method: what is put arrives once and whole, what is read is what
was put, and what a cut answer lacks is never taken for what is not there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from intendance.model.errors import IntendanceError
from intendance.model.errors.store import StoreUnreachable
from intendance.stores import Use
from intendance.stores.s3.calls import Bucket, Patience
from intendance.stores.s3.store import S3Store
from tests.support.faulty_line import FaultyLine, line_to
from tests.support.radosgw import Shelf

QUICK = Patience(silence_seconds=1, answer_seconds=2, slowest_bytes_per_second=1 << 20, attempts=10, pause_seconds=0.01)
CONTENT = os.urandom(700_000)


@pytest.fixture
def line(shelf: Shelf) -> Iterator[FaultyLine]:
    address = urlsplit(shelf.gateway.endpoint)
    assert address.hostname is not None
    assert address.port is not None
    with line_to(address.hostname, address.port) as made:
        yield made


def through(line: FaultyLine, shelf: Shelf, **patience: Any) -> S3Store:
    """A store that has not spoken yet."""
    declared = shelf.store_of(shelf.appender, endpoint=f"http://127.0.0.1:{line.port}")
    return S3Store(Bucket(declared, patience=replace(QUICK, **patience)), Use())


PASSING: dict[str, Callable[[FaultyLine], Any]] = {
    "cut in mid-part": lambda line: line.cut(after_bytes=150_000, times=2),
    "cut after the last byte": lambda line: line.cut("down", after_bytes=500, times=1),
    "stall in mid-part": lambda line: line.stall(after_bytes=150_000, times=1),
    "stall before an answer": lambda line: line.stall("down", after_bytes=500, times=1),
    "drip in mid-part": lambda line: line.drip(after_bytes=150_000, times=1),
    "drip in an answer": lambda line: line.drip("down", after_bytes=500, times=1),
    "byte changed": lambda line: line.flip(after_bytes=150_000, times=1),
    "500": lambda line: line.answer("PUT ", 500, "InternalError", times=2),
    "503": lambda line: line.answer("PUT ", 503, "SlowDown", times=2),
    "503 to a look": lambda line: line.answer("HEAD ", 503, "SlowDown", times=2),
    "the store's own time-out": lambda line: line.answer("PUT ", 400, "RequestTimeout", times=2),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_is_put_arrives_once_and_whole(line: FaultyLine, shelf: Shelf, fault: str) -> None:
    store = through(line, shelf)
    harm = PASSING[fault](line)
    stored = store.put("f/a", [CONTENT])
    assert harm.seen == harm.times
    assert (stored.size_bytes, stored.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert shelf.s3.get_object(Bucket=shelf.bucket, Key="f/a")["Body"].read() == CONTENT
    assert not shelf.s3.list_multipart_uploads(Bucket=shelf.bucket).get("Uploads")


READING: dict[str, Callable[[FaultyLine], Any]] = {
    "cut": lambda line: line.cut("down", after_bytes=300_000, times=2),
    "stall": lambda line: line.stall("down", after_bytes=300_000, times=1),
    "drip": lambda line: line.drip("down", after_bytes=300_000, times=1),
    "500": lambda line: line.answer("GET ", 500, "InternalError", times=2),
}


@pytest.mark.parametrize("fault", READING)
def test_what_is_read_goes_on_where_it_stopped(line: FaultyLine, shelf: Shelf, fault: str) -> None:
    through(line, shelf).put("f/a", [CONTENT])
    harm = READING[fault](line)
    with through(line, shelf).open("f/a") as source:
        assert source.read() == CONTENT
    assert harm.seen == harm.times


def test_an_answer_that_is_cut_within_its_head_is_not_believed(line: FaultyLine, shelf: Shelf) -> None:
    """Python's HTTP client takes one for a whole answer that says less: an empty listing, an object without a hash."""
    put = through(line, shelf).put("f/a", [b"x"])
    for after_bytes in range(15, 600, 45):
        harm = line.cut("down", after_bytes=after_bytes, times=1)
        assert [each.key for each in through(line, shelf).list("f")] == ["f/a"], after_bytes
        line.cut("down", after_bytes=after_bytes, times=1)
        assert through(line, shelf).head("f/a") == put, after_bytes
        line.cut("down", after_bytes=after_bytes, times=1)
        with through(line, shelf).open("f/a") as source:
            assert source.read() == b"x", after_bytes
        line.cut("down", after_bytes=after_bytes, times=1)
        assert through(line, shelf).put(f"g/{after_bytes}", [b"y"]).sha256 == hashlib.sha256(b"y").hexdigest()
        assert harm.seen == 1


LASTING: dict[str, tuple[Callable[[FaultyLine], Any], str]] = {
    "cut": (lambda line: line.cut("down"), "connection"),
    "stall": (lambda line: line.stall("down"), "timeout|timed out|no whole answer"),
    "drip": (lambda line: line.drip("down"), "no whole answer|timed out|timeout"),
    "503": (lambda line: line.answer("GET ", 503, "SlowDown"), "SlowDown"),
}
WAITED_FOR = {"stall", "drip"}
"""What is seen by the time that it takes; what answers at once may be long in coming on a busy machine."""


@pytest.mark.parametrize("fault", LASTING)
def test_what_cannot_be_read_is_unreachable_and_never_empty(line: FaultyLine, shelf: Shelf, fault: str) -> None:
    through(line, shelf).put("f/a", [b"x"])
    harm, words = LASTING[fault]
    harm(line)
    brief = {"silence_seconds": 0.5, "answer_seconds": 0.7} if fault in WAITED_FOR else {}
    store = through(line, shelf, **{"attempts": 2, "silence_seconds": 30, "answer_seconds": 60} | brief)
    for ask in (lambda: list(store.list("f")), lambda: store.open("f/a").__enter__()):
        with pytest.raises(IntendanceError, match=f"(?i){words}") as raised:
            ask()
        assert isinstance(raised.value, StoreUnreachable)
        assert "\n" not in raised.value.message
