"""Names: of what the plan declares, of variables, databases, tables, keys. Pure."""

from __future__ import annotations

import re
from base64 import b64decode
from hashlib import sha256

from intendance.plan.forms.misform import Misform
from intendance.plan.saying import say

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_LONGEST_WITNESS = 200
_LOG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}/node/[a-z0-9][a-z0-9-]{0,39}/[0-9A-Za-z-]{1,40}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_RULE = re.compile(r"[A-Z][A-Z0-9]*_[0-9]{3}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def as_slug(text: str) -> str:
    """The nearest name that the form of names allows (`x` when nothing of `text` is usable)."""
    import unicodedata  # only when something is wrong

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "x"


def slug(text: str) -> Misform | None:
    """Names of fleets, nodes, assets and stores."""
    if _SLUG.fullmatch(text):
        return None
    said = say("names are made of lower-case letters, digits and hyphens, 40 at most, beginning with a letter or digit")
    return Misform("name", said, say("write `{example}`", example=as_slug(text)))


def line(text: str) -> Misform | None:
    """A text on one line."""
    if text.strip() and not _CONTROL.search(text):
        return None
    return Misform("line", say("this must be a text on one line, and not empty"), say("write it on one line"))


def variable(text: str) -> Misform | None:
    """The name of an environment variable."""
    if _VARIABLE.fullmatch(text):
        return None
    said = say("this is not the name of an environment variable")
    return Misform("variable", said, say("write its name alone, such as `DB_PASSWORD`"))


def fingerprint(text: str) -> Misform | None:
    """The full fingerprint of an OpenPGP key; spaces and lower case are allowed."""
    digits = re.sub(r"\s", "", text).removeprefix("0x").upper()
    if re.fullmatch(r"[0-9A-F]{40}", digits, re.ASCII) and len(text) <= 80:
        return None
    read = say("write the 40 digits that `gpg --show-keys --fingerprint FILE` prints")
    if re.fullmatch(r"[0-9A-F]{8}|[0-9A-F]{16}", digits, re.ASCII):
        said = say("this is a key id, which others can imitate; the full fingerprint is needed")
        return Misform("key-id", said, read)
    said = say("a fingerprint has 40 hexadecimal digits; this has {length} characters", length=len(digits))
    return Misform("fingerprint", said, read)


def ledger_key(text: str) -> Misform | None:
    """A C2SP verifier key of Ed25519, which holds a check of itself."""
    if _is_verifier_key(text, b"\x01") and _LOG.fullmatch(text.partition("+")[0]):
        return None
    said = say("this is not the key of a machine's ledger, or a character of it is wrong")
    return Misform("ledger-key", said, say("write what `intendance ledger checkpoint` prints there as its key"))


def witness_key(text: str) -> Misform | None:
    """A C2SP verifier key of a witness, which holds a check of itself."""
    if _is_verifier_key(text, b"\x04") and len(text.partition("+")[0]) <= _LONGEST_WITNESS:
        return None
    said = say("this is not the key of a witness, or a character of it is wrong")
    return Misform("witness-key", said, say("write what `intendance witness --show-key` prints there"))


def _is_verifier_key(text: str, kind: bytes) -> bool:
    name, key_id, material = [*text.split("+", 2), "", ""][:3]
    try:
        content = b64decode(material, validate=True)
    except ValueError:
        return False
    found = sha256(name.encode() + b"\n" + content).hexdigest()[:8]
    return len(content) == 33 and content[:1] == kind and found == key_id


def database(text: str) -> Misform | None:
    """The name of a database that people made."""
    if text.lower() in ("information_schema", "performance_schema", "sys"):
        said = say("this database is computed by the server; there is nothing to keep of it")
        return Misform("computed-database", said, say("remove it"))
    if text.lower() == "mysql":
        said = say("the server's own accounts are kept with every backup without being named")
        return Misform("system-database", said, say("remove it"))
    if not text or len(text) > 64 or _CONTROL.search(text) or text.endswith(" "):
        said = say("this is not the name of a database")
        return Misform("database", said, say("write the name as `SHOW DATABASES` prints it"))
    return None


def table(text: str) -> Misform | None:
    """A table with its database: `shop.orders`."""
    parts = text.split(".")
    if len(parts) == 2 and all(part and len(part) <= 64 and not _CONTROL.search(part) for part in parts):
        return None
    said = say("a table is named with its database")
    return Misform("table", said, say("write `{example}`", example=f"database.{parts[-1] or 'table'}"))


def column(text: str) -> Misform | None:
    """The name of a column."""
    if text and len(text) <= 64 and not _CONTROL.search(text) and "." not in text and not text.endswith(" "):
        return None
    said = say("this is not the name of a column")
    return Misform("column", said, say("write the column's name alone, such as `created_at`"))


def bucket(text: str) -> Misform | None:
    """The name of an S3 bucket."""
    if _BUCKET.fullmatch(text) and ".." not in text:
        return None
    said = say("a bucket's name is 3 to 63 lower-case letters, digits, hyphens and dots")
    return Misform("bucket", said, say("write the name as the provider shows it"))


def rule(text: str) -> Misform | None:
    """The name of a rule: `MAINT_004`."""
    if _RULE.fullmatch(text):
        return None
    said = say("this is not the name of a rule")
    return Misform("rule", said, say("write one such as `MAINT_004`; `intendance rules list` shows them all"))
