"""The recipients' public keys: the files that a plan names, judged before anything is encrypted to them."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from intendance.model.errors.openpgp import KeyUnreadable
from intendance.model.frozen import dataclass
from intendance.model.plan import Recipient
from intendance.plan.problems import Fault, OptionPath
from intendance.plan.reading import RECIPIENTS, recipients
from intendance.plan.saying import Said, counted, say
from intendance.system.openpgp import PublicKey, read_keys, read_keys_of

MAX_KEY_BYTES = 512 * 1024
SOON = timedelta(days=30)


@dataclass(slots=True)
class Judged:
    """The keys that can be used, what is wrong with the others, and what will soon be wrong."""

    usable: list[Recipient] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


class KeyRing:
    """The keys that the nodes of one file name: what is the same on several is read and judged once."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder, self._now = folder, now
        self._judged: dict[str, Judged] = {}

    def judge(self, data: Any) -> Judged:
        """What `judge` says of one node's plan."""
        named = repr(recipients(data))
        if named not in self._judged:
            self._judged[named] = judge(data, self._folder, self._now)
        return self._judged[named]


def judge(data: Any, folder: Path, now: datetime) -> Judged:
    """Read every key file that the plan names (relative to `folder`) and judge its key at `now`."""
    judged = Judged()
    known = _known(data, folder)
    for index, recipient in recipients(data):
        name, file, wanted = (recipient.get(option) for option in ("name", "file", "fingerprint"))
        if not isinstance(file, str) or not file or "\0" in file:
            continue
        path = (*RECIPIENTS, index)
        armored = _read(folder, file, path, judged)
        if armored is None:
            continue
        try:
            keys = known[armored] if armored in known else read_keys(armored)
        except KeyUnreadable as unreadable:
            detail = str(unreadable.params["detail"])
            said = say("`{file}` holds no OpenPGP public key: {detail}", file=file, detail=detail)
            judged.faults.append(Fault(path=(*path, "file"), code="key-unreadable", message=said, fix=_export(wanted)))
            continue
        key = _the_key(keys, file, recipient, path, judged)
        if key is not None and _is_usable(key, file, path, now, judged):
            judged.usable.append(
                Recipient(
                    name=str(name),
                    fingerprint=key.fingerprint,
                    held_by=str(recipient.get("held_by")),
                    armored=armored,
                )
            )
    return judged


def _known(data: Any, folder: Path) -> Mapping[str, tuple[PublicKey, ...]]:
    """The keys of all files that can be read, looked at together; what is wrong with the others is said one by one."""
    files = [recipient.get("file") for _, recipient in recipients(data)]
    usual = [file for file in files if isinstance(file, str) and file and "\0" not in file]
    texts = [_read(folder, file, (), Judged()) for file in usual]
    return read_keys_of(list(dict.fromkeys(text for text in texts if text is not None)))


def _read(folder: Path, file: str, path: OptionPath, judged: Judged) -> str | None:
    """The file's text, or None after noting why there is none."""
    shown = say("`{file}`", file=file) if file.startswith("/") else say("`{file}` (from the plan's folder)", file=file)
    try:
        status = (folder / file).stat()
        if not stat.S_ISREG(status.st_mode):
            said = say("{file} is not a file", file=shown)
        elif status.st_size > MAX_KEY_BYTES:
            most = MAX_KEY_BYTES // 1024
            said = say("{file} is larger than {most} KiB, which no public key is", file=shown, most=most)
        else:
            return (folder / file).read_bytes().decode("ascii")
    except FileNotFoundError:
        said = say("there is no file {file}", file=shown)
    except OSError as error:
        said = say("{file} cannot be read: {detail}", file=shown, detail=error.strerror or str(error))
    except UnicodeDecodeError:
        said = say("{file} is not ASCII-armoured", file=shown)
    fix = say("name the file of the public key; `gpg --armor --export FINGERPRINT > FILE` writes one")
    judged.faults.append(Fault(path=(*path, "file"), code="key-file", message=said, fix=fix))
    return None


def _the_key(
    keys: tuple[PublicKey, ...], file: str, recipient: Mapping[str, Any], path: OptionPath, judged: Judged
) -> PublicKey | None:
    """The one key of the file when it is the declared one and has no secret half; else None after noting why."""
    wanted = recipient.get("fingerprint")
    if any(key.has_secret for key in keys):
        judged.faults.append(
            Fault(
                path=(*path, "file"),
                code="key-private",
                message=say(
                    "`{file}` holds a PRIVATE key: whoever takes this machine could read every backup", file=file
                ),
                fix=say(
                    "{export}, erase the private key here, and make a new one if others may have read it",
                    export=_export(wanted),
                ),
                rule="MAINT_011",
            )
        )
        return None
    if len(keys) != 1:
        said = say("`{file}` holds {count} keys; one file holds one key", file=file, count=len(keys))
        judged.faults.append(Fault(path=(*path, "file"), code="key-file", message=said, fix=_export(wanted)))
        return None
    if not isinstance(wanted, str):
        return None
    if re.sub(r"\s", "", wanted).upper().removeprefix("0X") != keys[0].fingerprint:
        judged.faults.append(
            Fault(
                path=(*path, "fingerprint"),
                code="key-other",
                message=say(
                    "the key in `{file}` has another fingerprint: {fingerprint}",
                    file=file,
                    fingerprint=keys[0].fingerprint,
                ),
                fix=say("ask its holder, by another way than this file, which of the two is right"),
                rule="MAINT_011",
            )
        )
        return None
    return keys[0]


def _is_usable(key: PublicKey, file: str, path: OptionPath, now: datetime, judged: Judged) -> bool:
    """Whether backups can be encrypted to the key at `now`; notes why not, or that this ends soon."""
    ends = _encrypts_until(key)
    said: Said | None = None
    if key.revoked:
        said = say("the key in `{file}` is revoked", file=file)
    elif key.expires_at is not None and key.expires_at <= now:
        said = say("the key in `{file}` expired on {day}", file=file, day=f"{key.expires_at:%Y-%m-%d}")
    elif not key.encryption_subkeys:
        said = say("the key in `{file}` cannot encrypt: it has no subkey for that", file=file)
    elif key.encryption_subkey() is None or (ends is not None and ends <= now):
        said = say("the key in `{file}` can no longer encrypt: its subkey for that is expired or revoked", file=file)
    if said is not None:
        fix = say("ask its holder to renew it (`gpg --quick-set-expire`, `gpg --quick-add-key`) and to export it again")
        fault = Fault(path=(*path, "file"), code="key-unusable", message=said, fix=fix, rule="MAINT_011")
        judged.faults.append(fault)
        return False
    if ends is not None and ends - now <= SOON:
        left = max(1, (ends - now).days)
        said = counted(
            "the key in `{file}` expires on {day}, in {n} day",
            "the key in `{file}` expires on {day}, in {n} days",
            left,
            file=file,
            day=f"{ends:%Y-%m-%d}",
        )
        fix = say(
            "ask its holder to renew it: `gpg --quick-set-expire {fingerprint} 2y`, then export it again",
            fingerprint=key.fingerprint,
        )
        fault = Fault(path=(*path, "file"), code="key-ends-soon", message=said, fix=fix, rule="MAINT_011")
        judged.warnings.append(fault)
    return True


def _encrypts_until(key: PublicKey) -> datetime | None:
    """When the key stops to encrypt: its own end, or that of its longest-lived subkey for encryption."""
    ends = [] if key.expires_at is None else [key.expires_at]
    subkeys = [subkey.expires_at for subkey in key.encryption_subkeys if subkey.usable]
    if subkeys and all(end is not None for end in subkeys):
        ends.append(max(end for end in subkeys if end is not None))
    return min(ends, default=None)


def _export(fingerprint: Any) -> Said:
    which = re.sub(r"\s", "", fingerprint) if isinstance(fingerprint, str) and fingerprint else "FINGERPRINT"
    return say("write `gpg --armor --export {fingerprint}` into it, on the holder's machine", fingerprint=which)
