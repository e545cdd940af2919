"""ASCII armor of a manifest's signature in the one form that sets hold: any flipped byte of the file shows. Pure.

Armor is lenient by design (RFC 4880, section 6): headers, blanks and the unhashed part of a signature may change and
the signature still verifies. Here the CRC-24 must be there, be right, and the text be the one that these bytes give.
"""

from __future__ import annotations

import base64
import binascii

_HEAD = b"-----BEGIN PGP SIGNATURE-----\n\n"
_FOOT = b"-----END PGP SIGNATURE-----\n"
_WIDTH = 64


def wrap(signature: bytes) -> bytes:
    """The binary signature in armor: lines of 64 characters and the CRC-24 of RFC 4880, section 6.1."""
    text = base64.b64encode(signature)
    lines = b"".join(text[at : at + _WIDTH] + b"\n" for at in range(0, len(text), _WIDTH))
    return _HEAD + lines + b"=" + base64.b64encode(_crc24(signature).to_bytes(3, "big")) + b"\n" + _FOOT


def canonical(armored: bytes) -> bytes:
    """The same signature in the form that `wrap` gives. Raises ValueError when it is not one armored signature."""
    lines = armored.replace(b"\r\n", b"\n").split(b"\n")
    try:
        begin = lines.index(_HEAD.strip())
        start = lines.index(b"", begin) + 1
        body = lines[start : lines.index(_FOOT.strip(), start)]
        return wrap(base64.b64decode(b"".join(line for line in body if not line.startswith(b"=")), validate=True))
    except (ValueError, binascii.Error):
        raise ValueError("not one armored signature") from None


def is_canonical(armored: bytes) -> bool:
    """Whether these are exactly the bytes that `wrap` wrote."""
    try:
        return canonical(armored) == armored
    except ValueError:
        return False


def _crc24(content: bytes) -> int:
    crc = 0xB704CE
    for byte in content:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc
