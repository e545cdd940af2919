"""The ledger's signing key: an Ed25519 key in a file that only its owner may read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from intendance.model.errors.ledger import LedgerKeyUnusable
from intendance.system.publish import publish

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def load_library() -> None:
    """Import what signing takes, 30 ms, at a moment when nobody waits for it; else the first signature does."""
    import cryptography.exceptions
    import cryptography.hazmat.primitives.asymmetric.ed25519
    import cryptography.hazmat.primitives.serialization  # noqa: F401 -- that is the point


def create_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and keep it as PKCS #8 PEM, mode 0600; for whoever holds the ledger's lock. Raises FileExistsError."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    for half_written in path.parent.glob(f".{path.name}.*.tmp"):
        half_written.unlink()
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    publish(path, pem, mode=0o600)
    return private


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key that `create_key` kept. Raises LedgerKeyUnusable."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else "it is not an Ed25519 key"
        raise LedgerKeyUnusable(path=path, detail=detail) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise LedgerKeyUnusable(path=path, detail="it is not an Ed25519 key")
    return private
