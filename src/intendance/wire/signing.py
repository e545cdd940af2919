"""The proof of possession: a node signs what it asks for with its ledger's key, which is its identity."""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def fingerprint_of(public: bytes) -> str:
    """How people compare keys: the SHA-256 of the 32 bytes of an Ed25519 public key, in hex."""
    return sha256(public).hexdigest()


def enrolment_text(*, token: str, fleet: str, node: str, ledger_key: str, checkpoint: str) -> bytes:
    """What is signed: good for this token, this node and this head of its ledger, and nowhere else."""
    lines = (
        "intendance enrolment 1",
        sha256(token.encode()).hexdigest(),
        fleet,
        node,
        ledger_key,
        sha256(checkpoint.encode()).hexdigest(),
    )
    return "".join(f"{line}\n" for line in lines).encode()


def prove(private: Ed25519PrivateKey, text: bytes) -> str:
    """The signature, in base64."""
    return base64.b64encode(private.sign(text)).decode()


def is_proven(public: bytes, text: bytes, proof: str) -> bool:
    """Whether the holder of this Ed25519 key signed the text."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(proof, validate=True), text)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
