"""Building OpenPGP messages packet by packet: the shapes that the checker must tell apart."""

from __future__ import annotations

from collections.abc import Sequence


def new_header(tag: int, size: int) -> bytes:
    """A new-format header with the shortest definite length (RFC 4880 §4.2.2)."""
    if size < 192:
        return bytes([0xC0 | tag, size])
    if size < 8384:
        return bytes([0xC0 | tag, 192 + ((size - 192) >> 8), (size - 192) & 0xFF])
    return bytes([0xC0 | tag, 255]) + size.to_bytes(4, "big")


def old_header(tag: int, size: int, octets: int) -> bytes:
    """An old-format header with a length of 1, 2 or 4 octets (§4.2.1)."""
    return bytes([0x80 | tag << 2 | {1: 0, 2: 1, 4: 2}[octets]]) + size.to_bytes(octets, "big")


def session_key_body(key_id: str, *, version: int = 3, algorithm: int = 18, size: int = 94) -> bytes:
    return bytes([version]) + bytes.fromhex(key_id) + bytes([algorithm]) + b"\x5a" * (size - 10)


def session_key(key_id: str, *, old: int = 1, version: int = 3, algorithm: int = 18, size: int = 94) -> bytes:
    """A session key packet; `old` octets of an old-format length, or 0 for the new format."""
    body = session_key_body(key_id, version=version, algorithm=algorithm, size=size)
    return (old_header(1, len(body), old) if old else new_header(1, len(body))) + body


def protected(chunks: Sequence[int], last: int, *, version: int = 1) -> bytes:
    """Protected data: partial chunks of 2**n bytes for each n, then a last one of `last` bytes."""
    body = bytes([version]) + b"\xa5" * (sum(1 << n for n in chunks) + last - 1)
    message = bytearray([0xC0 | 18])
    for n in chunks:
        message.append(224 + n)
        message += body[: 1 << n]
        body = body[1 << n :]
    return bytes(message) + new_header(18, last)[1:] + body


def message(key_ids: Sequence[str], chunks: Sequence[int] = (), last: int = 64) -> bytes:
    """A message to these keys, as gpg writes it."""
    return b"".join(session_key(key_id) for key_id in key_ids) + protected(chunks, last)
