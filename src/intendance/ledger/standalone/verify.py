#!/usr/bin/env python3
"""Verifies a bundle made by `intendance ledger export`. One file: it needs Python 3.9 or newer and imports nothing of
Intendance. The signature needs the package `cryptography` or the program `openssl`; all else is the standard library.

    python3 verify.py [--pin CHECKPOINT] [--witness KEY] [--policy FILE] [--fleet-log EXPORT] [BUNDLE]

BUNDLE is the bundle's folder or .tar file; without it, the folder of this file. CHECKPOINT is an older checkpoint of
the same ledger that was kept elsewhere; KEY that of a witness which must have cosigned it; FILE a policy (C2SP
tlog-policy) that says whose cosignatures are enough. EXPORT is the bundle of a fleet log, which is verified first, by
the policy where there is one; the heads of this ledger that it binds are then compared with it. Nothing is written
there, unpacked or sent anywhere.

Ends with 0 verified, 1 tampered, 2 wrongly asked, 3 incomplete, 5 undetermined; the worst wins in the order 1, 3, 5.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

TAMPERED, WRONGLY_ASKED, INCOMPLETE, UNDETERMINED = 1, 2, 3, 5
WORDS = {TAMPERED: "tampered", INCOMPLETE: "incomplete", UNDETERMINED: "undetermined"}
LARGEST_FILE = 64 * 1024 * 1024  # of those read whole; attachments and texts are hashed as they stream by
MOST_FILES = 1_000_000
LARGEST_RECORD, DEEPEST, LARGEST_INTEGER = 61_440, 16, 2**53 - 1
MEMBERS = {
    "v": int, "seq": int, "node": str, "boot": str, "mono_us": int, "ts": str, "kind": str, "asset": (str, type(None)),
    "run": (str, type(None)), "actor": str, "data": dict, "attachments": list, "prev": str,
}  # fmt: skip
RECORDS = "ledger/records/"  # in part of a ledger: files named for their first record
NAME = re.compile(r"[a-z0-9_]+")
ORIGIN = re.compile(r"[a-z0-9][a-z0-9-]{0,39}/(?:node/([a-z0-9][a-z0-9-]{0,39})/[0-9A-Za-z-]{1,40}|log)", re.ASCII)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
TILE = re.compile(r"tile/(entries|0|[1-9]|[1-5]\d|6[0-3])/((?:x\d{3}/)*)(\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


class Unusable(Exception):
    """The bundle cannot be read at all."""


class Findings:
    """What is wrong, what was verified and what was not."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []
        self.verified: list[str] = []
        self.unverified: list[str] = []

    def add(self, fault: int, sentence: str) -> None:
        self.found.append((fault, sentence))

    @property
    def code(self) -> int:
        codes = {fault for fault, _ in self.found}
        return next((code for code in (TAMPERED, INCOMPLETE, UNDETERMINED) if code in codes), 0)


# ── The files of a bundle: names are looked up in a list made beforehand, so that no name leads out of the bundle ─────


class Folder:
    """A bundle as a folder. Links, devices and sockets are not followed."""

    def __init__(self, place: Path, findings: Findings) -> None:
        self.place = place
        self.sizes: dict[str, int] = {}
        for folder, folders, names in os.walk(place):
            for name in [*names, *(f for f in folders if (Path(folder) / f).is_symlink())]:
                path = Path(folder) / name
                shown = path.relative_to(place).as_posix()
                if path.is_symlink() or not path.is_file():
                    findings.add(UNDETERMINED, f"{shown!r} is not a plain file")
                else:
                    self.sizes[shown] = path.stat().st_size
                if len(self.sizes) > MOST_FILES:
                    raise Unusable(f"it holds more than {MOST_FILES} files")

    def open(self, name: str) -> BinaryIO:
        return (self.place / name).open("rb")


class Archive:
    """A bundle as an uncompressed tar, read in place."""

    def __init__(self, place: Path, findings: Findings) -> None:
        self.sizes: dict[str, int] = {}
        self._members: dict[str, tarfile.TarInfo] = {}
        try:
            self._tar = tarfile.open(place, "r:")  # noqa: SIM115 -- open until the program ends
            for member in self._tar:
                self._note(member, findings)
        except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
            raise Unusable(f"it is not a whole, uncompressed tar: {error}") from None

    def _note(self, member: tarfile.TarInfo, findings: Findings) -> None:
        if member.isdir():
            return
        top, _, name = member.name.partition("/")
        if top in ("", "..") or {"", ".", ".."} & set(name.split("/")):
            findings.add(UNDETERMINED, f"{member.name!r} is not a name within the bundle")
        elif member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
            findings.add(UNDETERMINED, f"{name!r} is not a plain file")
        elif name in self.sizes or len(self.sizes) >= MOST_FILES:
            raise Unusable(f"{name!r} is in it twice, or it holds more than {MOST_FILES} files")
        else:
            self.sizes[name] = member.size
            self._members[name] = member

    def open(self, name: str) -> BinaryIO:
        content = self._tar.extractfile(self._members[name])
        if content is None:
            raise OSError(name)
        return content  # type: ignore[return-value]


class Bundle:
    """Reading files by name, with the limits that hostile bundles meet."""

    def __init__(self, place: Path, findings: Findings) -> None:
        self.files = Folder(place, findings) if place.is_dir() else Archive(place, findings)
        self.sizes = self.files.sizes

    def read(self, name: str) -> bytes | None:
        if name not in self.sizes:
            return None
        self._refuse_large(name)
        with self.files.open(name) as content:
            return content.read(LARGEST_FILE)

    def _refuse_large(self, name: str) -> None:
        if self.sizes[name] > LARGEST_FILE:
            raise Unusable(f"{name!r} has {self.sizes[name]} bytes, at most {LARGEST_FILE} are read")

    def digest(self, name: str) -> str:
        if not name.startswith("attachments/"):
            self._refuse_large(name)
        found = hashlib.sha256()
        with self.files.open(name) as content:
            for piece in iter(lambda: content.read(1 << 20), b""):
                found.update(piece)
        return found.hexdigest()


def check_sums(bundle: Bundle, findings: Findings) -> None:
    """Every file against SHA256SUMS, and SHA256SUMS against every file."""
    content = bundle.read("SHA256SUMS")
    if content is None:
        findings.add(INCOMPLETE, "SHA256SUMS is missing")
        return
    listed: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        if re.fullmatch(r"[0-9a-f]{64}  \S+", line) is None:
            findings.add(TAMPERED, f"SHA256SUMS: {line[:80]!r} is not a line of it")
        else:
            listed[line[66:]] = line[:64]
    for name, expected in listed.items():
        if name not in bundle.sizes:
            findings.add(INCOMPLETE, f"{name!r} is missing")
        elif bundle.digest(name) != expected:
            findings.add(TAMPERED, f"{name!r} is not the file that SHA256SUMS names")
    for name in bundle.sizes.keys() - listed.keys() - {"SHA256SUMS"}:
        findings.add(UNDETERMINED, f"{name!r} is not a file of this bundle")
    findings.verified.append(f"{len(listed)} files against SHA256SUMS")


# ── The signature ────────────────────────────────────────────────────────────────────────────────────────────────────


def unbase64(text: str) -> bytes:
    content = base64.b64decode(text.encode(), validate=True)
    if base64.b64encode(content).decode() != text:
        raise binascii.Error("not the canonical spelling")
    return content


class Key:
    """A public key, from its text `name+key id+base64(kind || 32 bytes)`: of a ledger 0x01, of a witness 0x04. Raises
    ValueError."""

    def __init__(self, text: str, kind: bytes = b"\x01") -> None:
        self.name, key_id, material = text.split("+", 2)
        content = unbase64(material)
        self.public = content[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + kind + self.public).digest()[:4]
        if content[:1] != kind or len(content) != 33 or self.id.hex() != key_id or not self.name:
            raise ValueError("not an Ed25519 key, or its id is not its own")


class Policy:
    """Whose cosignatures are enough (C2SP tlog-policy). Raises ValueError when the file is none."""

    def __init__(self, content: bytes) -> None:
        if len(content) > 65_536 or re.search(rb"[^\t\n\x20-\x7e\x80-\xff]", content):
            raise ValueError("the policy is too long, or holds control characters")
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        self._members: set[str] = set()
        for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
            words = [word for word in re.split(r"[ \t]+", line) if word]
            try:
                if words and not words[0].startswith("#"):
                    self._line(words[0], words[1:])
            except ValueError as error:
                raise ValueError(f"line {number} of the policy: {error}") from None
        if not self.quorum:
            raise ValueError("the policy has no line `quorum NAME`")

    def _line(self, what: str, words: list[str]) -> None:
        if what == "log" and len(words) in (1, 2):
            self.logs.append(self._new(Key(words[0]), self.logs))
        elif what == "witness" and len(words) in (2, 3):
            self.witnesses[self._free(words[0])] = self._new(Key(words[1], b"\x04"), list(self.witnesses.values()))
        elif what == "group" and len(words) > 2:
            self._group(self._free(words[0]), words[1], words[2:])
        elif what == "quorum" and len(words) == 1 and not self.quorum:
            self.quorum = words[0] if words[0] == "none" else self._known(words[0])
        else:
            raise ValueError(f"{what[:40]!r} with {len(words)} words is no line of it, or stands there twice")

    def _group(self, name: str, wanted: str, members: list[str]) -> None:
        for each in members:
            if self._known(each) in self._members:
                raise ValueError(f"{each!r} is a member twice")
            self._members.add(each)
        number = int(wanted) if re.fullmatch(r"[1-9][0-9]{0,4}", wanted) else 0
        count = {"all": len(members), "any": 1}.get(wanted, number)
        if not 1 <= count <= len(members):
            raise ValueError(f"{wanted!r} is not any, all, or a number from 1 to {len(members)}")
        self.groups[name] = count, members

    def _free(self, name: str) -> str:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise ValueError(f"the name {name!r} is taken")
        return name

    def _known(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise ValueError(f"no line above names {name!r}")
        return name

    @staticmethod
    def _new(key: Key, former: list[Key]) -> Key:
        if any(key.public == each.public for each in former):
            raise ValueError(f"the key of {key.name!r} stands there twice")
        return key

    def needed(self, name: str | None = None) -> list[Key]:
        """The witnesses that can count for the quorum."""
        name = self.quorum if name is None else name
        if name in self.witnesses:
            return [self.witnesses[name]]
        return [key for each in self.groups.get(name, (0, []))[1] for key in self.needed(each)]

    def holds(self, name: str, sizes: dict[bytes, int], size: int) -> bool:
        """Whether those who cosigned so many records or more are enough; sizes by public key."""
        if name in self.witnesses:
            return sizes.get(self.witnesses[name].public, -1) >= size
        count, members = self.groups[name]
        return sum(self.holds(each, sizes, size) for each in members) >= count

    def vouched(self, sizes: dict[bytes, int], whole: int) -> int | None:
        """How many records the quorum vouches for; None when it is not met."""
        if self.quorum == "none":
            return whole
        return next((n for n in sorted(set(sizes.values()), reverse=True) if self.holds(self.quorum, sizes, n)), None)


class Checkpoint:
    """A signed head. Raises ValueError when it is none."""

    def __init__(self, content: bytes) -> None:
        if len(content) > 65_536 or re.search(rb"[\x00-\x09\x0b-\x1f]", content):
            raise ValueError("too long, or with control characters")
        text, gap, lines = content.decode().rpartition("\n\n")
        self.text = text + "\n"
        head = text.split("\n")
        if not gap or not lines.endswith("\n") or len(head) < 3 or not head[0] or "" in head[3:]:
            raise ValueError("origin, size, root, an empty line, signatures are expected")
        if re.fullmatch(r"0|[1-9][0-9]{0,18}", head[1]) is None:
            raise ValueError("its size is no number")
        self.origin, self.size, self.root = head[0], int(head[1]), unbase64(head[2])
        if len(self.root) != 32:
            raise ValueError("its root has not 32 bytes")
        self.signatures = [self._signature(line) for line in lines[:-1].split("\n")]

    @staticmethod
    def _signature(line: str) -> tuple[str, bytes]:
        found = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        if found is None or len(unbase64(found[2])) < 5:
            raise ValueError(f"{line[:80]!r} is not a signature line")
        return found[1], unbase64(found[2])

    def judge(self, key: Key) -> tuple[int, str]:
        """(0, "") when the key signed it, else the fault and why."""
        own = self.of(key)
        if not own:
            return UNDETERMINED, "it carries no signature of this ledger's key"
        return self._told([signature_holds(key.public, signature, self.text.encode()) for signature in own])

    def of(self, key: Key) -> list[bytes]:
        return [signed[4:] for name, signed in self.signatures if name == key.name and signed[:4] == key.id]

    def cosigned(self, key: Key) -> tuple[int, str]:
        """The same of a witness, whose signature begins with a time."""
        answers = []
        for signed in self.of(key):
            head = f"cosignature/v1\ntime {int.from_bytes(signed[:8], 'big')}\n"
            answers.append(signature_holds(key.public, signed[8:], (head + self.text).encode()))
        return self._told(answers)

    @staticmethod
    def _told(answers: list[bool | None]) -> tuple[int, str]:
        if False in answers:
            return TAMPERED, "its signature does not fit its text"
        if None in answers:
            return UNDETERMINED, "its signature was NOT checked: neither the package cryptography nor openssl is here"
        return 0, ""


def signature_holds(public: bytes, signature: bytes, text: bytes) -> bool | None:
    """Whether the key signed the text; None when this machine has nothing to tell by."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return asked_of_openssl(public, signature, text)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def asked_of_openssl(public: bytes, signature: bytes, text: bytes) -> bool | None:
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in ("key.der", "text", "signature")}
        Path(paths["key.der"]).write_bytes(bytes.fromhex("302a300506032b6570032100") + public)
        Path(paths["text"]).write_bytes(text)
        Path(paths["signature"]).write_bytes(signature)
        asked = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths["key.der"], "-rawin"]
        asked += ["-in", paths["text"], "-sigfile", paths["signature"]]
        try:
            ended = subprocess.run(asked, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            return None
    said = ended.stdout + ended.stderr
    if ended.returncode == 0 and b"Verified Successfully" in said:
        return True
    return False if b"Verification Failure" in said else None


# ── Records ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > LARGEST_INTEGER:
        raise ValueError("an integer beyond 2^53 - 1")
    return int(text)


def no_fraction(text: str) -> Any:
    raise ValueError(f"{text[:20]!r} is not an integer")


def check_form(value: Any, depth: int = 1) -> None:
    if depth > DEEPEST:
        raise ValueError(f"nested deeper than {DEEPEST}")
    if isinstance(value, str) and not value.isascii() and not unicodedata.is_normalized("NFC", value):
        raise ValueError("text that is not in Unicode's form NFC")
    if isinstance(value, dict):
        for name in value:
            if NAME.fullmatch(name) is None:
                raise ValueError(f"the name {name[:40]!r}")
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            check_form(item, depth + 1)


def canonical(content: bytes) -> Any:
    """The value of canonical JSON. Raises ValueError."""
    if len(content) > LARGEST_RECORD:
        raise ValueError(f"{len(content)} bytes")
    try:
        value = json.loads(content.decode(), parse_int=integer, parse_float=no_fraction, parse_constant=no_fraction)
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST}") from None
    check_form(value)
    if json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() != content:
        raise ValueError("written in another way than the canonical one")
    return value


def judge_record(content: bytes, seq: int, node: str, kinds: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    """(0, "", record), or the fault, why, and what could be read."""
    try:
        record = canonical(content)
    except ValueError as error:
        return TAMPERED, f"not canonical JSON: {error}", {}
    if not isinstance(record, dict) or type(record.get("v")) is not int or record["v"] != 1:
        return UNDETERMINED, "its version is not known to this program", {}
    if record.keys() != MEMBERS.keys() or not all(has_type(record[name], MEMBERS[name]) for name in MEMBERS):
        return UNDETERMINED, "it has not the members of a record of version 1", {}
    if not all(is_attachment(a) for a in record["attachments"]):
        return UNDETERMINED, "an attachment is described in an unknown way", {}
    if record["seq"] != seq or (node and record["node"] != node):
        return TAMPERED, f"it says it is record {record['seq']} of {record['node']}", record
    if not is_time(record["ts"]):
        return UNDETERMINED, f"its time {record['ts'][:40]!r} is not of the form that is known", record
    shape = kinds.get(record["kind"])
    if not isinstance(shape, dict):
        return UNDETERMINED, f"its kind {record['kind'][:40]!r} is not in kinds.json", record
    members = set(record["data"])
    if not set(shape.get("required", ())) <= members <= {*shape.get("required", ()), *shape.get("optional", ())}:
        return UNDETERMINED, f"its data has not the members of {record['kind']!r}", record
    return 0, "", record


def has_type(value: Any, wanted: Any) -> bool:
    return isinstance(value, wanted) and not isinstance(value, bool)


def is_attachment(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"media", "sha256", "size"}:
        return False
    return has_type(value["size"], int) and has_type(value["sha256"], str) and has_type(value["media"], str)


def is_time(text: str) -> bool:
    if TIME.fullmatch(text) is None:
        return False
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 -- only whether there is such an instant
    except ValueError:
        return False
    return True


# ── The tree: complete subtrees as (height, hash), merged as they grow; those of height 0, 8, 16 … stand in the tiles ─


class Tree:
    """Leaves in order; every tile is compared with the bundle's as soon as its last hash is known."""

    def __init__(self, bundle: Bundle, findings: Findings) -> None:
        self.size = 0
        self.compared = 0
        self._peaks: list[tuple[int, bytes]] = []
        self._rows: dict[int, list[bytes]] = {}
        self._done: dict[int, int] = {}
        self._bundle = bundle
        self._findings = findings
        self.places: dict[tuple[str, int], list[tuple[int, str]]] = {}
        for name in sorted(bundle.sizes):
            if name.startswith("ledger/tile/"):
                self._place(name)

    def _place(self, name: str) -> None:
        found = TILE.fullmatch(name[len("ledger/") :])
        width = int(found[4] or 256) if found else 0
        if found is None or width > 256 or (found[4] and width == 256) or found[2].startswith("x000/"):
            self._findings.add(UNDETERMINED, f"no tile is called {name!r}")
            return
        index = int(found[2].replace("x", "").replace("/", "") + found[3])
        self.places.setdefault((found[1], index), []).append((width, name))

    def append(self, record: bytes) -> None:
        self.size += 1
        height, here = 0, hashlib.sha256(b"\x00" + record).digest()
        self._stand(0, here)
        while self._peaks and self._peaks[-1][0] == height:
            here = hashlib.sha256(b"\x01" + self._peaks.pop()[1] + here).digest()
            height += 1
            if height % 8 == 0:
                self._stand(height // 8, here)
        self._peaks.append((height, here))

    def _stand(self, level: int, found: bytes) -> None:
        row = self._rows.setdefault(level, [])
        row.append(found)
        if len(row) == 256:
            self._compare(level, row)
            self._done[level] = self._done.get(level, 0) + 1
            row.clear()

    def root(self) -> bytes:
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        found = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            found = hashlib.sha256(b"\x01" + peak + found).digest()
        return found

    def _compare(self, level: int, row: list[bytes]) -> None:
        place = (str(level), self._done.get(level, 0))
        self.judge(place, len(row), lambda width: b"".join(row[:width]))

    def judge(self, place: tuple[str, int], held: int, expected: Any) -> None:
        """The files of one place against what stands there: `held` things, of which the first n are `expected(n)`."""
        found = self.places.pop(place, [])
        if not any(width >= held for width, _ in found):
            self._findings.add(INCOMPLETE, f"the tile of level {place[0]}, number {place[1]}, is missing")
        for width, name in found:
            if width > held:
                self._findings.add(INCOMPLETE, f"{name!r} speaks of records that are not here")
                continue
            self.compared += 1
            if self._bundle.read(name) != expected(width):
                self._findings.add(TAMPERED, f"{name!r} is not made of these records")

    def finish(self) -> None:
        for level, row in self._rows.items():
            if row:
                self._compare(level, row)
        for found in self.places.values():
            for _, name in found:
                self._findings.add(INCOMPLETE, f"{name!r} speaks of records that are not here")


def merkle(hashes: list[bytes]) -> list[bytes]:
    """The root over hashes that stand side by side, of which only the last may be of a smaller tree; none of none."""
    row = hashes
    while len(row) > 1:
        above = [hashlib.sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        row = above + ([row[-1]] if len(row) % 2 else [])
    return row


class SignedTiles:
    """The tiles of part of a ledger: each is tied to the root of the checkpoint by those above it."""

    def __init__(self, bundle: Bundle, findings: Findings, head: Checkpoint, places: Any) -> None:
        self._bundle, self._findings, self._places, self.size = bundle, findings, places, head.size
        self._rows: dict[tuple[int, int], list[bytes] | None] = {}
        self._edge: list[list[bytes] | None] = []
        rest: list[bytes] = []
        while head.size >> (8 * len(self._edge)):
            level = len(self._edge)
            index, width = divmod(head.size >> (8 * level), 256)
            row = self._read(level, index, width) if width else []
            self._edge.append(row)
            rest = merkle((row or []) + rest)
        self.sound = None not in self._edge
        if self.sound and (rest or [hashlib.sha256(b"").digest()]) != [head.root]:
            self.sound = False
            findings.add(TAMPERED, f"the tiles do not add up to the root of {head.size} records")

    def _read(self, level: int, index: int, width: int) -> list[bytes] | None:
        names = dict(self._places.get((str(level), index), ()))
        name = names.get(width, names.get(256))
        if name is None:
            self._findings.add(INCOMPLETE, f"the tile of level {level}, number {index}, is missing")
            return None
        content = self._bundle.read(name) or b""
        content = content if width in names else content[: 32 * width]
        if len(content) != 32 * width:
            self._findings.add(TAMPERED, f"{name!r} does not hold {width} hashes")
            return None
        return [content[i : i + 32] for i in range(0, len(content), 32)]

    def has(self, level: int, index: int) -> bool:
        """Whether a log of this size has such a tile."""
        return level < len(self._edge) and index <= self.size >> (8 * level + 8)

    def row(self, level: int, index: int) -> list[bytes] | None:
        """The hashes of a tile that the log has, when they are those that were signed; None when that is not so."""
        if not self.sound or index == self.size >> (8 * level + 8):
            return self._edge[level] if self.sound else None
        if (level, index) not in self._rows:
            found, above = self._read(level, index, 256), self.row(level + 1, index // 256)
            if found and above and merkle(found) != [above[index % 256]]:
                self._findings.add(TAMPERED, f"the tile of level {level}, number {index}, was changed")
                found = None
            self._rows[level, index] = found if above else None
        return self._rows[level, index]

    def root_at(self, size: int) -> bytes | None:
        """The root that the log had with fewer records; None when the tiles at hand do not give it."""
        rest: list[bytes] = []
        for level in range(8):
            index, width = divmod(size >> (8 * level), 256)
            row = self.row(level, index) if width else []
            if row is None:
                return None
            rest = merkle(row[:width] + rest)
        return rest[0] if rest else hashlib.sha256(b"").digest()


def entries_of(content: bytes) -> tuple[list[bytes], bool]:
    """The entries of a bundle of records, and whether it ends with the last one."""
    entries, at = [], 0
    while at + 2 <= len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        if end > len(content):
            break
        entries.append(content[at + 2 : end])
        at = end
    return entries, at == len(content)


def framed(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


# ── All of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Verification:
    """One pass over one bundle."""

    def __init__(self, bundle: Bundle, findings: Findings) -> None:
        self.bundle, self.findings = bundle, findings
        self.tree = Tree(bundle, findings)
        self.kinds = self._kinds()
        self.key: Key | None = None
        self.origin = ""
        self.attachments: dict[str, bool] = {}
        self.sheets: list[tuple[int, str]] = []
        self.bound: list[tuple[Checkpoint, str]] = []
        self.vouched: int | None = None
        self.end = 0
        self._genesis()
        self.head = self._checkpoint("ledger/checkpoint", bundle.read("ledger/checkpoint"), "ledger/checkpoint")
        found = ORIGIN.fullmatch(self.origin or (self.head.origin if self.head else ""))
        self.node = (found[1] or "fleet.log") if found else ""

    def _kinds(self) -> dict[str, Any]:
        try:
            kinds = json.loads(self.bundle.read("kinds.json") or b"")
            return {kind: shape for kind, shape in kinds.items() if isinstance(shape, dict)}
        except (ValueError, AttributeError, RecursionError):
            self.findings.add(UNDETERMINED, "kinds.json, the list of what records may say, cannot be read")
            return {}

    def _genesis(self) -> None:
        alone = self.bundle.read(f"{RECORDS}0")
        first = (
            next((found for _, _, found in self._bundles() if found), None) if alone is None else entries_of(alone)[0]
        )
        try:
            data = canonical((first or [b""])[0])["data"]
            self.origin, self.key = str(data["origin"]), Key(str(data["ledger_key"]))
        except (ValueError, KeyError, TypeError) as error:
            fault = UNDETERMINED if first else INCOMPLETE
            self.findings.add(fault, f"the ledger's key cannot be read from record 0: {error}")
            return
        if self.key.name != self.origin or ORIGIN.fullmatch(self.origin) is None:
            self.findings.add(TAMPERED, "record 0: its origin and the name of its key do not fit")
        apart = self.bundle.read("ledger.vkey")
        if apart is not None and apart.decode("utf-8", "replace").strip() != data["ledger_key"]:
            self.findings.add(TAMPERED, "ledger.vkey is not the key in record 0")

    def _checkpoint(self, what: str, content: bytes | None, shown: str) -> Checkpoint | None:
        if content is None:
            self.findings.add(INCOMPLETE, f"{shown} is missing: nothing signed binds these records")
            return None
        try:
            head = Checkpoint(content)
        except ValueError as error:
            self.findings.add(TAMPERED, f"{shown} is no checkpoint: {error}")
            return None
        if self.key is None:
            self.findings.add(UNDETERMINED, f"{shown}: its signature was not checked, the key is not known")
            return head
        if head.origin != self.key.name:
            self.findings.add(TAMPERED, f"{shown} is of another ledger: {head.origin}")
        fault, why = head.judge(self.key)
        if fault:
            self.findings.add(fault, f"{shown}: {why}")
        else:
            self.findings.verified.append(f"the signature of {what}, by {self.key.name}+{self.key.id.hex()}")
        return head

    def _bundles(self) -> Iterator[tuple[int, int, list[bytes]]]:
        """(number, promised, entries) of every bundle of records that can be read, up to the first one missing."""
        places = dict(self.tree.places)
        for index in range(len(places)):
            files = places.get(("entries", index))
            if files is None:
                return
            width, name = max(files)
            yield index, width, entries_of(self.bundle.read(name) or b"")[0][:width]

    def run(self, known: list[tuple[Checkpoint, str]]) -> None:
        """All of it, or the part that is here."""
        if any(name.startswith(RECORDS) for name in self.bundle.sizes):
            self.part(known)
        else:
            self.all(known)

    def all(self, known: list[tuple[Checkpoint, str]]) -> None:
        """Every record, every tile, the roots that are signed."""
        marks = {head.size for head in (self.head, *(head for head, _ in [*known, *self.bound])) if head}
        roots = {0: self.tree.root()}
        previous = "0" * 64
        for index, width, entries in self._bundles():
            for record in entries:
                self._record(self.tree.size, record, previous)
                previous = hashlib.sha256(record).hexdigest()
                self.tree.append(record)
                if self.tree.size in marks:
                    roots[self.tree.size] = self.tree.root()
            self.tree.judge(("entries", index), len(entries), lambda n, e=entries: framed(e[:n]))
            if len(entries) != width:
                self.findings.add(TAMPERED, f"the bundle of records number {index} does not hold {width} records")
            if len(entries) != 256:
                break
        self.tree.finish()
        self.end = self.tree.size
        self._compare(roots, known)
        self._compare_bound(roots)
        self.findings.verified += [
            f"{self.tree.size} records: form, members, chain, place in the tree",
            f"{self.tree.compared} tiles and bundles against these records",
            f"{sum(self.attachments.values())} attachments by their SHA-256",
        ]

    def part(self, known: list[tuple[Checkpoint, str]]) -> None:
        """Some records, each found in the signed tree by way of the tiles that are here."""
        tiles = SignedTiles(self.bundle, self.findings, self.head, self.tree.places) if self.head else None
        pieces = self._pieces()
        if len(pieces) > 1 and pieces[0][0] == 0 and len(pieces[0][1]) == 1 and pieces[1][0] > 1:
            self._piece(0, pieces.pop(0)[1], "0" * 64, tiles)  # for its key
        first = expected = pieces[0][0] if pieces else 0
        previous = None if first else "0" * 64
        for start, entries in pieces:
            if start != expected:
                late = start > expected
                what = "are missing" if late else "stand out of order"
                self.findings.add(INCOMPLETE if late else TAMPERED, f"records before {start} {what}")
                previous = None
            previous = self._piece(start, entries, previous, tiles)
            expected = start + len(entries)
        if tiles and expected > tiles.size:
            self.findings.add(INCOMPLETE, f"records from {tiles.size} on are not signed")
        compared = self._compare_tiles(tiles) if tiles else 0
        self.findings.verified += [
            f"records {first} to {expected - 1}: form, members, chain, place in the signed tree",
            f"{compared} tiles against the signed root",
            f"{sum(self.attachments.values())} attachments by their SHA-256",
        ]
        self.findings.unverified.append(f"The records before {first} and after {expected - 1}: they are not here.")
        self.end = expected
        for other, shown in [*known, *self.bound[-1:]] if self.head else ():
            self._compare_part(self.head, other, shown)

    def _pieces(self) -> list[tuple[int, list[bytes]]]:
        """The files of records in order, each with the number of its first one."""
        pieces = []
        for name in (name[len(RECORDS) :] for name in self.bundle.sizes if name.startswith(RECORDS)):
            if re.fullmatch(r"0|[1-9][0-9]{0,18}", name) is None or int(name) >= 2**63:
                self.findings.add(TAMPERED, f"{RECORDS}{name} is not named for a record")
                continue
            start = int(name)
            entries, whole = entries_of(self.bundle.read(f"{RECORDS}{name}") or b"")
            if not whole or not entries or start % 256 + len(entries) > 256:
                self.findings.add(TAMPERED, f"{RECORDS}{name} is not a whole file of records")
            pieces.append((start, entries[: 256 - start % 256]))
        return sorted(pieces)

    def _piece(self, start: int, entries: list[bytes], previous: str | None, tiles: SignedTiles | None) -> str | None:
        for seq, record in enumerate(entries, start):
            if tiles and seq >= tiles.size:
                break
            self._record(seq, record, previous)
            previous = hashlib.sha256(record).hexdigest()
            row = tiles.row(0, seq // 256) if tiles else None
            if row and row[seq % 256] != hashlib.sha256(b"\x00" + record).digest():
                self.findings.add(TAMPERED, f"record {seq}: it is not the record that was signed")
        return previous

    def _compare_tiles(self, tiles: SignedTiles) -> int:
        compared = 0
        for (level, index), files in self.tree.places.items():
            for width, name in files:
                row = tiles.row(int(level), index) if level != "entries" and tiles.has(int(level), index) else None
                if level == "entries":
                    self.findings.add(UNDETERMINED, f"no part of a ledger has a file {name!r}")
                elif not tiles.has(int(level), index):
                    self.findings.add(INCOMPLETE, f"{name!r} speaks of records that are not signed")
                elif row is not None:
                    compared += 1
                    if self.bundle.read(name) != b"".join(row[:width]):
                        self.findings.add(TAMPERED, f"{name!r} is not of the signed tree")
        return compared

    def _compare_part(self, head: Any, pin: Checkpoint, shown: str) -> None:
        if pin.size > head.size:
            self.findings.add(INCOMPLETE, f"{shown} signs {pin.size} records, this one {head.size}")
            return
        root = SignedTiles(self.bundle, Findings(), head, self.tree.places).root_at(pin.size)
        if root is None:
            self.findings.add(UNDETERMINED, f"what compares it with {shown} of {pin.size} is not here")
        elif root != pin.root:
            self.findings.add(TAMPERED, f"the first {pin.size} records are not those of {shown}")
        else:
            self.findings.verified.append(f"{shown} of {pin.size} records, root {pin.root.hex()}")

    def _record(self, seq: int, content: bytes, previous: str | None) -> None:
        fault, why, record = judge_record(content, seq, self.node, self.kinds)
        if fault:
            self.findings.add(fault, f"record {seq}: {why}")
        if record and previous is not None and record["prev"] != previous:
            self.findings.add(TAMPERED, f"record {seq}: it does not name the record before it")
        if record and (record["kind"] == "genesis") != (seq == 0):
            self.findings.add(TAMPERED, f"record {seq}: only record 0 is a genesis record")
        if record.get("kind") == "heads.bound":
            self.sheets += [(seq, attachment["sha256"]) for attachment in record["attachments"]]
        for attachment in record.get("attachments", ()):
            self._attachment(seq, attachment["sha256"], attachment["size"])

    def _attachment(self, seq: int, sha256: str, size: int) -> None:
        name = f"attachments/sha256/{sha256[:2]}/{sha256}"
        if self.attachments.get(sha256):
            return
        self.attachments[sha256] = False
        if name not in self.bundle.sizes:
            self.findings.add(INCOMPLETE, f"record {seq}: its attachment {sha256[:64]!r} is missing")
        elif self.bundle.sizes[name] != size or self.bundle.digest(name) != sha256:
            self.findings.add(TAMPERED, f"record {seq}: its attachment {sha256[:64]} was changed")
        else:
            self.attachments[sha256] = True

    def _compare(self, roots: dict[int, bytes], known: list[tuple[Checkpoint, str]]) -> None:
        for head, shown in [(self.head, "the checkpoint"), *known]:
            if head is None:
                continue
            if head.size > self.tree.size:
                self.findings.add(INCOMPLETE, f"{shown} signs {head.size} records, here are {self.tree.size}")
            elif roots[head.size] != head.root:
                self.findings.add(TAMPERED, f"the first {head.size} records do not give the root of {shown}")
            else:
                self.findings.verified.append(f"{shown} of {head.size} records, root {head.root.hex()}")
        if self.head and self.head.size < self.tree.size:
            self.findings.add(INCOMPLETE, f"records from {self.head.size} on are not signed")

    def _compare_bound(self, roots: dict[int, bytes]) -> None:
        """The heads of this ledger that a fleet log binds."""
        for head, shown in self.bound:
            if head.size > self.tree.size:
                self.findings.add(
                    INCOMPLETE, f"{shown} binds {head.size} records, here are {self.tree.size}: rolled back"
                )
            elif roots[head.size] != head.root:
                self.findings.add(TAMPERED, f"the first {head.size} records are not those that {shown} binds")
        if self.bound:
            largest = max(head.size for head, _ in self.bound)
            self.findings.verified.append(f"{len(self.bound)} heads that the fleet log binds, the largest of {largest}")

    def bound_heads(self) -> Iterator[tuple[Checkpoint, str]]:
        """Of a fleet log: the heads of nodes that it binds, as far as a quorum vouches for it, oldest first."""
        newest: dict[str, Checkpoint] = {}
        for seq, sha256 in self.sheets:
            if self.vouched is not None and seq >= self.vouched:
                break
            shown = f"record {seq} of the fleet log"
            for head in self._sheet(seq, sha256):
                former = newest.get(head.origin)
                if former and head.size < former.size:
                    self.findings.add(TAMPERED, f"record {seq} binds fewer records of {head.origin} than one before it")
                elif former and head.size == former.size and head.root != former.root:
                    self.findings.add(TAMPERED, f"record {seq} binds another history of {head.origin}: two forks")
                newest[head.origin] = head
                yield head, shown

    def _sheet(self, seq: int, sha256: str) -> Iterator[Checkpoint]:
        content = (
            self.bundle.read(f"attachments/sha256/{sha256[:2]}/{sha256}") if self.attachments.get(sha256) else None
        )
        if content is None:
            return
        try:
            unpacking = zlib.decompressobj(wbits=31)
            text = unpacking.decompress(content, 1 << 24)
            if not unpacking.eof:
                raise ValueError("larger than any is, or cut")
            lines = [json.loads(line) for line in text.splitlines()]
            heads = [Checkpoint(line["note"].encode()) for line in lines]
        except (zlib.error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            self.findings.add(UNDETERMINED, f"record {seq}: the heads that it binds cannot be read")
            return
        yield from heads

    def against(self, heads: list[tuple[Checkpoint, str]]) -> None:
        """Take the heads of this ledger out of those that a fleet log binds."""
        if self.key is None:
            return
        for head, shown in heads:
            if head.origin != self.key.name:
                continue
            fault, why = head.judge(self.key)
            if fault:
                self.findings.add(fault, f"{shown}: {why}")
            else:
                self.bound.append((head, shown))
        if not self.bound:
            self.findings.add(UNDETERMINED, "the fleet log binds no head of this ledger: another node's, or too old")

    def under(self, policy: Policy) -> Iterator[tuple[Checkpoint, str]]:
        """What the witnesses of a policy cosigned, and whether they are enough."""
        if (
            self.key
            and policy.logs
            and all((self.key.name, self.key.public) != (k.name, k.public) for k in policy.logs)
        ):
            self.findings.add(UNDETERMINED, "the policy does not name this log's key: compare it with the one you have")
        needed, sizes = policy.needed(), {}
        for key in needed:
            head = self._largest(key)
            if head is not None:
                sizes[key.public] = head.size
                yield head, f"the checkpoint cosigned by {key.name}"
        self.vouched = policy.vouched(sizes, self.head.size if self.head else 0)
        told = f"{len(sizes)} of the {len(needed)} witnesses that can count cosigned"
        if self.vouched is None:
            absent = ", ".join(key.name for key in needed if key.public not in sizes)
            self.findings.add(UNDETERMINED, f"{told}: too few for the policy; missing: {absent}")
        elif needed:
            self.findings.verified.append(f"{told}, enough for {self.vouched} records")

    def judge_reach(self) -> None:
        """Whether what is here came after what the quorum cosigned."""
        if self.vouched is not None and self.vouched < self.end:
            detail = "an older tree: nobody vouches for the later ones. Ask for a newer export"
            self.findings.add(UNDETERMINED, f"the quorum cosigned {self.vouched} records, {detail}")

    def witnessed(self, key: Key) -> Iterator[tuple[Checkpoint, str]]:
        """The largest head that a witness cosigned; what it did not cosign is found."""
        good = self._largest(key)
        if good is None:
            self.findings.add(UNDETERMINED, f"{key.name} cosigned nothing that is here")
        else:
            yield good, f"the checkpoint cosigned by {key.name}"

    def _largest(self, key: Key) -> Checkpoint | None:
        shown, good = f"the checkpoint cosigned by {key.name}", None
        for name in sorted(self.bundle.sizes):
            if name != "ledger/checkpoint" and not name.startswith("ledger/witnessed/"):
                continue
            try:
                head = Checkpoint(self.bundle.read(name) or b"")
            except ValueError:
                continue
            if self.key is None or head.origin != self.key.name or head.judge(self.key)[0] or not head.of(key):
                continue
            fault, why = head.cosigned(key)
            if fault:
                self.findings.add(fault, f"{shown}: {why}")
            elif good is None or head.size > good.size:
                good = head
        return good

    def read_pin(self, content: bytes) -> Checkpoint | None:
        """The pin, if this ledger's key signed it. Raises ValueError when it is of no use for this ledger."""
        pin = Checkpoint(content)
        if self.key is None:
            self.findings.add(UNDETERMINED, "the pinned checkpoint was not compared: the ledger's key is not known")
            return None
        if pin.origin != self.key.name:
            raise ValueError(f"it is of {pin.origin}, this ledger is {self.key.name}")
        fault, why = pin.judge(self.key)
        if fault == TAMPERED:
            raise ValueError(why)
        if fault:
            self.findings.add(fault, f"the pinned checkpoint: {why}")
            return None
        return pin


def opened(place: Path, findings: Findings) -> Bundle:
    if not place.exists():
        raise FileNotFoundError(2, "No such file or directory", str(place))
    return Bundle(place, findings)


def verify_fleet_log(place: Path, policy: Policy | None, findings: Findings) -> list[tuple[Checkpoint, str]]:
    """Verify a fleet log; what is found is told with what it is of. The heads of nodes that it binds."""
    own = Findings()
    try:
        bundle = opened(place, own)
        verification = Verification(bundle, own)
        if verification.node not in ("fleet.log", ""):
            raise ValueError(f"{str(place)!r} is no fleet log, it is the ledger of {verification.node}")
        known = list(verification.under(policy)) if policy else []
        check_sums(bundle, own)
        verification.run(known)
        heads = list(verification.bound_heads())
    except Unusable as error:
        own.add(UNDETERMINED, f"it cannot be read: {error}")
        heads = []
    findings.found += [(fault, f"the fleet log: {sentence}") for fault, sentence in own.found]
    findings.verified += [f"the fleet log: {sentence}" for sentence in own.verified]
    return heads


def say(findings: Findings, verification: Verification, known: list[tuple[Checkpoint, str]]) -> None:
    lines = [f"{WORDS.get(findings.code, 'verified').upper()}  {verification.origin or 'a ledger'}", "", "Verified"]
    lines += [f"  · {sentence}" for sentence in findings.verified]
    if findings.found:
        lines += ["", "Found"]
        lines += [f"  ✗ {sentence} ({WORDS[fault]})" for fault, sentence in sorted(findings.found)[:100]]
        lines += [f"  … and {len(findings.found) - 100} more"] if len(findings.found) > 100 else []
    lines += ["", "Not verified", *(f"  · {sentence}" for sentence in findings.unverified)]
    if not known:
        lines += ["  · The key was read from the bundle: compare it with one that you were given by another way:"]
        lines += [f"      {verification.key.name}+{verification.key.id.hex()}+…" if verification.key else "      none"]
        lines += ["  · Whoever holds the key can cut off or rewrite the ledger: give an older checkpoint with --pin."]
    else:
        lines += [
            f"  · Records after the {head.size} of {shown}: the key's holder can rewrite them." for head, shown in known
        ]
    lines += [
        "  · Types and inner members of what records say: only the names of kinds.json, which is not signed.",
        "  · The texts, rules/, kinds.json, and this program itself: only SHA256SUMS, which is not signed, names them.",
        "  · Whether what the records say was true when it was written.",
    ]
    sys.stdout.buffer.write(("\n".join(shown(line) for line in lines) + "\n").encode())


def shown(line: str) -> str:
    """A line for a terminal: nothing in a hostile bundle can draw on it."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line.encode("utf-8", "replace").decode())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Verifies a bundle made by `intendance ledger export`.")
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--pin", type=Path, help="an older checkpoint of this ledger, kept elsewhere")
    parser.add_argument(
        "--witness", action="append", default=[], help="the key of a witness that must have cosigned it"
    )
    parser.add_argument("--policy", type=Path, help="whose cosignatures are enough, as C2SP tlog-policy writes it")
    parser.add_argument("--fleet-log", type=Path, help="a bundle of the fleet log, whose heads of this ledger count")
    asked = parser.parse_args(arguments)
    findings = Findings()
    try:
        policy = Policy(asked.policy.read_bytes()) if asked.policy else None
        heads = verify_fleet_log(asked.fleet_log, policy, findings) if asked.fleet_log else None
        pinned = asked.pin.read_bytes() if asked.pin else None
        bundle = opened(asked.bundle, findings)
        verification = Verification(bundle, findings)
        pin = verification.read_pin(pinned) if pinned is not None else None
        known = [(pin, "the pinned checkpoint")] if pin else []
        for text in asked.witness:
            known += verification.witnessed(Key(text, b"\x04"))
        if heads is not None:
            verification.against(heads)
        elif policy is not None:
            known += verification.under(policy)
        check_sums(bundle, findings)
        verification.run(known)
        verification.judge_reach()
        if verification.node == "fleet.log" and heads is None:
            count = sum(1 for _ in verification.bound_heads())
            findings.verified.append(f"{count} heads of nodes that it binds: each with those before it")
    except Unusable as error:
        sys.stdout.write(f"UNDETERMINED  {shown(str(error))}. Nothing else was verified.\n")
        return UNDETERMINED
    except ValueError as error:
        sys.stderr.write(f"The pinned checkpoint, the policy or a key cannot be used: {shown(str(error))}.\n")
        sys.stderr.write("Nothing was verified.\n")
        return WRONGLY_ASKED
    except OSError as error:
        sys.stderr.write(f"{error.filename} cannot be read: {error.strerror}.\n")
        return WRONGLY_ASKED
    say(findings, verification, known)
    return findings.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
