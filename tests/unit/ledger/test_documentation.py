"""docs/ledger.md is precise enough: a verifier written from it alone accepts what we write."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.golden.ledger.test_format import KEPT

PAGE = (Path(__file__).parents[3] / "docs/ledger.md").read_text(encoding="utf-8")


def root_of(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def verified_by_the_page(log: Path) -> int:
    """Steps 1 to 4 of "Verifying by hand", with the standard library and an Ed25519 implementation."""
    text, _, signature_line = (log / "checkpoint").read_text(encoding="utf-8").partition("\n\n")
    origin, size, root = text.split("\n")
    bundles = sorted((log / "tile/entries").rglob("*"), key=lambda path: path.parts)
    content = b"".join(path.read_bytes() for path in bundles if path.is_file())
    records: list[bytes] = []
    while content:
        length = int.from_bytes(content[:2], "big")
        records.append(content[2 : 2 + length])
        content = content[2 + length :]
    assert len(records) == int(size)
    previous = "0" * 64
    for seq, record in enumerate(records):
        value = json.loads(record)
        assert json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == record
        assert (value["v"], value["seq"], value["prev"]) == (1, seq, previous)
        previous = sha256(record).hexdigest()
    name, key_id, material = json.loads(records[0])["data"]["ledger_key"].split("+", 2)
    public = base64.b64decode(material)[1:]
    assert name == origin
    assert sha256(name.encode() + b"\n\x01" + public).hexdigest()[:8] == key_id
    dash, signer, encoded = signature_line.rstrip("\n").split(" ")
    signature = base64.b64decode(encoded)
    assert (dash, signer, signature[:4].hex()) == ("—", name, key_id)
    Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], f"{text}\n".encode())
    assert root_of([sha256(b"\x00" + record).digest() for record in records]) == base64.b64decode(root)
    return len(records)


def test_a_verifier_written_from_the_page_accepts_what_we_write() -> None:
    assert verified_by_the_page(KEPT) == 261


def test_the_pages_shell_lines_verify_the_signature(tmp_path: Path) -> None:
    (shell,) = (block for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) if "openssl" in block)
    (tmp_path / "checkpoint").write_bytes((KEPT / "checkpoint").read_bytes())
    first = json.loads((KEPT / "records.jsonl").read_bytes().split(b"\n")[0])
    lines = shell.replace("KEY", first["data"]["ledger_key"].split("+", 2)[2])
    said = subprocess.run(["sh", "-e"], input=lines.encode(), cwd=tmp_path, capture_output=True, check=False)
    assert b"Signature Verified Successfully" in said.stdout, said.stderr
