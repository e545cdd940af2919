"""Sets with any content, signed with the node's own key: what somebody can write who has taken the node."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from intendance.sets.manifest import MANIFEST, RESTORE, SIGNATURE, SUMS, Manifest, Part, decode, encode, part_name, sums
from intendance.sets.publication import armored_signature, paper_entries
from intendance.system import openpgp_signer
from intendance.system.openpgp import RecipientHome
from tests.support.gnupg import Keys

Change = Callable[[bytes], bytes]


def read(folder: Path) -> Manifest:
    """The manifest as it lies there."""
    return decode((folder / MANIFEST).read_bytes(), folder.name)


def content(folder: Path, keys: Keys, stream: str) -> bytes:
    """What a stream of a set held before compression."""
    (found,) = (each for each in read(folder).streams if each.name == stream)
    frames = b"".join(keys.owner.decrypt((folder / part.name).read_bytes()) for part in found.parts)
    return _run(("zstd", "-q", "-dc"), frames)


def forge(
    folder: Path,
    keys: Keys,
    streams: Mapping[str, Sequence[bytes]],
    *,
    script: bytes | None = None,
    manifest: Callable[[Manifest], Manifest] = lambda found: found,
) -> Manifest:
    """Write a set anew: those streams as one part for each of the pieces given, that RESTORE.sh, that manifest; all
    sealed to the recipients, hashed and signed as the node does it."""
    old = read(folder)
    with RecipientHome(keys.recipients[:2]) as home:
        found = replace(
            old,
            streams=tuple(
                each if each.name not in streams else replace(
                    each, source_bytes=sum(map(len, streams[each.name])),
                    parts=_parts(folder, home, each.name, streams[each.name]),
                )
                for each in old.streams
            ),
        )  # fmt: skip
    if script is not None:
        (folder / RESTORE).write_bytes(script)
    papers = {each.name: (folder / each.name).read_bytes() for each in old.files if each.name != SUMS}
    papers = {SUMS: sums({part.name: part.sha256_cipher for part in found.parts}, papers)} | papers
    (folder / SUMS).write_bytes(papers[SUMS])
    found = manifest(replace(found, files=paper_entries(papers)))
    sign(folder, keys, encode(found))
    return found


def sign(folder: Path, keys: Keys, manifest: bytes) -> None:
    """Put a manifest with the node's signature."""
    made = openpgp_signer.sign(keys.node.home, keys.node.fingerprint, manifest)
    (folder / SIGNATURE).write_bytes(armored_signature(made, keys.node.fingerprint))
    (folder / MANIFEST).write_bytes(manifest)


def _parts(folder: Path, home: RecipientHome, stream: str, pieces: Sequence[bytes]) -> tuple[Part, ...]:
    for old in folder.glob(f"{stream}-*.zst.gpg"):
        old.unlink()
    return tuple(_part(folder, home, part_name(stream, index), piece) for index, piece in enumerate(pieces))


def _part(folder: Path, home: RecipientHome, name: str, piece: bytes) -> Part:
    frame = _run(("zstd", "-q", "-1", "-c"), piece)
    cipher = _run(home.encrypt_argv(), frame, GNUPGHOME=str(home.path))
    (folder / name).write_bytes(cipher)
    return Part(
        name=name, plain_bytes=len(frame), cipher_bytes=len(cipher), sha256_plain=sha256(frame).hexdigest(),
        sha256_cipher=sha256(cipher).hexdigest(),
    )  # fmt: skip


def _run(argv: Sequence[str], given: bytes, **environment: str) -> bytes:
    done = subprocess.run(argv, input=given, capture_output=True, check=True, env={**os.environ, **environment})
    return done.stdout
