"""What a stranger does with a record that the API gave: with hashes and a signature, and with nothing of ours."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def believed(told: Mapping[str, Any], key: str) -> bool:
    """Whether the record's bytes are those that the holder of the verifier key signed, at that number."""
    proof = told["proof"]
    leaf = sha256(b"\x00" + told["canonical"].encode()).digest()
    root = climbed(leaf, told["seq"], proof["size"], [bytes.fromhex(step) for step in proof["hashes"]])
    text, _, lines = proof["checkpoint"].rpartition("\n\n")
    origin, size, said = text.split("\n")[:3]
    whole = leaf.hex() == told["leaf_hash"] and root is not None and root.hex() == proof["root"]
    return (
        whole
        and (origin, size, b64decode(said)) == (told["origin"], str(proof["size"]), root)
        and signed(text + "\n", lines, key)
    )


def climbed(leaf: bytes, number: int, size: int, hashes: list[bytes]) -> bytes | None:
    """The root of RFC 9162, 2.1.3.2; None for a proof that is none."""
    here, last, found = number, size - 1, leaf
    if here > last:
        return None
    for step in hashes:
        if last == 0:
            return None
        if here % 2 or here == last:
            found = sha256(b"\x01" + step + found).digest()
            while here and not here % 2:
                here, last = here // 2, last // 2
        else:
            found = sha256(b"\x01" + found + step).digest()
        here, last = here // 2, last // 2
    return found if last == 0 else None


def signed(text: str, lines: str, key: str) -> bool:
    """Whether one of a note's signatures is that of the key."""
    name, number, public = key.split("+", 2)
    for line in lines.splitlines():
        _, by, material = line.split(" ")
        content = b64decode(material)
        if (by, content[:4].hex()) != (name, number):
            continue
        try:
            Ed25519PublicKey.from_public_bytes(b64decode(public)[1:]).verify(content[4:], text.encode())
        except InvalidSignature:
            return False
        return True
    return False
