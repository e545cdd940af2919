"""Errors of OpenPGP keys, signatures and messages."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class KeyUnreadable(IntendanceError):
    """This is not an OpenPGP public key: {detail}."""

    next_step = "Export it again from where it lives: `gpg --armor --export FINGERPRINT > key.asc`."
    exit_code = Exit.USAGE


class RecipientUnusable(IntendanceError):
    """Nothing can be encrypted to the key of {recipient}: {detail}."""

    next_step = "Renew or replace that key, put its public half into the plan, and adopt the plan again."


class NodeKeyMissing(IntendanceError):
    """The node's own OpenPGP key {fingerprint} is not in {home}: no set can be signed."""

    next_step = (
        "Put that folder back from a copy of the state folder, with its rights (0700). Nothing was read or stored."
    )


class SigningFailed(IntendanceError):
    """The node's OpenPGP key {fingerprint} could not sign: {detail}."""

    next_step = "See that the folder `agent/gnupg` of the state is whole and belongs to the user who runs this."


class SignatureInvalid(IntendanceError):
    """The signature does not hold: {detail}."""

    next_step = "Do not trust these bytes. Compare them with another copy, and find out who could write there."


class PacketsRefused(IntendanceError):
    """What the encryption gave is not a message to exactly the plan's recipients: {detail}."""

    next_step = "Nothing of it was stored. Compare /etc/gnupg/gpg.conf and `gpg --version` with a machine that works."


class NoSecretKey(IntendanceError):
    """None of the keys that open this set is in this keyring: it was encrypted to {recipients}."""

    next_step = "Run the command as somebody who holds one of these keys, or name the keyring with GNUPGHOME."


class DecryptionFailed(IntendanceError):
    """Part {part} could not be decrypted: {detail}"""

    next_step = "Read what gpg said; if the key is there, try the same set from another store or an older set."
