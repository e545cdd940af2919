"""Cosignatures as C2SP defines them, with Ed25519 (`cosignature/v1`, signature type 0x04): somebody elsewhere says that
at an instant this was the largest tree that they had seen of a log, and that it only ever grew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from intendance.ledger.note import Note, Signature, b64, key_id, read_vkey, verifies, vkey
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.frozen import dataclass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

COSIGNATURE = b"\x04"
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public key with the name it signs under; as text, a C2SP *vkey* of type 0x04."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before each of its cosignatures."""
        return key_id(self.name, COSIGNATURE, self.public)

    @property
    def text(self) -> str:
        return vkey(self.name, COSIGNATURE, self.public)

    @classmethod
    def parse(cls, text: str) -> WitnessKey:
        """The key of a vkey's text. Raises NoteMalformed."""
        name, said_id, public = read_vkey(text, COSIGNATURE)
        if public is None:
            raise NoteMalformed(detail=f"{text!r} is not the key of a witness")
        key = cls(name, public)
        if key.key_id.hex() != said_id:
            raise NoteMalformed(detail=f"the key of a witness {text!r} does not fit its own key id")
        return key


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What a note carries of one witness: `at_seconds` (POSIX) is signed too. `genuine`: the signature fits."""

    at_seconds: int
    genuine: bool


def cosign(text: str, name: str, private: Ed25519PrivateKey, at_seconds: int) -> str:
    """The signature line, newline included, of a witness under a checkpoint's text."""
    key = WitnessKey(name, private.public_key().public_bytes_raw())
    signature = private.sign(_message(text, at_seconds))
    return f"— {name} {b64(key.key_id + at_seconds.to_bytes(_TIME_BYTES) + signature)}\n"


def cosigned(note: Note, key: WitnessKey) -> Cosigned | None:
    """What the note carries of this witness: the newest that is genuine, else one that is not; None for nothing."""
    ours = [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    found = sorted((_judged(note, line, key) for line in ours), key=lambda each: (each.genuine, each.at_seconds))
    return found[-1] if found else None


def _judged(note: Note, line: Signature, key: WitnessKey) -> Cosigned:
    at_seconds = int.from_bytes(line.signature[:_TIME_BYTES])
    whole = len(line.signature) == _TIME_BYTES + _SIGNATURE_BYTES and at_seconds < 1 << 63
    genuine = whole and verifies(key.public, line.signature[_TIME_BYTES:], _message(note.text, at_seconds))
    return Cosigned(at_seconds, genuine)


def _message(text: str, at_seconds: int) -> bytes:
    return f"cosignature/v1\ntime {at_seconds}\n{text}".encode()


def with_lines(note: bytes, lines: Iterable[str]) -> bytes:
    """A note with more signature lines, each ending in a newline."""
    return note + "".join(lines).encode()


def line_of(signature: Signature) -> str:
    """A signature as its line."""
    return f"— {signature.name} {b64(signature.key_id + signature.signature)}\n"
