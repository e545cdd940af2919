"""The armor of signatures: one form, and every flipped byte shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.sets import armor


@given(st.binary(min_size=1, max_size=300))
def test_wrapped_bytes_are_canonical(signature: bytes) -> None:
    wrapped = armor.wrap(signature)
    assert armor.is_canonical(wrapped)
    assert armor.canonical(wrapped) == wrapped


def test_crc_is_that_of_the_standard() -> None:
    # RFC 9580, section 6.1: the CRC-24 of no bytes is its initial value; "123456789" gives 21cf02 (CRC-24/OPENPGP).
    assert armor._crc24(b"") == 0xB704CE
    assert armor._crc24(b"123456789") == 0x21CF02


@given(st.binary(min_size=1, max_size=120), st.data())
def test_a_flipped_bit_is_seen(signature: bytes, data: st.DataObject) -> None:
    wrapped = bytearray(armor.wrap(signature))
    at = data.draw(st.integers(0, len(wrapped) - 1))
    wrapped[at] ^= 1 << data.draw(st.integers(0, 7))
    assert not armor.is_canonical(bytes(wrapped))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-----BEGIN PGP SIGNATURE-----\n\n",
        b"-----BEGIN PGP SIGNATURE-----\n\n!!!!\n-----END PGP SIGNATURE-----\n",
        b"-----BEGIN PGP MESSAGE-----\n\naGVq\n-----END PGP MESSAGE-----\n",
        b"-----END PGP SIGNATURE-----\n-----BEGIN PGP SIGNATURE-----\n",
    ],
)
def test_what_is_no_signature_is_refused(text: bytes) -> None:
    assert not armor.is_canonical(text)
    with pytest.raises(ValueError, match="not one armored signature"):
        armor.canonical(text)


def test_headers_and_line_ends_of_other_programs_are_taken_away() -> None:
    plain = armor.wrap(b"abc")
    other = plain.replace(b"-----\n\n", b"-----\r\nVersion: GnuPG v2\r\n\r\n", 1)
    assert armor.canonical(other) == plain
    assert not armor.is_canonical(other)
