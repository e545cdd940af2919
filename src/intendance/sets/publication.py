"""Making a set out of stored parts: the papers beside them, the signature, and the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from intendance.model.errors.openpgp import SigningFailed
from intendance.model.errors.sets import CopyDiffers
from intendance.model.errors.store import ObjectMissing
from intendance.sets import armor
from intendance.sets.fetch import chunks_of, key, read_small
from intendance.sets.manifest import (
    MANIFEST,
    NODE_KEY,
    PAPERS,
    RESTORE,
    SIGNATURE,
    SUMS,
    File,
    Part,
    digest,
    sums,
)
from intendance.stores import Store

Progress = Callable[[int], None]
"""Is told of each run of bytes that was copied: how many."""


def restore_script() -> bytes:
    """RESTORE.sh: the same bytes in every set of a release."""
    return Path(__file__).with_name(RESTORE).read_bytes()


def papers(parts: Sequence[Part], node_key: bytes) -> dict[str, bytes]:
    """The files that stand beside the parts, by name, in the order in which they are written."""
    beside = {RESTORE: restore_script(), NODE_KEY: node_key}
    return {SUMS: sums({part.name: part.sha256_cipher for part in parts}, beside)} | beside


def paper_entries(contents: Mapping[str, bytes]) -> tuple[File, ...]:
    """The papers as a manifest lists them."""
    return tuple(File(name=name, sha256=digest(contents[name])) for name in PAPERS)


def armored_signature(signature: bytes, fingerprint: str) -> bytes:
    """A signature as sets hold it (`sets/armor.py`). Raises SigningFailed when it is none."""
    try:
        return armor.canonical(signature)
    except ValueError as error:
        raise SigningFailed(fingerprint=fingerprint, detail=str(error)) from error


def place(store: Store, folder: str, name: str, content: bytes) -> None:
    """Put one small file, unless an attempt that was cut short has left exactly these bytes.

    Raises CopyDiffers when other bytes stand there, and the errors of stores.
    """
    try:
        store.head(key(folder, name))
    except ObjectMissing:
        store.put(key(folder, name), [content])
        return
    if read_small(store, key(folder, name), len(content)) != content:
        raise CopyDiffers(part=key(folder, name), store=store.name, detail="other bytes already stand there")


def place_papers(store: Store, folder: str, contents: Mapping[str, bytes]) -> None:
    """Put SHA256SUMS, RESTORE.sh and NODE-KEY.asc."""
    for name in PAPERS:
        place(store, folder, name, contents[name])


def complete(store: Store, folder: str, manifest: bytes, signature: bytes) -> None:
    """Put the signature, then the manifest: from here on there is a set."""
    place(store, folder, SIGNATURE, signature)
    place(store, folder, MANIFEST, manifest)


def copy_part(source: Store, target: Store, folder: str, part: Part, progress: Progress) -> None:
    """Copy one part as it is, proving on the way that it is the one listed; what the target has already is verified:
    by the hash that it was stored with, where the store keeps one, else by reading it.

    Raises CopyDiffers when either side does not hold the listed bytes; then the target holds nothing new.
    """
    try:
        held = target.head(key(folder, part.name))
    except ObjectMissing:
        target.put(key(folder, part.name), _listed_bytes(source, folder, part, progress))
        return
    if (held.size_bytes, held.sha256) == (part.cipher_bytes, part.sha256_cipher):
        progress(part.cipher_bytes)
        return
    for _ in _listed_bytes(target, folder, part, progress):
        pass


def _listed_bytes(store: Store, folder: str, part: Part, progress: Progress) -> Iterator[memoryview]:
    hashed, seen = sha256(), 0
    with closing(chunks_of(store, key(folder, part.name))) as chunks:
        for chunk in chunks:
            hashed.update(chunk)
            seen += len(chunk)
            progress(len(chunk))
            yield chunk
    if (seen, hashed.hexdigest()) != (part.cipher_bytes, part.sha256_cipher):
        raise CopyDiffers(part=part.name, store=store.name, detail=f"its {seen} bytes have another hash")
