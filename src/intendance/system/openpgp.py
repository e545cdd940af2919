"""OpenPGP by GnuPG, each time in a home of our own: reading keys, the node's signature, the recipients' home.

No call uses the keyring of the user who runs it (`decrypt_argv` excepted: that one is theirs), none leaves an agent
behind.
A system-wide /etc/gnupg/gpg.conf is read by gpg even with `--no-options` (seen with 2.2.40), so whatever it could turn
is also
set here, and what gpg gives is checked packet by packet afterwards (`sets/packets.py`).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType, TracebackType

from intendance.model.errors import IntendanceError
from intendance.model.errors.openpgp import KeyUnreadable, RecipientUnusable, SignatureInvalid, SigningFailed
from intendance.model.errors.process import ProgramFailed, ProgramTimedOut
from intendance.model.plan import Recipient
from intendance.system import process
from intendance.system.gpg_agent import end_agent, with_agent
from intendance.system.gpg_listing import PublicKey, Subkey, parse
from intendance.system.publish import publish, sync_directory

__all__ = [
    "PublicKey", "RecipientHome", "Subkey", "base_argv", "create_node_key", "decrypt_argv", "export_public", "node_key",
    "read_keys", "read_keys_of", "reason", "throwaway_home", "verify", "workshop_of",
]  # fmt: skip

_ARMOR_LIMIT_CHARACTERS = 1 << 20
_DETACHED = re.compile(rb"\s*-----BEGIN PGP SIGNATURE-----\r?\n[^-]*-----END PGP SIGNATURE-----\s*")
_SHA2 = frozenset({"8", "9", "10", "11"})  # RFC 4880 §9.4: SHA-256, 384, 512, 224


def read_keys(armored: str) -> tuple[PublicKey, ...]:
    """The keys in an armored text, with only those user ids and subkeys whose self-signatures hold.

    A text with a secret key is read as well, without importing it, so that the caller can refuse it by name. Raises
    KeyUnreadable.
    """
    if len(armored) > _ARMOR_LIMIT_CHARACTERS:
        raise KeyUnreadable(detail="it is longer than 1 MiB")
    content = armored.encode("utf-8", errors="replace")
    with throwaway_home() as home:
        listed = _shown(home, content)
        if any(key.has_secret for key in listed):
            return listed
        _import(home, content)
        return _list(home)


def read_keys_of(texts: Collection[str]) -> Mapping[str, tuple[PublicKey, ...]]:
    """As `read_keys`, for several texts with fewer runs of gpg; only of those that it reads.

    Texts that name one key twice are each read alone, so that none says anything for another.
    """
    try:
        return _read_together(texts)
    except (IntendanceError, _NotTogether):
        found: dict[str, tuple[PublicKey, ...]] = {}
        for armored in texts:
            with suppress(KeyUnreadable):
                found[armored] = read_keys(armored)
        return found


class _NotTogether(Exception):
    """What gpg made of texts read together is not plainly what each of them holds."""


def _read_together(texts: Collection[str]) -> Mapping[str, tuple[PublicKey, ...]]:
    """Each text is listed alone, then all are imported and listed at once. Raises _NotTogether, IntendanceError."""
    with throwaway_home() as home:
        named = {armored: [key.fingerprint for key in _public(home, armored)] for armored in texts}
        every = [fingerprint for each in named.values() for fingerprint in each]
        _import(home, "\n".join(texts).encode("utf-8", errors="replace"))
        listed = {key.fingerprint: key for key in _list(home)}
    if len(set(every)) != len(every) or listed.keys() != set(every):
        raise _NotTogether
    return {armored: tuple(listed[fingerprint] for fingerprint in each) for armored, each in named.items()}


def _public(home: Path, armored: str) -> tuple[PublicKey, ...]:
    """The keys of a text without a secret one. Raises _NotTogether, KeyUnreadable."""
    listed = _shown(home, armored.encode("utf-8", errors="replace"))
    if len(armored) > _ARMOR_LIMIT_CHARACTERS or any(key.has_secret for key in listed):
        raise _NotTogether
    return listed


def create_node_key(home: Path, name: str) -> str:
    """Create the node's key in `home` (0700): Ed25519, sign-only, without passphrase or expiry. Returns its
    fingerprint."""
    secret = home / "private-keys-v1.d"
    secret.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (home, secret):
        folder.chmod(0o700)
    with workshop_of(home) as workshop:
        done = _gpg_with_secret(
            workshop, "--status-fd", "1", "--pinentry-mode", "loopback", "--passphrase", "",
            "--quick-generate-key", name, "ed25519", "sign", "never",
        )  # fmt: skip
        created = [line.split()[3] for line in done.stdout.decode().splitlines() if " KEY_CREATED " in line]
        if len(created) != 1:
            raise SigningFailed(fingerprint="(new)", detail=reason(done.stderr) or "gpg reported no new key")
        for key in secret.iterdir():
            _sync_file(key)
        for folder in (secret, home, home.parent):  # what an interrupted creation left there may not be durable yet
            sync_directory(folder)
        publish(home / "pubring.kbx", (workshop / "pubring.kbx").read_bytes(), mode=0o600)
    return created[0]


def node_key(home: Path) -> str | None:
    """The fingerprint of the key that `create_node_key` made in `home`, or None when it made none to its end."""
    if not (home / "pubring.kbx").exists():
        return None
    with throwaway_home() as workshop:
        _copy_keyring(home, workshop)
        keys = _list(workshop)
    return keys[0].fingerprint if keys else None


def export_public(home: Path, fingerprint: str) -> str:
    """The armored public half of a key in `home`. Raises KeyUnreadable when it is not there."""
    with throwaway_home() as workshop:
        _copy_keyring(home, workshop)
        done = _gpg(workshop, "--armor", "--export", fingerprint)
    if not done.stdout:
        raise KeyUnreadable(detail=f"{home} holds no key {fingerprint}")
    return done.stdout.decode("ascii")


def verify(content: bytes, signature: bytes, armored_key: str) -> str:
    """The fingerprint of the one key in `armored_key`, when `signature` is its good detached signature over `content`.

    Raises SignatureInvalid for anything else: another key, an expired or revoked one, several signatures or keys, a
    signature
    that carries its own text, a digest weaker than SHA-224; KeyUnreadable when the key cannot be read.
    """
    if not _DETACHED.fullmatch(signature):
        raise SignatureInvalid(detail="it is not one detached armored signature")
    with throwaway_home() as home:
        _import(home, armored_key.encode("utf-8", errors="replace"))
        keys = _list(home)
        if len(keys) != 1:
            raise SignatureInvalid(detail=f"it should be judged by one key, and {len(keys)} were given")
        detached = home / "signature.asc"
        detached.write_bytes(signature)
        done = _gpg(home, "--status-fd", "1", "--verify", str(detached), "-", content=content, accept=(0, 1, 2))
    _judge(done, keys[0].fingerprint)
    return keys[0].fingerprint


def decrypt_argv() -> tuple[str, ...]:
    """`gpg -d` of one message from standard input to standard output, with the caller's own GNUPGHOME and agent."""
    return ("gpg", "--batch", "--no-tty", "--quiet", "--status-fd", "2", "--decrypt")


class RecipientHome:
    """A fresh GnuPG home that holds the plan's recipients and nothing else, for the length of a `with` block.

    It lies in the folder `within`, which its owner clears after a kill, or else under /tmp. Raises RecipientUnusable on
    entering for a key that is not in its own text, is revoked, expired, secret, or has nothing to encrypt to; made
    `late`, `prepare` does that, which the owner calls within the block before anything is asked of it.
    """

    def __init__(self, recipients: Sequence[Recipient], within: Path | None = None, *, late: bool = False) -> None:
        self._recipients = tuple(recipients)
        self._within = within
        self._late = late
        self._subkeys: dict[str, str] = {}
        self._key_ids: dict[str, str] = {}
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The folder, while it lives."""
        if self._path is None:
            raise RuntimeError("the recipients' home is used outside its block, or before it is prepared")
        return self._path

    @property
    def key_ids(self) -> Mapping[str, str]:
        """Key id of the encryption subkey -> fingerprint of the recipient's primary key."""
        if not self._key_ids:
            raise RuntimeError("nobody has read the recipients' keys yet")
        return MappingProxyType(self._key_ids)

    def encrypt_argv(self) -> tuple[str, ...]:
        """`gpg -e` from standard input to standard output: AES-256 with integrity protection (RFC 4880), no
        compression."""
        chosen = [word for subkey in self._subkeys.values() for word in ("--recipient", f"{subkey}!")]
        return (
            *base_argv(self.path), "--trust-model", "always", "--rfc4880",
            "--cipher-algo", "AES256", "--compress-algo", "none", "-z", "0",
            "--no-encrypt-to", "--no-throw-keyids", "--no-armor", "--no-emit-version", "--no-comments",
            *chosen, "--output", "-", "--encrypt",
        )  # fmt: skip

    def __enter__(self) -> RecipientHome:
        if not self._late:
            self.prepare()
        return self

    def prepare(self) -> None:
        """Make it, unless it is there: three calls of gpg, a twentieth of a second. Raises RecipientUnusable."""
        if self._path is not None:
            return
        if not self._recipients:
            raise RecipientUnusable(recipient="nobody", detail="the plan names no recipient")
        with throwaway_home() as read, throwaway_home() as made:  # gpg does not import under a path that is too long
            found = self._read_together(read)
            for recipient in self._recipients:
                self._add(recipient, found.get(recipient.fingerprint))
            if set(self._subkeys) != {recipient.fingerprint for recipient in self._recipients}:
                raise RecipientUnusable(recipient="the plan", detail="its keys cannot be read together")
            keyring = read
            if set(found) != set(self._subkeys):  # the texts hold other keys too: only the declared ones come in
                _import(made, _gpg(read, "--export", *self._subkeys).stdout)
                keyring = made
            self._path = _short_folder(self._within)
            try:
                _copy_keyring(keyring, self._path)
            except BaseException:
                self._remove()
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _read_together(self, home: Path) -> Mapping[str, PublicKey]:
        """All keys of all texts, imported at once: three calls of gpg whatever the number of recipients."""
        texts = "\n".join(recipient.armored for recipient in self._recipients)
        if any(key.has_secret for key in _shown(home, texts.encode())):
            return {}
        try:
            _import(home, texts.encode())
        except KeyUnreadable:
            return {}
        return {key.fingerprint: key for key in _list(home)}

    def _add(self, recipient: Recipient, key: PublicKey | None) -> None:
        subkey = None if key is None else key.encryption_subkey()
        if key is None or subkey is None:
            alone = {key.fingerprint: key for key in read_keys(recipient.armored)}.get(recipient.fingerprint)
            if alone is None or alone.has_secret or alone.encryption_subkey() is None:
                raise RecipientUnusable(recipient=recipient.name, detail=_why_unusable(recipient, alone))
            return  # another text is the faulty one
        self._subkeys[key.fingerprint] = subkey.fingerprint
        self._key_ids[subkey.key_id] = key.fingerprint

    def _remove(self) -> None:
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        self._path = None


def _why_unusable(recipient: Recipient, key: PublicKey | None) -> str:
    if key is None:
        return f"the plan's text for it does not hold {recipient.fingerprint}"
    if key.has_secret:
        return "the plan's text for it holds the secret half, which must never be on this machine"
    if key.revoked:
        return "it is revoked"
    if not key.encryption_subkeys:
        return "it has no subkey for encryption"
    expiries = [at for at in (key.expires_at, *(s.expires_at for s in key.encryption_subkeys)) if at is not None]
    if expiries:
        return f"it expired ({min(expiries):%Y-%m-%d})"
    return "its subkey for encryption is revoked or invalid"


def _short_folder(within: Path | None = None) -> Path:
    # An agent's socket must fit in 108 bytes, so not under a long TMPDIR.
    short = "/tmp" if os.access("/tmp", os.W_OK) else None  # noqa: S108 -- mkdtemp makes it private
    return Path(tempfile.mkdtemp(prefix="intendance-", dir=within or short))


@contextmanager
def throwaway_home() -> Iterator[Path]:
    """A fresh private GnuPG home under a short path, removed afterwards; no agent is ever started for it."""
    folder = _short_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def workshop_of(home: Path) -> Iterator[Path]:
    """A short-lived home with a copy of the public keyring and the secret keys of `home` by link.

    So a long state path does not break the agent's socket, and two signatures at once do not end each other's agent.
    """
    if not (home / "private-keys-v1.d").is_dir():
        raise FileNotFoundError(f"{home} holds no private key")
    with throwaway_home() as folder:
        _copy_keyring(home, folder)
        (folder / "private-keys-v1.d").symlink_to((home / "private-keys-v1.d").resolve())
        try:
            yield folder
        finally:
            end_agent(folder)


def _copy_keyring(home: Path, folder: Path) -> None:
    keyring = home / "pubring.kbx"
    if keyring.exists():
        shutil.copyfile(keyring, folder / "pubring.kbx")


def base_argv(home: Path) -> tuple[str, ...]:
    """gpg in a home of our own, undisturbed by whose it is."""
    return (
        "gpg", "--homedir", str(home), "--batch", "--no-tty", "--quiet", "--no-options", "--no-autostart",
        "--display-charset", "utf-8", "--no-auto-key-locate", "--no-auto-key-retrieve",
    )  # fmt: skip


def _gpg(home: Path, *words: str, content: bytes = b"", accept: Sequence[int] = (0,)) -> process.Completed:
    return process.run([*base_argv(home), *words], input=content, accept=accept)


def _gpg_with_secret(home: Path, *words: str, content: bytes = b"") -> process.Completed:
    return process.run(with_agent(home, (*base_argv(home), *words)), input=content)


def _import(home: Path, content: bytes) -> None:
    try:
        _gpg(home, "--import-options", "import-minimal", "--import", content=content)
    except ProgramFailed as failure:
        raise KeyUnreadable(detail=reason(str(failure))) from failure
    except ProgramTimedOut as late:
        raise KeyUnreadable(detail="gpg could not read it in time") from late


def _shown(home: Path, content: bytes) -> tuple[PublicKey, ...]:
    """The keys in a text, nothing imported. Raises KeyUnreadable."""
    shown = _gpg(home, "--with-colons", "--import-options", "show-only", "--import", content=content, accept=(0, 2))
    listed = parse(shown.stdout)
    if not listed:
        raise KeyUnreadable(detail=reason(shown.stderr) or "gpg finds no key in it")
    return listed


def _list(home: Path) -> tuple[PublicKey, ...]:
    return parse(_gpg(home, "--with-colons", "--list-keys").stdout)


def _judge(done: process.Completed, fingerprint: str) -> None:
    """What gpg's status lines must say (its doc/DETAILS): one signature, good, by this key, over binary data."""
    lines = [line.split() for line in done.stdout.decode("utf-8", errors="replace").splitlines()]
    status = [words[1:] for words in lines if len(words) > 1 and words[0] == "[GNUPG:]"]
    names = [words[0] for words in status]
    bad = {"BADSIG": "the content was changed", "ERRSIG": "it is by another key", "EXPKEYSIG": "its key has expired",
           "REVKEYSIG": "its key was revoked", "EXPSIG": "it has expired"}  # fmt: skip
    for name, detail in bad.items():
        if name in names:
            raise SignatureInvalid(detail=detail)
    valid = [words[1:] for words in status if words[0] == "VALIDSIG"]
    if (names.count("NEWSIG"), names.count("GOODSIG"), len(valid), done.code) != (1, 1, 1, 0):
        raise SignatureInvalid(detail=reason(done.stderr) or "it is not one good signature")
    fields = valid[0]
    if len(fields) < 10 or fields[9] != fingerprint or fields[8] != "00":
        raise SignatureInvalid(detail="it is not a signature of these bytes by that key")
    if fields[7] not in _SHA2:
        raise SignatureInvalid(detail="it uses a digest that is no longer safe")


def reason(stderr: str) -> str:
    """What gpg said, in a line."""
    said = [line.removeprefix("gpg: ").strip() for line in stderr.splitlines() if not line.startswith("[GNUPG:]")]
    return "; ".join(line for line in said if line)[:300].rstrip(".")


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
