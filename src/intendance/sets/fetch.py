"""Reading sets back: which there are, whether a manifest is this node's, whether a part is the one that was stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from hashlib import sha256
from typing import IO

from intendance.model.errors.openpgp import KeyUnreadable, SignatureInvalid
from intendance.model.errors.sets import (
    ManifestForged,
    ManifestInvalid,
    ManifestVersionUnknown,
    SetDamaged,
    SetMissing,
)
from intendance.model.errors.store import ObjectMissing, StoreUnreachable
from intendance.model.frozen import dataclass
from intendance.sets import armor
from intendance.sets.manifest import (
    MANIFEST,
    MANIFEST_LIMIT_BYTES,
    NODE_KEY,
    PAPERS,
    SIGNATURE,
    Manifest,
    Part,
    decode,
    digest,
)
from intendance.sets.points import SetInStore
from intendance.stores import Store, StoredObject
from intendance.system import openpgp

CHUNK_BYTES = 1 << 20
REPLACED = "its manifest is not the one in the ledger: it was replaced"
_SMALL_LIMIT_BYTES = 1 << 20
_SET_FOLDER = re.compile(r"[A-Za-z0-9._-]{1,160}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a store lists for one asset: per set id its objects by name. `complete` have a manifest, `incomplete` have
    none."""

    folder: str
    complete: Mapping[str, Mapping[str, StoredObject]]
    incomplete: Mapping[str, Mapping[str, StoredObject]]

    @property
    def incomplete_bytes(self) -> Mapping[str, int]:
        """What lies in each folder without a manifest."""
        return {name: sum(each.size_bytes for each in objects.values()) for name, objects in self.incomplete.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedManifest:
    """A manifest whose signature holds, and the SHA-256 of its bytes. `signed_by` is empty where a ledger's hash
    made it believed."""

    manifest: Manifest
    sha256: str
    signed_by: str = ""


def asset_folder(fleet: str, node: str, asset: str) -> str:
    """`<fleet>/<node>/<asset>`."""
    return f"{fleet}/{node}/{asset}"


def key(folder: str, name: str) -> str:
    """The key of an object in a folder."""
    return f"{folder}/{name}"


def survey(store: Store, folder: str) -> Survey:
    """List an asset's folder. Raises the errors of stores."""
    found: dict[str, dict[str, StoredObject]] = {}
    for stored in store.list(folder):
        set_id, _, name = stored.key.removeprefix(f"{folder}/").partition("/")
        if name and "/" not in name and _SET_FOLDER.fullmatch(set_id):
            found.setdefault(set_id, {})[name] = stored
    return Survey(
        folder=folder,
        complete={set_id: objects for set_id, objects in found.items() if MANIFEST in objects},
        incomplete={set_id: objects for set_id, objects in found.items() if MANIFEST not in objects},
    )


def open_manifest(store: Store, asset_prefix: str, set_id: str, fingerprint: str | tuple[str, ...]) -> OpenedManifest:
    """Read a set's manifest, when a key of that fingerprint, or of these, has signed it and it belongs where it lies.

    Raises SetMissing, SetDamaged, ManifestForged, ManifestInvalid, ManifestVersionUnknown, and the errors of stores.
    """
    folder = key(asset_prefix, set_id)
    try:
        content = read_small(store, key(folder, MANIFEST), MANIFEST_LIMIT_BYTES)
    except ObjectMissing:
        raise SetMissing(store=store.name, set=set_id) from None
    try:
        signature = read_small(store, key(folder, SIGNATURE), _SMALL_LIMIT_BYTES)
        node_key = read_small(store, key(folder, NODE_KEY), _SMALL_LIMIT_BYTES)
    except ObjectMissing as missing:
        name = str(missing.params.get("key", "")).rpartition("/")[2]
        raise SetDamaged(set=set_id, store=store.name, detail=f"{name} is missing") from None
    signer = _signer(content, signature, node_key, set_id, fingerprint)
    manifest = decode(content, set_id)
    if manifest.set != set_id or asset_folder(manifest.fleet, manifest.node, manifest.asset) != asset_prefix:
        raise ManifestInvalid(set=set_id, detail=f"it is that of {manifest.set} of {manifest.node}/{manifest.asset}")
    return OpenedManifest(manifest=manifest, sha256=digest(content), signed_by=signer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The sets of an asset in one store: those whose manifest holds, what is wrong with the others, by set id.

    `incomplete` are attempts without a manifest, with the bytes that lie there: dead, or still at work.
    """

    sets: tuple[SetInStore, ...]
    unreadable: Mapping[str, str]
    incomplete: Mapping[str, int]


def read_sets(store: Store, asset_prefix: str, fingerprint: str | tuple[str, ...], known: Mapping[str, str]) -> Shelf:
    """Read all manifests of an asset. `known` are the hashes that our own ledger has for manifests, by set id: these
    need no signature to be believed, so that a long list stays quick; a manifest that is not the one in the ledger is
    faulty, whoever signed it.

    Raises the errors of stores.
    """
    surveyed = survey(store, asset_prefix)
    sets, unreadable = [], {}
    for set_id, objects in surveyed.complete.items():
        try:
            opened = known_manifest(store, asset_prefix, set_id, known.get(set_id)) or open_manifest(
                store, asset_prefix, set_id, fingerprint
            )
        except (SetMissing, SetDamaged, ManifestForged, ManifestInvalid, ManifestVersionUnknown) as error:
            unreadable[set_id] = error.message
            continue
        replaced = known.get(set_id, opened.sha256) != opened.sha256
        fault = REPLACED if replaced else absent_parts(opened.manifest, objects)
        sets.append(SetInStore(store=store.name, manifest=opened.manifest, manifest_sha256=opened.sha256, fault=fault))
    return Shelf(sets=tuple(sets), unreadable=unreadable, incomplete=surveyed.incomplete_bytes)


def known_manifest(store: Store, asset_prefix: str, set_id: str, known: str | None) -> OpenedManifest | None:
    """A manifest by the hash that our ledger has for it; None when it has none, or another one lies there.

    Raises ObjectMissing, ManifestInvalid, ManifestVersionUnknown, and the errors of stores.
    """
    if known is None:
        return None
    content = read_small(store, key(key(asset_prefix, set_id), MANIFEST), MANIFEST_LIMIT_BYTES)
    if digest(content) != known:
        return None
    return OpenedManifest(manifest=decode(content, set_id), sha256=known)


def absent_parts(manifest: Manifest, objects: Mapping[str, StoredObject]) -> str:
    """What the listing alone says is wrong, in English; empty when every file is there with its size."""
    missing = [name for name in (*(part.name for part in manifest.parts), *PAPERS, SIGNATURE) if name not in objects]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return f"{missing[0]}{more} missing"
    for part in manifest.parts:
        size = objects[part.name].size_bytes
        if size != part.cipher_bytes:
            return f"{part.name} has {size} bytes instead of {part.cipher_bytes}"
    return ""


def altered_papers(store: Store, asset_prefix: str, manifest: Manifest) -> str:
    """The first paper that is not the one the manifest lists, in English; empty when all are."""
    for paper in manifest.files:
        stored = key(key(asset_prefix, manifest.set), paper.name)
        try:
            content = read_small(store, stored, MANIFEST_LIMIT_BYTES)
        except ObjectMissing:
            return f"{paper.name} is missing"
        if digest(content) != paper.sha256:
            return f"{paper.name} was changed"
    return ""


def hash_part(store: Store, folder: str, part: Part, progress: Callable[[int], None]) -> str:
    """Re-read a part of the set in `folder`; returns what is wrong in English, or "". `progress` is told of each chunk.

    Raises the errors of stores when the store cannot be read.
    """
    hashed, seen = sha256(), 0
    try:
        for chunk in chunks_of(store, key(folder, part.name)):
            hashed.update(chunk)
            seen += len(chunk)
            progress(len(chunk))
    except ObjectMissing:
        return f"{part.name} is missing"
    if seen != part.cipher_bytes:
        return f"{part.name} has {seen} bytes instead of {part.cipher_bytes}"
    if hashed.hexdigest() != part.sha256_cipher:
        return f"{part.name} was changed: its hash is not the listed one"
    return ""


def chunks_of(store: Store, name: str) -> Generator[memoryview, None, None]:
    """An object's bytes in chunks of at most 1 MiB; each chunk is overwritten by the next.

    Raises ObjectMissing, StoreUnreachable (also for a medium that cannot be read any more).
    """
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with store.open(name) as source:
        while count := read_into(store, source, buffer):
            yield buffer[:count]


def read_into(store: Store, source: IO[bytes], buffer: memoryview) -> int:
    """Fill a buffer from an object's bytes as far as they come at once; 0 at their end. Raises StoreUnreachable."""
    try:
        return int(source.readinto(buffer) or 0)  # type: ignore[attr-defined]  # typeshed's IO[bytes] lacks it
    except OSError as error:
        raise StoreUnreachable(store=store.name, detail=error.strerror or str(error)) from error


def read_small(store: Store, name: str, limit_bytes: int) -> bytes:
    """A small object whole, or its first `limit_bytes + 1` bytes when it is larger. Raises ObjectMissing."""
    content = bytearray()
    for chunk in chunks_of(store, name):
        content += chunk
        if len(content) > limit_bytes:
            break
    return bytes(content[: limit_bytes + 1])


def _signer(content: bytes, signature: bytes, node_key: bytes, set_id: str, fingerprint: str | tuple[str, ...]) -> str:
    """Which of the trusted keys signed. Raises ManifestForged."""
    if not armor.is_canonical(signature):
        raise ManifestForged(set=set_id, detail="the signature's file was changed")
    try:
        signer = openpgp.verify(content, signature, node_key.decode("utf-8", errors="replace"))
    except (SignatureInvalid, KeyUnreadable) as error:
        raise ManifestForged(set=set_id, detail=error.message.rstrip(".")) from error
    trusted = (fingerprint,) if isinstance(fingerprint, str) else fingerprint
    if signer not in trusted:
        raise ManifestForged(set=set_id, detail=f"it is signed by {signer}, not by {' or '.join(trusted)}")
    return signer
