"""What each set carries so that a machine can be built anew from a store and one key: the plan in force, encrypted as
all content is, the ledger's last head, and the keys of ledgers before it. Pure: others encrypt and decrypt.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from intendance.model.frozen import dataclass
from intendance.model.plan import Recipient

FIELD = "rebuild"
"""The field of a manifest's `source` that holds it."""
PLAN = "intendance.yaml"
LIMIT_BYTES = 8 << 20
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_FAULT = "what it carries for a rebuild cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The encrypted plan, the signed note of the ledger's head when the set was made, and the OpenPGP keys of the
    ledgers before that one."""

    plan: bytes
    head: str
    keys: tuple[str, ...] = ()


def pack(source: bytes, recipients: Sequence[Recipient]) -> bytes:
    """The plan as it was adopted, with its recipients' public keys as `keys/NAME.asc`: a compressed tar."""
    files = {PLAN: source} | {key_file(each.name): each.armored.encode("utf-8", "replace") for each in recipients}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def unpack(packed: bytes) -> dict[str, bytes]:
    """The files of `pack`, by relative names. Raises ValueError for anything else."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as source:
            content = source.read(LIMIT_BYTES + 1)
        if len(content) > LIMIT_BYTES:
            raise ValueError("it is too large to be a plan")
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found = {entry.name: archive.extractfile(entry) for entry in archive if entry.isfile()}
            files = {name: stream.read() for name, stream in found.items() if stream is not None}
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ValueError("it is no archive") from error
    if PLAN not in files or not all(is_below(name) for name in files):
        raise ValueError("it holds no plan, or a file outside of its folder")
    return files


def written(plan_message: bytes, head: str, keys: Sequence[str]) -> dict[str, Any]:
    """What a manifest's `source` holds of it."""
    return {"plan": base64.b64encode(plan_message).decode("ascii"), "head": head, "keys": list(keys)}


def read(source: Mapping[str, Any]) -> Carried | None:
    """What a manifest carries; None for a set of an older release. Raises ValueError."""
    carried = source.get(FIELD)
    if carried is None:
        return None
    try:
        keys = tuple(str(each) for each in carried["keys"])
        plan = base64.b64decode(str(carried["plan"]), validate=True)
        found = Carried(plan=plan, head=str(carried["head"]), keys=keys)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ValueError(_FAULT) from error
    if not all(_FINGERPRINT.fullmatch(each) for each in keys):
        raise ValueError(_FAULT)
    return found


def key_file(name: str) -> str:
    """Where a recipient's public key is packed."""
    return f"keys/{name}.asc"


def is_below(name: str) -> bool:
    """Whether a relative name stays in its folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
