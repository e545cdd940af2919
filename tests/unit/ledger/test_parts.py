"""Part of a ledger for an auditor: exactly the records asked for, tied to the signed head, and both verifiers agree."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intendance.agent.ledger_view import export_bundle, take_head, verify_bundle
from intendance.ledger.bundle import open_files
from intendance.ledger.part import RECORDS, PartSource, spans, tiles_of
from intendance.ledger.tlog import unbundle
from intendance.model.errors.ledger import RangeEmpty
from tests.support import bundles
from tests.support.bundles import Bundle
from tests.support.ledger_material import Ticking, begin, ended, fill

SIZE = 900


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """900 records; checkpoints of 300 and 512 were kept; record 600 has an attachment."""
    place = tmp_path_factory.mktemp("parts") / "state"
    with begin(place) as book:
        fill(book, 299)
        take_head(place, Ticking(), place / "300")
        fill(book, 212)
        take_head(place, Ticking(), place / "512")
        fill(book, 88)
        attached = book.attach(b"a document", "text/plain")
        book.append(ended("with it"), actor="person:anne", attachments=[attached])
        fill(book, SIZE - book.size())
    return place


def part(state: Path, place: Path, first: int | None, last: int | None) -> Bundle:
    export_bundle(state, Ticking(), place, first=first, last=last)
    return bundles.load(place)


@pytest.fixture(scope="module")
def middle(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return part(state, tmp_path_factory.mktemp("part") / "b", 500, 610)


def records_of(bundle: Bundle) -> list[int]:
    return sorted(
        json.loads(record)["seq"]
        for name, content in bundle.items()
        if name.startswith(RECORDS)
        for record in unbundle(content)
    )


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (0, 0), (0, 255), (0, None), (1, 1), (255, 256), (256, 511), (300, 899), (500, 610), (899, 899), (None, 3),
        (768, None),
    ],
)  # fmt: skip
def test_it_holds_the_records_asked_for_and_record_0_and_both_are_content(
    state: Path, tmp_path: Path, first: int | None, last: int | None
) -> None:
    held = part(state, tmp_path / "b", first, last)
    begins, ends = first or 0, SIZE - 1 if last is None else last
    begins = 0 if begins == 1 else begins  # record 0 is there anyway
    assert records_of(held) == sorted({0, *range(begins, ends + 1)})
    code, said = bundles.alone(tmp_path / "b")
    report = verify_bundle(tmp_path / "b")
    assert (code, report.exit_code) == (0, 0), (said, report.findings)
    assert (report.first, report.last, report.whole) == (begins, ends, False)
    assert f"records {begins} to {ends}:" in said
    assert not any(name.startswith("ledger/tile/entries") for name in held)


def test_a_tar_is_the_same(state: Path, tmp_path: Path) -> None:
    export_bundle(state, Ticking(), tmp_path / "p.tar", first=500, last=610)
    assert (bundles.alone(tmp_path / "p.tar")[0], bundles.ours(tmp_path / "p.tar")) == (0, 0)


def test_attachments_of_the_part_only(state: Path, tmp_path: Path, middle: Bundle) -> None:
    assert len([name for name in middle if name.startswith("attachments/")]) == 1
    assert not [name for name in part(state, tmp_path / "b", 10, 20) if name.startswith("attachments/")]


@pytest.mark.parametrize(("first", "last"), [(3, 2), (SIZE, None), (0, SIZE), (None, 10_000)])
def test_records_that_are_not_there_are_refused(
    state: Path, tmp_path: Path, first: int | None, last: int | None
) -> None:
    with pytest.raises(RangeEmpty):
        export_bundle(state, Ticking(), tmp_path / "b", first=first, last=last)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("pin", "first", "last", "code"),
    [
        ("300", 300, 899, 0), ("300", 299, 310, 0), ("300", 200, 300, 0), ("300", 100, 299, 0), ("512", 512, 600, 0),
        ("512", 500, 520, 0), ("512", 400, 511, 0), ("300", 600, 700, 5), ("512", 0, 10, 0), ("300", 0, 10, 5),
    ],
)  # fmt: skip
def test_a_part_that_goes_on_where_an_older_checkpoint_ended_shows_that_it_does(
    state: Path, tmp_path: Path, pin: str, first: int, last: int, code: int
) -> None:
    part(state, tmp_path / "b", first, last)
    alone, said = bundles.alone(tmp_path / "b", "--pin", str(state / pin))
    assert (alone, bundles.ours(tmp_path / "b", state / pin)) == (code, code), said


def test_a_pin_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with begin(tmp_path / "s") as book:
        fill(book, 400)
    take_head(tmp_path / "s", Ticking(), tmp_path / "other")
    part(tmp_path / "s", tmp_path / "b", 390, 400)
    content = (tmp_path / "other").read_bytes()
    assert (
        bundles.alone(tmp_path / "b", "--pin", str(tmp_path / "other"))[0]
        == bundles.ours(tmp_path / "b", tmp_path / "other")
        == 0
    )
    (tmp_path / "flipped").write_bytes(content.replace(b"\n401\n", b"\n400\n"))
    assert bundles.alone(tmp_path / "b", "--pin", str(tmp_path / "flipped"))[0] == 2


def test_every_tile_is_needed_and_none_is_spare(state: Path, tmp_path: Path, middle: Bundle) -> None:
    tiles = {f"ledger/{tile.path}" for tile in tiles_of(SIZE, 500, 610)}
    assert {name for name in middle if name.startswith("ledger/tile/")} == tiles
    assert sorted(name for name in middle if name.startswith(RECORDS)) == sorted(
        f"{RECORDS}{start}" for start, _ in spans(500, 610)
    )
    for number, name in enumerate(sorted(tiles)):
        place = bundles.store(bundles.summed({k: v for k, v in middle.items() if k != name}), tmp_path / str(number))
        assert bundles.alone(place)[0] == bundles.ours(place) == 3, name


def flips(content: bytes, at: int, by: int) -> bytes:
    changed = bytearray(content)
    changed[at % len(changed)] ^= by
    return bytes(changed)


BOUND = ("ledger/", "attachments/", "ledger.vkey")


@settings(
    max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_whatever_is_done_to_a_part_both_say_the_same_and_not_verified(middle: Bundle, data: st.DataObject) -> None:
    names = sorted(name for name in middle if name.startswith(BOUND))
    name, at = data.draw(st.sampled_from(names)), data.draw(st.integers(0, 2**20))
    what = data.draw(st.sampled_from(["flip", "drop", "cut", "extend", "rename", "swap"]))
    changed = dict(middle)
    if what == "flip":
        changed[name] = flips(middle[name], at, data.draw(st.integers(1, 255)))
    elif what == "cut":
        changed[name] = middle[name][: at % len(middle[name])]
    elif what == "extend":
        changed[name] += middle[name][: 1 + at % len(middle[name])]
    elif what == "swap":
        other = data.draw(st.sampled_from(names))
        changed[name], changed[other] = middle[other], middle[name]
    else:
        del changed[name]
        if what == "rename":
            to = data.draw(
                st.sampled_from([f"{RECORDS}{at % 1000}", f"{RECORDS}x", "ledger/tile/0/009", "ledger/tile/7/000"])
            )
            changed[to] = middle[name]
    harmless = {name for name in middle if name == "ledger.vkey"} if what in ("drop", "rename") else set()
    if changed == middle or name in harmless or _blanks_alone(middle, changed):
        return
    folder = Path(tempfile.mkdtemp(prefix="intendance-", dir="/tmp"))
    try:
        place = bundles.store(bundles.summed(changed), folder / "b")
        code, said = bundles.alone(place)
        assert code == bundles.ours(place), (
            what,
            name,
            said,
            verify_bundle(place).findings,
        )
        if code == 0:  # its end was cut off at a whole file: a smaller part, and it says so
            assert what == "drop"
            assert name in (f"{RECORDS}500", f"{RECORDS}512")
            assert "records 500 to 610:" not in said
    finally:
        shutil.rmtree(folder)


def _blanks_alone(before: Bundle, after: Bundle) -> bool:
    """Whether nothing but blanks around the key that is given along differs: it is the same key."""
    one, other = ({**each, "ledger.vkey": each.get("ledger.vkey", b"").decode(errors="replace").strip().encode()}
                  for each in (before, after))  # fmt: skip
    return one == other


def test_records_of_another_ledger_are_not_verified(state: Path, tmp_path: Path, middle: Bundle) -> None:
    with begin(tmp_path / "s") as book:
        fill(book, SIZE - 1)
    other = part(tmp_path / "s", tmp_path / "o", 500, 610)
    for name in [name for name in middle if name.startswith(RECORDS)]:
        place = bundles.store(bundles.summed(middle | {name: other[name]}), tmp_path / name.replace("/", "-"))
        assert bundles.alone(place)[0] == bundles.ours(place) == 1, name


def test_hostile_numbers_are_answered(middle: Bundle, tmp_path: Path) -> None:
    for number, name in enumerate(("9" * 18, "9" * 19, "9" * 40, "007", "-1", "²", "x")):
        place = bundles.store(bundles.summed(middle | {RECORDS + name: b"\x00\x01{"}), tmp_path / str(number))
        code, said = bundles.alone(place)
        assert code == bundles.ours(place), said
        assert code in {1, 3}, said  # not a number of a record, or of one that is not signed
    huge = middle["ledger/checkpoint"].replace(b"\n900\n", b"\n999999999999999999\n")
    place = bundles.store(bundles.summed(middle | {"ledger/checkpoint": huge}), tmp_path / "huge")
    assert bundles.alone(place)[0] == bundles.ours(place) == 1
    none = middle["ledger/checkpoint"].replace(b"\n900\n", b"\n0\n")
    place = bundles.store(bundles.summed(middle | {"ledger/checkpoint": none}), tmp_path / "none")
    assert bundles.alone(place)[0] == bundles.ours(place) == 1


def test_a_range_within_a_part(state: Path, tmp_path: Path) -> None:
    part(state, tmp_path / "b", 500, 610)
    assert verify_bundle(tmp_path / "b", first=510, last=520).exit_code == 0
    assert verify_bundle(tmp_path / "b", first=490, last=520).exit_code == 3
    with open_files(tmp_path / "b") as files:
        source = PartSource(files)
        assert (source.first, source.last, source.size()) == (500, 610, SIZE)
