"""Signed notes and checkpoints as C2SP defines them, with Ed25519 (signature type 0x01)."""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from intendance.ledger.tlog import HASH_BYTES
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.frozen import dataclass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = b"\x01"
LIMIT_BYTES = 64 * 1024
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
NAME = re.compile(r"[^\s+]+")
_VKEY_BYTES = 33
"""One for the kind, 32 of the key."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public Ed25519 key with the name it signs under; as text, a C2SP *vkey*."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before each of its signatures."""
        return key_id(self.name, ED25519, self.public)

    @property
    def text(self) -> str:
        return vkey(self.name, ED25519, self.public)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key of a vkey's text. Raises NoteMalformed."""
        name, said_id, public = read_vkey(text, ED25519)
        if public is None:
            raise NoteMalformed(detail=f"{text!r} is not an Ed25519 verifier key")
        key = cls(name, public)
        if key.key_id.hex() != said_id:
            raise NoteMalformed(detail=f"the verifier key {text!r} does not fit its own key id")
        return key


def key_id(name: str, kind: bytes, public: bytes) -> bytes:
    """The four bytes by which signatures of a kind name their key."""
    return sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def vkey(name: str, kind: bytes, public: bytes) -> str:
    """A key of a kind of signature as text: name, id, kind and key."""
    return f"{name}+{key_id(name, kind, public).hex()}+{b64(kind + public)}"


def read_vkey(text: str, kind: bytes) -> tuple[str, str, bytes | None]:
    """The name, the id and the public key that a text says; None for a key where it is no text of such a key."""
    name, said_id, material = [*text.split("+", 2), "", ""][:3]
    content = unb64(material)
    if NAME.fullmatch(name) is None or content is None or content[:1] != kind or len(content) != _VKEY_BYTES:
        return name, said_id, None
    return name, said_id, content[1:]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note; it binds nothing until it is verified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read: its text, ending in a newline, and its signature lines."""

    text: str
    signatures: tuple[Signature, ...]


def read_note(content: bytes) -> Note:
    """A note's text and signatures, none verified yet. Raises NoteMalformed."""
    if len(content) > LIMIT_BYTES:
        raise NoteMalformed(detail=f"{len(content)} bytes, at most {LIMIT_BYTES}")
    try:
        whole = content.decode()
    except UnicodeDecodeError:
        raise NoteMalformed(detail="it is not UTF-8 text") from None
    if _CONTROL.search(whole):
        raise NoteMalformed(detail="it holds control characters")
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteMalformed(detail="it has no signature lines after an empty line")
    return Note(text + "\n", tuple(read_signature(line) for line in lines[:-1].split("\n")))


def read_signature(line: str) -> Signature:
    """A signature line, without its newline. Raises NoteMalformed."""
    words = line.split(" ")
    material = unb64(words[2]) if len(words) == 3 else None
    if material is None or words[0] != "—" or NAME.fullmatch(words[1]) is None or len(material) < 5:
        raise NoteMalformed(detail=f"{line[:80]!r} is not a signature line")
    return Signature(words[1], material[:4], material[4:])


def verify_note(note: Note, key: VerifierKey) -> bool | None:
    """Whether the key signed the text; None when the note carries no signature of this key."""
    ours = [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    if not ours:
        return None
    return all(verifies(key.public, line.signature, note.text.encode()) for line in ours)


def verifies(public: bytes, signature: bytes, text: bytes) -> bool:
    """Whether an Ed25519 key signed a text."""
    # Here and below: status of an idle node need not pay for loading OpenSSL.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_note(text: str, name: str, private: Ed25519PrivateKey) -> bytes:
    """The note of `text`, signed once."""
    key = VerifierKey(name, private.public_key().public_bytes_raw())
    return f"{text}\n— {name} {b64(key.key_id + private.sign(text.encode()))}\n".encode()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's origin, its size in entries, its root hash; `note` is the signed note that says so."""

    origin: str
    size: int
    root: bytes
    note: bytes = b""


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text that a log signs."""
    return f"{origin}\n{size}\n{b64(root)}\n"


def read_checkpoint(content: bytes) -> tuple[Checkpoint, Note]:
    """The checkpoint that a note claims, and the note to verify it with. Raises NoteMalformed."""
    note = read_note(content)
    lines = note.text[:-1].split("\n")
    root = unb64(lines[2]) if len(lines) >= 3 else None
    if root is None or len(root) != HASH_BYTES or not lines[0] or _SIZE.fullmatch(lines[1]) is None or "" in lines[3:]:
        raise NoteMalformed(detail="its first lines are not an origin, a size and a root hash")
    return Checkpoint(lines[0], int(lines[1]), root, content), note


def b64(content: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(content).decode()


def unb64(text: str) -> bytes | None:
    """Standard base64 in its only canonical spelling, or None."""
    try:
        content = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if b64(content) == text else None
