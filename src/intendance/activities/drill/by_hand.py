"""The second leg: the set copied as it lies in the store, opened by its own RESTORE.sh, loaded by what it writes.

RESTORE.sh runs as the caller, with the caller's keyring, for it has to decrypt; what loads is in the sandbox and reads
a pipe. Only a RESTORE.sh of a release is run.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from intendance.engines import Consumer, RestoreSession
from intendance.model.errors.drill import ByHandFailed, ScriptUnknown
from intendance.model.errors.openpgp import NoSecretKey
from intendance.model.errors.sets import PartDamaged, SetDamaged
from intendance.model.errors.store import ObjectMissing
from intendance.model.frozen import dataclass
from intendance.sets.fetch import chunks_of, key
from intendance.sets.manifest import MANIFEST, PAPERS, RESTORE, SIGNATURE, Manifest
from intendance.sets.releases import released_scripts
from intendance.stores import Store
from intendance.system import process
from intendance.system.clock import monotonic_seconds

DEADLINE_SECONDS = 24 * 3600.0
_CHECK_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Seconds that RESTORE.sh ran, and that the programs took what it wrote."""

    decrypt_seconds: float
    load_seconds: float


def require_released(manifest: Manifest) -> str:
    """The hash of the set's RESTORE.sh, as its signed manifest lists it. Raises ScriptUnknown."""
    listed = {each.name: each.sha256 for each in manifest.files}[RESTORE]
    if listed not in released_scripts():
        raise ScriptUnknown(set=manifest.set, sha256=listed)
    return listed


def fetch(store: Store, prefix: str, manifest: Manifest, into: Path, moved: Callable[[int], None]) -> int:
    """Copy a set into the new folder `into`, each file as its manifest has it; returns the bytes of all its parts.

    Raises PartDamaged, SetDamaged, and the errors of stores.
    """
    into.mkdir(mode=0o700)
    folder = key(prefix, manifest.set)
    wanted = {part.name: part.sha256_cipher for part in manifest.parts}
    papers = {each.name: each.sha256 for each in manifest.files}
    for name in (*wanted, *PAPERS, SIGNATURE, MANIFEST):
        hashed = sha256()
        try:
            with (into / name).open("xb") as target:
                for chunk in chunks_of(store, key(folder, name)):
                    hashed.update(chunk)
                    target.write(chunk)
                    moved(len(chunk))
        except ObjectMissing:
            raise SetDamaged(set=manifest.set, store=store.name, detail=f"{name} is missing") from None
        if wanted.get(name, hashed.hexdigest()) != hashed.hexdigest():
            raise PartDamaged(part=name, set=manifest.set, store=store.name, detail="its bytes were changed")
        if papers.get(name, hashed.hexdigest()) != hashed.hexdigest():
            raise SetDamaged(set=manifest.set, store=store.name, detail=f"{name} was changed")
    return manifest.stored_bytes


def check(folder: Path, manifest: Manifest, fingerprint: str) -> None:
    """`RESTORE.sh check FINGERPRINT`, as somebody would before anything else. Raises ByHandFailed."""
    done = process.run(
        ("sh", str(folder / RESTORE), "check", fingerprint), deadline_seconds=_CHECK_SECONDS, accept=range(-64, 256)
    )
    if done.code != 0:
        raise ByHandFailed(stream="what it holds", set=manifest.set, detail=_last(done.stderr))


def open_streams(
    folders: Sequence[tuple[Path, Manifest]],
    session: RestoreSession,
    recipients: Sequence[str],
    moved: Callable[[int], None],
) -> Opened:
    """Every stream through RESTORE.sh into the programs of the session. `moved` is told how many bytes each had before
    compression. Raises ByHandFailed, NoSecretKey, and what the session's programs mean by their ends."""
    held = {stream.name: (folder, each, stream) for folder, each in folders for stream in each.streams}
    decrypting = loading = 0.0
    for consumer in session.consumers():
        folder, manifest, stream = held[consumer.stream]
        command = "sql" if stream.media == "sql" else "raw"
        script = ("sh", str(folder / RESTORE), command, stream.name)
        opened = _pipe(script, consumer, manifest.set, recipients)
        decrypting += opened.decrypt_seconds
        loading += opened.load_seconds
        moved(stream.source_bytes)
    return Opened(decrypt_seconds=decrypting, load_seconds=loading)


def _pipe(script: Sequence[str], consumer: Consumer, set_id: str, recipients: Sequence[str]) -> Opened:
    """`sh RESTORE.sh … | program`."""
    started = monotonic_seconds()
    with contextlib.ExitStack() as cleanup:
        opening = process.start(script, stdout=subprocess.PIPE)
        cleanup.callback(opening.kill)
        loading = process.start(
            consumer.argv, stdin=opening.stdout, extra_environment=consumer.environment, cwd=consumer.cwd
        )
        cleanup.callback(loading.kill)
        opening.stdout.close()  # so that RESTORE.sh notices when nobody reads any more
        code = opening.wait(DEADLINE_SECONDS)
        opened = monotonic_seconds() - started
        loaded = loading.wait(DEADLINE_SECONDS)
        took = monotonic_seconds() - started
        said = opening.stderr()
        if code != 0 and "No secret key" in said:
            raise NoSecretKey(recipients=", ".join(recipients))
        # A program that broke off is why RESTORE.sh could not write on; one that was given refused SQL follows it.
        if loaded != 0 and (code == 0 or "Broken pipe" in said or "write error" in said):
            consumer.finish(loaded, loading.stderr())
        if code != 0:
            raise ByHandFailed(stream=consumer.stream, set=set_id, detail=_last(said))
        consumer.finish(loaded, loading.stderr())
    return Opened(decrypt_seconds=opened, load_seconds=took)


def _last(said: str) -> str:
    lines = [line.removeprefix("RESTORE.sh: ") for line in said.splitlines() if line.startswith("RESTORE.sh: ")]
    return (lines[-1] if lines else said[-300:] or "it said nothing").rstrip(".")
