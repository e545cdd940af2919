"""Reading the packets of an OpenPGP message while it passes, so that nothing but a message to exactly the plan's
recipients is ever stored.

Accepted is one shape only (RFC 4880): public-key encrypted session keys of version 3 (tag 1, §5.1), one for each
recipient's
encryption key and none besides, then one symmetrically encrypted, integrity protected data packet of version 1 (tag 18,
§5.13), then the end. Packet headers and lengths are those of §4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from intendance.model.errors.openpgp import PacketsRefused

_SESSION_KEY, _PROTECTED_DATA = 1, 18
_NAMES: Mapping[int, str] = {
    2: "a signature", 3: "a session key for a passphrase", 4: "a one-pass signature", 5: "a secret key",
    6: "a public key", 8: "compressed data", 9: "data without integrity protection", 10: "a marker",
    11: "literal, unencrypted data", 13: "a user id", 19: "a bare integrity code", 20: "AEAD data",
}  # fmt: skip
_PUBLIC_KEY_ALGORITHMS = (1, 2, 16, 18)  # RSA, RSA for encryption, Elgamal, ECDH (RFC 6637)
_SESSION_KEY_BYTES = range(
    13, 8193
)  # version, key id, algorithm, and at least one integer; RSA of 16384 bits has 2 KiB
_HEADER_LIMIT_BYTES = 65536
_DATA_LEAST_BYTES = 1 + 18 + 2 + 22  # version, prefix of AES, an empty literal's least, integrity code
_FIRST_PARTIAL_LEAST_BYTES = 512  # RFC 4880 §4.2.2.4


class PacketChecker:
    """Feed it every byte of a message, then `finish`. Store nothing before `accepted`; every method raises
    PacketsRefused.

    `expected` maps the key id (16 upper-case hex digits) of each recipient's encryption key to what `finish` returns
    for it.
    Data is skipped over by its length headers without a copy: 456 MiB in chunks of 8 KiB cost about 0.02 s.
    """

    def __init__(self, expected: Mapping[str, str]) -> None:
        self._expected = dict(expected)
        self._seen: set[str] = set()
        self._header = bytearray()
        self._at = 0  # where the first packet not yet read begins in the header
        self._in_data = False
        self._skip = 0
        self._partial = False
        self._length = bytearray()
        self._data_bytes = 0

    @property
    def accepted(self) -> bool:
        """Whether the header has passed whole: all session keys and the start of the protected data."""
        return self._in_data

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Check the next bytes of the message, of any size."""
        if self._in_data:
            self._walk(chunk, 0)
            return
        room = _HEADER_LIMIT_BYTES - len(self._header)
        self._header += chunk[:room]
        start = self._read_header()
        if start is not None:
            rest = bytes(self._header[start:])
            self._header.clear()
            self._walk(rest, 0)
            if len(chunk) > room:
                self._walk(chunk, room)
        elif len(chunk) >= room:
            _refuse("its header does not end within 64 KiB")

    def finish(self) -> tuple[str, ...]:
        """The message has ended: what `expected` held for each key it is encrypted to, sorted."""
        if not self._in_data:
            _refuse("it ends within its header" if self._header else "it is empty")
        if self._skip or self._partial or self._length:
            _refuse("it is cut short")
        if self._data_bytes < _DATA_LEAST_BYTES:
            _refuse("its data packet is too short to hold anything")
        return tuple(sorted(self._expected[key_id] for key_id in self._seen))

    def _read_header(self) -> int | None:
        """Where the data begins in the header read so far, or None when more bytes are needed."""
        header, at = self._header, self._at
        while at < len(header):
            tag, known = _tag(header, at)
            if tag == _PROTECTED_DATA:
                return self._enter_data(at)
            body = _definite_length(header, at, new_format=known)
            if body is None:
                return None
            start, size = body
            if size not in _SESSION_KEY_BYTES:
                _refuse(f"a session key packet of {size} bytes")
            if len(header) < start + size:
                return None
            self._session_key(header[start : start + size])
            self._at = at = start + size
        return None

    def _session_key(self, body: bytearray) -> None:
        if body[0] != 3:
            _refuse(f"a session key packet of version {body[0]}")
        key_id = body[1:9].hex().upper()
        if key_id == "0" * 16:
            _refuse("a recipient is hidden")
        if key_id not in self._expected:
            _refuse(f"it is encrypted to {key_id} too, which is none of the plan's keys")
        if key_id in self._seen:
            _refuse(f"it is encrypted to {key_id} twice")
        if body[9] not in _PUBLIC_KEY_ALGORITHMS:
            _refuse(f"a session key of algorithm {body[9]}")
        self._seen.add(key_id)

    def _enter_data(self, at: int) -> int | None:
        missing = sorted(set(self._expected) - self._seen)
        if missing or not self._seen:
            _refuse(f"it is not encrypted to {', '.join(missing) or 'anybody'}")
        found = _any_length(self._header, at + 1)
        if found is None:
            return None
        start, size, partial = found
        if partial and size < _FIRST_PARTIAL_LEAST_BYTES:
            _refuse("its first chunk is shorter than 512 bytes")
        if len(self._header) <= start:
            return None
        if size == 0:
            _refuse("its data packet is empty")
        if self._header[start] != 1:
            _refuse(f"a data packet of version {self._header[start]}")
        self._in_data, self._skip, self._partial, self._data_bytes = True, size, partial, size
        return start

    def _walk(self, chunk: bytes | bytearray | memoryview, at: int) -> None:
        """Follow the chain of lengths (§4.2.2.4) through the chunk from `at`; the bodies are only stepped over."""
        end = len(chunk)
        skip = self._skip
        while True:
            if skip >= end - at:
                self._skip = skip - (end - at)
                return
            at += skip
            skip = 0
            if not self._partial:
                _refuse("something follows its data")
            first = chunk[at]
            if not self._length and 224 <= first < 255:  # the common case: another whole partial chunk
                skip = 1 << (first & 31)
                self._data_bytes += skip
                at += 1
                continue
            at, skip = self._last_length(chunk, at)

    def _last_length(self, chunk: bytes | bytearray | memoryview, at: int) -> tuple[int, int]:
        """Read the length of the last chunk, which may be cut by the end of our own; -> (position, bytes to skip)."""
        while at < len(chunk):
            self._length.append(chunk[at])
            at += 1
            found = _any_length(self._length, 0)
            if found is not None:
                self._length.clear()
                self._partial = False
                self._data_bytes += found[1]
                return at, found[1]
        return at, 0


def _tag(header: bytearray, at: int) -> tuple[int, bool]:
    """The tag at `at` and whether its header has the new format. Only tags 1 and 18 pass."""
    first = header[at]
    if first & 0x80 == 0:
        _refuse("it is not an OpenPGP message" if at == 0 else "a packet does not begin where one should")
    new_format = bool(first & 0x40)
    tag = first & 0x3F if new_format else (first >> 2) & 0x0F
    if tag not in (_SESSION_KEY, _PROTECTED_DATA):
        _refuse(f"it holds {_NAMES.get(tag, f'a packet of type {tag}')}")
    return tag, new_format


def _definite_length(header: bytearray, at: int, *, new_format: bool) -> tuple[int, int] | None:
    """(start of body, size) of a packet that may not be partial or indeterminate; None: more bytes are needed."""
    if not new_format:
        octets = (1, 2, 4, 0)[header[at] & 3]
        if octets == 0:
            _refuse("a session key packet without a length")
        if len(header) < at + 1 + octets:
            return None
        return at + 1 + octets, int.from_bytes(header[at + 1 : at + 1 + octets], "big")
    found = _any_length(header, at + 1)
    if found is None:
        return None
    start, size, partial = found
    if partial:
        _refuse("a session key packet in chunks")
    return start, size


def _any_length(header: bytearray, at: int) -> tuple[int, int, bool] | None:
    """(start of body, size, partial) of a new-format length (§4.2.2); None: more bytes are needed."""
    if len(header) <= at:
        return None
    first = header[at]
    if first < 192:
        return at + 1, first, False
    if first < 224:
        if len(header) < at + 2:
            return None
        return at + 2, ((first - 192) << 8) + header[at + 1] + 192, False
    if first < 255:
        return at + 1, 1 << (first & 31), True
    if len(header) < at + 5:
        return None
    return at + 5, int.from_bytes(header[at + 1 : at + 5], "big"), False


def _refuse(detail: str) -> NoReturn:
    raise PacketsRefused(detail=detail)
