"""A set read back to its last byte: fetched, verified, decrypted with the caller's key, unpacked, thrown away."""

from __future__ import annotations

from intendance.engines import Consumer
from intendance.model.errors.sets import SetDamaged
from intendance.runs import ProgressSink
from intendance.sets.fetch import altered_papers, key, open_manifest
from intendance.sets.manifest import Manifest
from intendance.sets.unpipe import StreamSource, load_stream
from intendance.stores import Store


def prove(
    store: Store, prefix: str, name: str, sha256: str, trusted: tuple[str, ...], progress: ProgressSink
) -> Manifest:
    """The manifest of a set that opens whole. Raises SetDamaged, PartDamaged, NoSecretKey, and what reading it does."""
    opened = open_manifest(store, prefix, name, trusted)
    fault = altered_papers(store, prefix, opened.manifest)
    if opened.sha256 != sha256:
        fault = "its manifest is not the one in the ledger"
    if fault:
        raise SetDamaged(set=name, store=store.name, detail=fault)
    manifest, done = opened.manifest, 0
    for stream in manifest.streams:
        source = StreamSource(
            store=store,
            folder=key(prefix, name),
            parts=stream.parts,
            recipients=manifest.recipients,
            source_bytes=stream.source_bytes,
        )
        consumer = Consumer(stream=stream.name, argv=("cat",), finish=_require_success)
        loaded = load_stream(source, consumer, progress=progress, done_bytes=done, total_bytes=manifest.source_bytes)
        done += loaded.restored_bytes
    return manifest


def _require_success(code: int, stderr: str) -> None:
    if code != 0:
        raise SetDamaged(set="", store="", detail=f"what it holds could not be read to its end: {stderr}")
