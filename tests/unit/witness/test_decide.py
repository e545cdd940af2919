"""Whether a witness may cosign: every status of C2SP tlog-witness, and trees of every size against a second opinion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.ledger.note import VerifierKey, read_checkpoint
from intendance.ledger.tlog import EMPTY_ROOT
from intendance.witness.decide import Declined, Submission, judge, read_submission, signers
from tests.support.growing_log import GrowingLog, base64_of, merkle_root

# The example of C2SP tlog-witness.
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa \
opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()


def submitted(body: bytes) -> Submission:
    found = read_submission(body)
    assert isinstance(found, Submission), found
    return found


def status(found: object) -> int:
    return found.status if isinstance(found, Declined) else 200


def test_the_specifications_example_is_read() -> None:
    asked = submitted(EXAMPLE)
    assert (asked.old_size, asked.checkpoint.size, len(asked.proof)) == (20852014, 20852163, 4)
    assert asked.checkpoint.origin == "example.com/behind-the-sofa"
    assert len(asked.note.signatures) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"old 1",
        EXAMPLE.replace(b"old 20852014", b"old 020852014"),
        EXAMPLE.replace(b"old 20852014", b"old -1"),
        EXAMPLE.replace(b"old 20852014", b"old  1"),
        EXAMPLE.replace(b"old 20852014", "old ٣".encode()),
        EXAMPLE.replace(b"old 20852014", b"Old 1"),
        EXAMPLE.replace(b"PlRN", b"PlR"),
        EXAMPLE.replace(b"PlRN", b"Pl N"),
        EXAMPLE.replace(b"pkaw=\n", b"pkax=\n"),
        EXAMPLE.replace(b"pkaw=\n", b"pkaw=\r\n"),
        EXAMPLE.replace(b"\n\nexample", b"\nexample", 1),
        EXAMPLE[:-1],
        EXAMPLE.replace(b"20852163", b"-1"),
        b"old 0\n" + b"AAAA\n" * 3 + EXAMPLE[EXAMPLE.index(b"\n\n") + 1 :],
        b"old 5\n" + (base64_of(bytes(32)).encode() + b"\n") * 64 + EXAMPLE[EXAMPLE.index(b"\n\n") + 1 :],
    ],
)
def test_a_request_of_another_form_is_a_bad_request(body: bytes) -> None:
    assert status(read_submission(body)) == 400


@given(st.binary(max_size=300), st.integers(0, len(EXAMPLE)))
def test_no_bytes_upset_the_reader(noise: bytes, at: int) -> None:
    for body in (noise, EXAMPLE[:at] + noise + EXAMPLE[at:], EXAMPLE[:at] + noise):
        assert status(read_submission(body)) in (200, 400)


def test_who_signed_is_asked_before_anything_else_is() -> None:
    log, other = GrowingLog(), GrowingLog(origin="asbl/other")
    log.grow(3)
    known = VerifierKey.parse(log.vkey)
    asked = submitted(log.request(0))
    assert signers({log.origin: (known,)}, asked) == (known,)
    assert status(signers({}, asked)) == 404
    assert status(signers({log.origin: (VerifierKey.parse(other.vkey),)}, asked)) == 403
    forged = submitted(log.request(0).replace(merkle_line(log), base64_of(bytes(32)).encode()))
    assert status(signers({log.origin: (known,)}, forged)) == 403


def merkle_line(log: GrowingLog) -> bytes:
    return base64_of(merkle_root(log.entries)).encode()


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_only_what_grew_from_the_latest_is_cosigned(latest: int, old: int, new: int) -> None:
    log = GrowingLog()
    log.grow(40)
    asked = submitted(log.request(min(old, new), new))
    asked = Submission(old, asked.proof, asked.checkpoint, asked.note)
    known = None if latest == 0 else read_checkpoint(log.checkpoint(latest).encode())[0]
    expected = 400 if old > new else 409 if old != latest else 200
    found = judge(known, asked)
    assert status(found) == expected
    if expected == 409:
        assert found is not None
        assert found.size == latest


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_no_other_history_is_cosigned(latest: int, new: int, data: st.DataObject) -> None:
    """The log forks before the latest cosigned entry: whatever proof it finds for it, of either tree."""
    honest, forked = GrowingLog(), GrowingLog()
    honest.grow(40)
    forked.grow(40)
    forked.entries[data.draw(st.integers(0, latest - 1))] = b"rewritten"
    known = read_checkpoint(honest.checkpoint(latest).encode())[0]
    new = max(latest, new)
    asked = submitted(forked.request(latest, new))
    proofs = (asked.proof, submitted(honest.request(latest, new)).proof, (), asked.proof[1:], (*asked.proof, bytes(32)))
    expected = 409 if latest == new else 422
    for proof in proofs:
        assert status(judge(known, Submission(latest, proof, asked.checkpoint, asked.note))) == expected


def test_a_proof_where_none_is_needed_is_refused() -> None:
    log = GrowingLog()
    log.grow(5)
    first = submitted(log.request(0))
    again = submitted(log.request(5))
    superfluous = (bytes(32),)
    assert status(judge(None, Submission(0, superfluous, first.checkpoint, first.note))) == 422
    assert status(judge(first.checkpoint, Submission(5, superfluous, again.checkpoint, again.note))) == 422
    assert judge(first.checkpoint, again) is None


def test_an_empty_log_has_the_root_of_nothing() -> None:
    log = GrowingLog()
    asked = submitted(log.request(0))
    assert asked.checkpoint.root == EMPTY_ROOT
    assert judge(None, asked) is None
    log.entries = [b"one"]
    false = log.checkpoint().replace("\n1\n", "\n0\n")
    found, note = read_checkpoint(false.encode())
    assert status(judge(None, Submission(0, (), found, note))) == 422
