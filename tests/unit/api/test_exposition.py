"""Figures as text: what Prometheus' own parsers read of it is what was written, in both formats."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from intendance.api.exposition import Family, write

texts = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), max_size=20)
values = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
samples = st.lists(st.tuples(texts, values), max_size=5, unique_by=lambda each: each[0])


@given(texts, samples)
def test_what_is_written_is_read(told: str, given_samples: list[tuple[str, float]]) -> None:
    family = Family(
        name="intendance_thing_seconds",
        kind="gauge",
        told=told,
        samples=tuple(((("a", text), ("b", "x")), value) for text, value in given_samples),
    )
    wanted = [(text, float(value)) for text, value in given_samples]
    readers: tuple[tuple[Any, bool], ...] = ((read_text, False), (read_openmetrics, True))
    for read, openmetrics in readers:
        (found,) = read(write([family], openmetrics=openmetrics).decode())
        assert [(each.labels["a"], each.value) for each in found.samples] == wanted
        assert found.type == "gauge"


def test_counters_and_infos_are_called_what_each_format_calls_them() -> None:
    counter = Family(name="beats", kind="counter", told="Beats.", samples=(((), 3),))
    info = Family(name="build", kind="info", told="Version.", samples=(((("version", "1"),), 1),))
    assert write([counter, info], openmetrics=False).decode() == (
        "# HELP beats_total Beats.\n# TYPE beats_total counter\nbeats_total 3\n"
        '# HELP build_info Version.\n# TYPE build_info gauge\nbuild_info{version="1"} 1\n'
    )
    readers: Any = read_openmetrics
    found = list(readers(write([counter, info], openmetrics=True).decode()))
    assert [(each.name, each.type) for each in found] == [("beats", "counter"), ("build", "info")]
    assert [each.samples[0].name for each in found] == ["beats_total", "build_info"]
