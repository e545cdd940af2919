"""Whatever bytes arrive, in whatever pieces, only one shape passes, and the pieces make no difference."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from intendance.model.errors.openpgp import PacketsRefused
from intendance.sets.packets import PacketChecker
from tests.support.packets import message

A, B = "A" * 16, "B" * 16
EXPECTED = {A: "owner", B: "drill"}
MESSAGES = st.builds(
    message,
    st.permutations([A, B]),
    st.lists(st.integers(9, 11), max_size=1).flatmap(
        lambda first: st.lists(st.integers(0, 10), max_size=4 if first else 0).map(lambda more: first + more)
    ),
    st.integers(43, 9000),
)


def outcome(content: bytes, cuts: list[int]) -> str:
    checker = PacketChecker(EXPECTED)
    try:
        at = 0
        for cut in [*sorted(cuts), len(content)]:
            checker.feed(content[at:cut])
            at = max(at, cut)
        return " ".join(checker.finish())
    except PacketsRefused as refused:
        return refused.message


def cuts_of(content: bytes) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, len(content)), max_size=20)


@given(st.data(), MESSAGES)
def test_a_message_passes_however_it_is_cut(data: st.DataObject, content: bytes) -> None:
    assert outcome(content, data.draw(cuts_of(content))) == "drill owner"


@given(st.data(), MESSAGES)
def test_a_truncated_or_lengthened_one_never_does(data: st.DataObject, content: bytes) -> None:
    size = data.draw(st.integers(0, len(content) - 1))
    more = data.draw(st.binary(min_size=1, max_size=50))
    assert outcome(content[:size], data.draw(cuts_of(content))) != "drill owner"
    assert outcome(content + more, data.draw(cuts_of(content))) != "drill owner"


@given(st.data(), MESSAGES, st.integers(0, 2**32), st.integers(1, 255))
def test_a_changed_byte_of_the_header_never_widens_it(data: st.DataObject, content: bytes, where: int, by: int) -> None:
    """One flipped byte: refused, or still to exactly the same keys (the session keys' own bytes are not ours to
    judge)."""
    changed = bytearray(content)
    changed[where % len(content)] ^= by
    whole = outcome(bytes(changed), [])
    assert whole == outcome(bytes(changed), data.draw(cuts_of(content)))
    header = 2 * 96
    key_ids = {n for start in (0, 96) for n in range(start, start + 12)}
    at = where % len(content)
    rewritten = at in (0, 96) and changed[at] == 0xC1  # the same packet with the same length, in the newer format
    if at in key_ids and at not in (11, 107) and not rewritten:  # header octets, version, key id
        assert whole != "drill owner"
    in_chunks = 224 <= content[header + 1] < 255  # of another first length the rest may be as whole a chain as before
    if at == header or (at == header + 1 and not in_chunks):
        assert whole != "drill owner" or not by & 0x3F


@given(st.binary(max_size=3000))
def test_noise_never_passes_nor_breaks(content: bytes) -> None:
    checker = PacketChecker(EXPECTED)
    with suppress(PacketsRefused):
        checker.feed(content)
        assert checker.accepted is False
