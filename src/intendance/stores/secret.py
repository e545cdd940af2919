"""A secret that a store needs."""

from __future__ import annotations

from intendance.model.errors.store import StoreCredentialsUnusable
from intendance.model.secret import SecretReference
from intendance.system import secret


def read_secret(store: str, reference: SecretReference) -> str:
    """The text that a file, a variable or a program gives. Raises StoreCredentialsUnusable, which never repeats it."""
    try:
        return secret.read_secret(reference)
    except secret.SecretUnusable as unusable:
        raise StoreCredentialsUnusable(store=store, detail=unusable.detail, remedy=unusable.remedy) from None
