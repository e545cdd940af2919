"""The one shape of message that may be stored, and those that may not; made by the real gpg and by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from intendance.model.errors.openpgp import PacketsRefused
from intendance.sets.packets import PacketChecker
from intendance.system import openpgp, process
from tests.support.gnupg import Keys, UnusableKeys
from tests.support.packets import message, new_header, old_header, protected, session_key, session_key_body

A, B, C, STRANGER = "A" * 16, "B" * 16, "C" * 16, "5" * 16
EXPECTED = {A: "owner", B: "drill"}


def check(content: bytes, expected: dict[str, str] | None = None, pieces: int = 1 << 20) -> tuple[str, ...]:
    checker = PacketChecker(EXPECTED if expected is None else expected)
    for at in range(0, len(content), pieces):
        checker.feed(memoryview(content)[at : at + pieces])
    return checker.finish()


def refusal(content: bytes, expected: dict[str, str] | None = None) -> str:
    """What is said, however the bytes arrive."""
    said = set()
    for pieces in (1 << 20, 1, 7):
        with pytest.raises(PacketsRefused) as refused:
            check(content, expected, pieces)
        said.add(refused.value.message)
    assert len(said) == 1
    return said.pop()


@pytest.mark.parametrize("last", [43, 191, 192, 8383, 8384, 70_000])
@pytest.mark.parametrize("chunks", [(), (9,), (13, 13, 13), (16, 9, 0, 1)])
def test_every_form_of_length_is_followed(chunks: Sequence[int], last: int) -> None:
    content = message([A, B], chunks, last)
    for pieces in (1 << 20, 1, 3, 8191):
        if pieces > 1 or len(content) < 20_000:
            assert check(content, pieces=pieces) == ("drill", "owner")


@pytest.mark.parametrize("old", [0, 1, 2, 4])
def test_session_keys_in_both_formats(old: int) -> None:
    content = session_key(A, old=old) + session_key(B, old=old, algorithm=1) + protected((), 100)
    assert check(content) == ("drill", "owner")


def test_a_long_rsa_session_key() -> None:
    assert check(session_key(A, old=2, algorithm=1, size=2060) + session_key(B, old=2, size=524) + protected((), 100))


def test_who_may_open_it_must_be_exactly_the_plan() -> None:
    assert "not encrypted to BBBBBBBBBBBBBBBB" in refusal(message([A]))
    assert "none of the plan's keys" in refusal(message([A, B, STRANGER]))
    assert "none of the plan's keys" in refusal(message([STRANGER, A, B]))
    assert "twice" in refusal(message([A, B, A]))
    assert "hidden" in refusal(message([A, "0" * 16]))
    assert "hidden" in refusal(message(["0" * 16, "0" * 16]))
    assert "not encrypted to" in refusal(protected((), 100))
    assert "not encrypted to anybody" in refusal(protected((), 100), {})


def test_other_packets_are_named() -> None:
    literal = b"b\x00\x00\x00\x00\x00some members"
    header = session_key(A) + session_key(B)
    cases = {
        3: "passphrase", 8: "compressed", 9: "without integrity", 11: "literal", 20: "AEAD", 5: "secret key", 63: "63",
        2: "signature", 6: "public key", 17: "type 17", 0: "type 0",
    }  # fmt: skip
    for tag, said in cases.items():
        assert said in refusal(new_header(tag, len(literal)) + literal)
        assert said in refusal(header + new_header(tag, len(literal)) + literal)
        if 0 < tag < 16:
            assert said in refusal(old_header(tag, len(literal), 1) + literal)


def test_versions_and_algorithms() -> None:
    assert "version 6" in refusal(session_key(A, version=6) + session_key(B) + protected((), 100))
    assert "version 2" in refusal(session_key(A) + session_key(B) + protected((), 100, version=2))
    assert "version 0" in refusal(session_key(A) + session_key(B) + protected((13,), 100, version=0))
    assert "algorithm 25" in refusal(session_key(A, algorithm=25) + session_key(B) + protected((), 100))


def test_lengths_that_are_never_right() -> None:
    body = session_key_body(A)
    assert "without a length" in refusal(bytes([0x80 | 1 << 2 | 3]) + body)
    assert "in chunks" in refusal(bytes([0xC1, 224 + 9]) + body * 20)
    assert "of 12 bytes" in refusal(session_key(A, size=12) + session_key(B) + protected((), 100))
    assert "of 8193 bytes" in refusal(session_key(A, old=2, size=8193) + session_key(B) + protected((), 100))
    assert "of 4294967295 bytes" in refusal(b"\xc1\xff\xff\xff\xff\xff" + body)
    assert "shorter than 512" in refusal(message([A, B], (8,), 100))
    assert "empty" in refusal(session_key(A) + session_key(B) + b"\xd2\x00" + b"\x01")
    assert "too short" in refusal(message([A, B], (), 42))


def test_nothing_may_follow() -> None:
    whole = message([A, B], (9,), 100)
    for more in (b"\x00", b"\xd2", whole, message([A, B])):
        assert "follows" in refusal(whole + more)


def test_every_truncation_is_refused() -> None:
    whole = message([A, B], (9, 1, 0), 300)
    for size in range(len(whole)):
        with pytest.raises(PacketsRefused):
            check(whole[:size])


def test_cleartext_armor_and_zstd_are_no_messages() -> None:
    for content in (
        b"-- MariaDB dump",
        b"-----BEGIN PGP MESSAGE-----\n\nhQ",
        b"\x28\xb5\x2f\xfd\x00" * 9,
        b"\x00" * 99,
    ):
        assert "not an OpenPGP message" in refusal(content)
    assert "it is empty" in refusal(b"")
    assert "marker" in refusal(b"\xa8\x03PGP" + message([A, B]))


def test_an_endless_header_is_refused_early() -> None:
    many = {f"{n:016X}": str(n) for n in range(1, 1000)}
    content = b"".join(session_key(key_id, old=2, size=1000) for key_id in many)
    checker = PacketChecker(many)
    for at in range(0, 65_000, 1000):
        checker.feed(content[at : at + 1000])
    with pytest.raises(PacketsRefused, match="64 KiB"):
        checker.feed(content[65_000:66_000])
    assert "64 KiB" in refusal(content, many)


def test_nothing_is_accepted_before_the_whole_header() -> None:
    content = message([A, B], (9,), 100)
    checker = PacketChecker(EXPECTED)
    first = next(n for n in range(len(content)) if _accepts(checker, content[n : n + 1]))
    assert content[first] == 1  # the version of the data packet
    assert first == 2 * 96 + 2


def _accepts(checker: PacketChecker, chunk: bytes) -> bool:
    checker.feed(chunk)
    return checker.accepted


def test_a_long_chain_of_lengths_is_walked_to_its_end() -> None:
    """What gpg writes for 456 MiB: 58,368 chunks of 8 KiB, in buffers of 1 MiB."""
    body = (bytes([224 + 13]) + bytes(8192)) * 128
    checker = PacketChecker(EXPECTED)
    checker.feed(session_key(A) + session_key(B) + b"\xd2" + bytes([224 + 13]) + b"\x01" + bytes(8191))
    for _ in range(456):
        checker.feed(body)
    checker.feed(b"\x30" + bytes(0x30))
    assert checker.finish() == ("drill", "owner")


@pytest.mark.gnupg
@pytest.mark.parametrize("size", [0, 1, 5000, 3_000_000])
def test_what_gpg_encrypts_for_the_plan_passes(keys: Keys, size: int) -> None:
    with openpgp.RecipientHome(keys.recipients) as home:
        content = process.run(home.encrypt_argv(), input=bytes(size)).stdout
        expected = dict(home.key_ids)
    assert check(content, expected) == tuple(sorted(r.fingerprint for r in keys.recipients))
    assert check(content, expected, 8190) == check(content, expected, 100_000)
    for cut in (1, 40, len(content) // 2):
        with pytest.raises(PacketsRefused):
            check(content[:-cut], expected)
    fewer = dict(list(expected.items())[:2])
    assert "none of the plan's keys" in refusal_once(content, fewer)
    assert "not encrypted to" in refusal_once(content, expected | {STRANGER: "s"})


@pytest.mark.gnupg
def test_what_gpg_gives_otherwise_is_refused(keys: Keys, unusable_keys: UnusableKeys) -> None:
    owner, stranger = keys.owner, unusable_keys.stranger
    (key,) = openpgp.read_keys(owner.armored)
    subkey = key.encryption_subkey()
    assert subkey is not None
    expected = {subkey.key_id: "owner"}
    plain = b"members " * 1000
    good = owner.gpg("--encrypt", "-r", owner.fingerprint, content=plain)
    assert check(good, expected) == ("owner",)
    cases = {
        "not an OpenPGP message": owner.gpg("--armor", "--encrypt", "-r", owner.fingerprint, content=plain),
        "hidden": owner.gpg("--throw-keyids", "--encrypt", "-r", owner.fingerprint, content=plain),
        "passphrase": owner.gpg("--passphrase", "x", "--symmetric", content=plain),
        "none of the plan's keys": stranger.gpg("--encrypt", "-r", stranger.fingerprint, content=plain),
        "compressed|literal|one-pass": owner.gpg("--sign", content=plain),
        "literal|compressed": owner.gpg("--store", content=plain),
    }
    for said, content in cases.items():
        assert any(word in refusal_once(content, expected) for word in said.split("|")), said
    both = owner.gpg("--passphrase", "x", "--symmetric", "--encrypt", "-r", owner.fingerprint, content=plain)
    assert "passphrase" in refusal_once(both, expected)


def refusal_once(content: bytes, expected: dict[str, str]) -> str:
    with pytest.raises(PacketsRefused) as refused:
        check(content, expected)
    return refused.value.message
