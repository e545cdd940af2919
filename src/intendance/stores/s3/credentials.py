"""Access keys: AWS's own credentials file, or its text."""

from __future__ import annotations

import configparser

from intendance.model.errors.store import StoreCredentialsUnusable
from intendance.model.frozen import dataclass
from intendance.model.plan import SecretReference
from intendance.stores.secret import read_secret

_REMEDY = "Write two lines under `[default]`: `aws_access_key_id = …` and `aws_secret_access_key = …`."


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key's id and secret, and the token of one that lives only for a while."""

    id: str
    secret: str
    token: str | None = None

    def __repr__(self) -> str:
        return "AccessKey()"


def access_key(store: str, reference: SecretReference) -> AccessKey:
    """The key that the plan points to: section `[default]`, or the only one. Raises StoreCredentialsUnusable."""
    text = read_secret(store, reference)
    parser = configparser.ConfigParser(interpolation=None, default_section="\0none", strict=False)
    try:
        parser.read_string(text if text.lstrip().startswith(("[", "#", ";")) else f"[default]\n{text}")
    except configparser.Error:  # its words would repeat lines of the file
        raise _unusable(store, "they are not in the form of AWS's credentials file") from None
    sections = parser.sections()
    name = "default" if "default" in sections or not sections else sections[0]
    if not sections or (name != "default" and len(sections) > 1):
        raise _unusable(store, "they have no section `[default]`")
    found = dict(parser.items(name))
    key, secret = found.get("aws_access_key_id", ""), found.get("aws_secret_access_key", "")
    if not key or not secret:
        raise _unusable(store, "they lack `aws_access_key_id` or `aws_secret_access_key`")
    return AccessKey(key, secret, found.get("aws_session_token") or None)


def _unusable(store: str, detail: str) -> StoreCredentialsUnusable:
    return StoreCredentialsUnusable(store=store, detail=detail, remedy=_REMEDY)
