"""What a restore will bring back, and how long it may take."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from intendance.activities.restore.decide import Wish, choose_streams, plan, predict, select
from intendance.model.errors.sets import NoPointReachable, PointFaulty, PointUnknown, StreamUnknown
from intendance.model.evidence.restore import Phases, RestoreCompleted
from intendance.sets.manifest import Stream
from intendance.sets.points import points
from tests.support.sets import START, manifest, parts, seen

WISH = Wish(asset="site", into="/srv/beside")


def restored(total_ms: int, restored_bytes: int = 1000) -> RestoreCompleted:
    phases = Phases(fetch_ms=1, decrypt_ms=2, load_ms=total_ms // 2, replay_ms=0, check_ms=3, total_ms=total_ms)
    return RestoreCompleted(
        set="x", kind="full", engine="files", store="local", destination="/d", target="", reached="",
        restored_bytes=restored_bytes, phases=phases, checks=(),
    )  # fmt: skip


def test_the_plan_says_what_comes_back() -> None:
    candidates = points([seen(0), seen(1, warnings=("a file changed while it was read",))])
    chosen = select(WISH, candidates, {})
    made = plan(WISH, chosen, seen(1, warnings=("a file changed while it was read",)).manifest, candidates, ())
    assert (made.set, made.store, made.destination) == (seen(1).manifest.set, "local", "/srv/beside")
    assert [(stream.name, stream.parts) for stream in made.streams] == [("tree", 1)]
    assert (made.stored_bytes, made.source_bytes, made.predicted) == (5000, 10240, None)
    assert made.reached == START + timedelta(days=1)
    assert made.warnings == ("a file changed while it was read",)


def test_nearer_points_that_are_faulty_are_named() -> None:
    candidates = points([seen(0), seen(1, fault="tree-00000.zst.gpg missing"), seen(2)])
    wish = replace(WISH, target=START + timedelta(days=1, hours=5))
    chosen = select(wish, candidates, {})
    assert chosen.set == seen(0).manifest.set
    assert plan(wish, chosen, seen(0).manifest, candidates, ()).warnings == (
        "site.backup-full.20261102T020000Z.1 (2026-11-02T02:00:00Z) is nearer and not used: tree-00000.zst.gpg missing",
    )


def test_a_point_that_somebody_names_though_it_was_found_faulty_comes_with_a_warning() -> None:
    candidates = points([replace(seen(0), doubt="it is empty"), seen(1)])
    wish = replace(WISH, point=seen(0).manifest.set)
    made = plan(wish, select(wish, candidates, {}), seen(0).manifest, candidates, ())
    assert made.warnings == ("the latest inspection found it faulty: it is empty",)
    assert made.passed_over == ()


def test_what_is_passed_over_is_told_for_machines_too() -> None:
    candidates = points([seen(0), replace(seen(1), doubt="it is empty")])
    made = plan(WISH, select(WISH, candidates, {}), seen(0).manifest, candidates, ())
    assert [(each.set, each.reason) for each in made.passed_over] == [(seen(1).manifest.set, "it is empty")]
    assert made.warnings[0].endswith("is nearer and not used: it is empty")


def test_wishes_that_cannot_be_met() -> None:
    candidates = points([seen(0, fault="forged")])
    with pytest.raises(NoPointReachable):
        select(WISH, candidates, {})
    with pytest.raises(PointFaulty, match="forged"):
        select(replace(WISH, point=seen(0).manifest.set), candidates, {})
    with pytest.raises(PointFaulty, match="no signature"):
        select(replace(WISH, point="broken"), candidates, {"broken": "It bears no signature."})
    with pytest.raises(PointUnknown):
        select(replace(WISH, point="other"), candidates, {"broken": "x"})


def test_streams_by_name() -> None:
    streams = tuple(
        Stream(name=name, media="sql", source_bytes=9, argv=(), parts=parts(name, 700)) for name in ("db-a", "db-b")
    )
    held = manifest(streams=streams)
    assert [stream.name for stream in choose_streams(held, ())] == ["db-a", "db-b"]
    assert [stream.name for stream in choose_streams(held, ("db-b",))] == ["db-b"]
    with pytest.raises(StreamUnknown, match="it has db-a, db-b"):
        choose_streams(held, ("db-c",))


def test_time_is_predicted_from_the_median_rate() -> None:
    history = [restored(2000), restored(1000), restored(60_000), restored(5, restored_bytes=0)]
    predicted = predict(10_000, history)
    assert predicted is not None
    assert (predicted.total_ms, predicted.load_ms, predicted.decrypt_ms) == (20_000, 10_000, 20)
    assert predict(10_000, [restored(5, restored_bytes=0)]) is None
