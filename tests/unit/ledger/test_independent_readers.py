"""What we sign and prove, read by programs that share no code with ours: sigstore, and OpenSSL's command line."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore._internal.trust import Keyring, RekorKeyring
from sigstore.errors import VerificationError

from intendance.ledger.book import Book
from intendance.ledger.note import VerifierKey
from intendance.ledger.proof import Proof
from intendance.model.errors.process import ProgramFailed
from intendance.system import process
from tests.support.ledger_material import begin, fill


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """1,000 records: full tiles, partial ones, two levels."""
    with begin(tmp_path_factory.mktemp("independent") / "state") as opened:
        fill(opened, 999)
        yield opened


class SigstoreKeyring(Keyring):
    """A keyring of one Ed25519 key, under the C2SP key id instead of sigstore's own."""

    def __init__(self, key: VerifierKey) -> None:
        super().__init__()
        public = Ed25519PublicKey.from_public_bytes(key.public)

        def verify(signature: bytes, data: bytes) -> None:
            public.verify(signature, data)

        self._keyring = cast(Any, {key.key_id: SimpleNamespace(verify=verify)})


def as_sigstore_sees_it(proof: Proof, content: bytes) -> Any:
    """An entry of theirs that carries our proof."""
    inclusion = SimpleNamespace(
        log_index=proof.seq,
        tree_size=proof.checkpoint.size,
        hashes=list(proof.hashes),
        root_hash=proof.checkpoint.root,
    )
    return SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=inclusion, canonicalized_body=content))


def test_sigstore_reads_and_verifies_our_checkpoint(book: Book) -> None:
    checkpoint = book.seal()
    assert checkpoint is not None
    signed = SignedCheckpoint.from_text(checkpoint.note.decode())
    assert signed.checkpoint.origin == book.origin
    assert signed.checkpoint.log_size == 1000
    assert signed.checkpoint.log_hash == checkpoint.root.hex()
    keyring = RekorKeyring(SigstoreKeyring(book.key))
    signed.signed_note.verify(keyring, cast(Any, book.key.key_id))
    altered = SignedCheckpoint.from_text(checkpoint.note.decode().replace("\n1000\n", "\n1001\n"))
    with pytest.raises(VerificationError):
        altered.signed_note.verify(keyring, cast(Any, book.key.key_id))


@pytest.mark.parametrize("seq", [0, 1, 255, 256, 511, 767, 768, 998, 999])
def test_sigstore_verifies_our_inclusion_proofs(book: Book, seq: int) -> None:
    proof = book.proof(seq)
    assert proof is not None
    verify_merkle_inclusion(as_sigstore_sees_it(proof, book.content(seq)))
    with pytest.raises(VerificationError):
        verify_merkle_inclusion(as_sigstore_sees_it(proof, book.content(seq) + b" "))


def test_openssl_verifies_our_signature(book: Book, tmp_path: Path) -> None:
    checkpoint = book.seal()
    assert checkpoint is not None
    text, _, line = checkpoint.note.decode().partition("\n\n")
    signature = base64.b64decode(line.split(" ")[2])[4:]
    public = Ed25519PublicKey.from_public_bytes(book.key.public)
    (tmp_path / "key.pem").write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "signature").write_bytes(signature)

    def verify(signed: bytes) -> bytes:
        (tmp_path / "text").write_bytes(signed)
        names = ["-inkey", "key.pem", "-rawin", "-in", "text", "-sigfile", "signature"]
        arguments = ["openssl", "pkeyutl", "-verify", "-pubin", *names]
        located = [str(tmp_path / name) if (tmp_path / name).exists() else name for name in arguments]
        return process.run(located, deadline_seconds=60).stdout

    assert b"Success" in verify(f"{text}\n".encode())
    with pytest.raises(ProgramFailed):
        verify(f"{text} \n".encode())
