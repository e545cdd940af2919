"""Throw-away OpenPGP keys, made once per session: three holders who can decrypt, a node that can only sign, and keys
that must be refused. Each has its own private GNUPGHOME under /tmp (a socket's path has 108 bytes)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from intendance.model.plan import Recipient
from intendance.system import openpgp


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with a key: its secret half is in `home`, its public half is `armored`."""

    name: str
    home: Path
    fingerprint: str
    armored: str

    @property
    def environment(self) -> dict[str, str]:
        return {"GNUPGHOME": str(self.home)}

    def recipient(self) -> Recipient:
        return Recipient(
            name=self.name, fingerprint=self.fingerprint, held_by=f"holder of {self.name}", armored=self.armored
        )

    def gpg(self, *words: str, content: bytes = b"") -> bytes:
        return gpg(self.home, *words, content=content)

    def decrypt(self, content: bytes) -> bytes:
        return self.gpg("--decrypt", content=content)

    def secret(self) -> str:
        """The armored secret key: for tests that must see it refused."""
        return self.gpg("--armor", "--export-secret-keys", self.fingerprint).decode()


@dataclass(frozen=True, slots=True)
class Keys:
    """The cast of a plan: `owner`, `drill` and `offline` can decrypt, `node` signs."""

    owner: Holder
    drill: Holder
    offline: Holder
    node: Holder

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        return tuple(holder.recipient() for holder in (self.owner, self.drill, self.offline))


@dataclass(frozen=True, slots=True)
class UnusableKeys:
    """Keys that a plan or a backup must refuse, and a stranger's good one."""

    expired: Holder
    revoked: Holder
    no_encryption: Holder
    stranger: Holder


def gpg(home: Path, *words: str, content: bytes = b"") -> bytes:
    """gpg in `home`, its output; fails the test with what gpg said. It reads days as those of a zone: of UTC."""
    done = subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback",
         "--passphrase", "", "--trust-model", "always", *words],
        input=content, capture_output=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8", "TZ": "UTC"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@contextmanager
def private_home() -> Iterator[Path]:
    """A GNUPGHOME whose agent ends with it."""
    home = Path(tempfile.mkdtemp(prefix="ik-", dir="/tmp"))
    try:
        yield home
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def start_agent(home: Path) -> None:
    """Let the agent of `home` listen. gpg starts one as well, and waits five seconds for it: a busy machine may be
    longer."""
    nothing = subprocess.DEVNULL
    subprocess.run(
        ["gpg-agent", "--homedir", str(home), "--daemon"], check=True, stdin=nothing, stdout=nothing, stderr=nothing
    )


def make_holder(home: Path, name: str, *, encryption: bool = True, expires: str = "never", when: str = "") -> Holder:
    """A new key without passphrase: Ed25519 to certify and sign, Curve25519 to encrypt."""
    start_agent(home)
    at = ("--faked-system-time", when) if when else ()
    gpg(home, *at, "--quick-generate-key", f"{name} <{name}@example.org>", "ed25519", "cert,sign", expires)
    listing = gpg(home, *at, "--with-colons", "--list-keys").decode()
    fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
    if encryption:
        gpg(home, *at, "--quick-add-key", fingerprint, "cv25519", "encr", expires)
    armored = gpg(home, "--armor", "--export", fingerprint).decode()
    return Holder(name=name, home=home, fingerprint=fingerprint, armored=armored)


def revoke(holder: Holder) -> Holder:
    """The same key after its own revocation certificate was imported."""
    written = (holder.home / "openpgp-revocs.d" / f"{holder.fingerprint}.rev").read_text()
    gpg(holder.home, "--import", content=written.replace(":-----BEGIN", "-----BEGIN").encode())
    armored = gpg(holder.home, "--armor", "--export", holder.fingerprint).decode()
    return Holder(name=holder.name, home=holder.home, fingerprint=holder.fingerprint, armored=armored)


@pytest.fixture(scope="session")
def keys() -> Iterator[Keys]:
    """Three holders and a node; every agent started for them has ended when the session ends."""
    with ExitStack() as stack:
        owner, drill, offline = (
            make_holder(stack.enter_context(private_home()), name) for name in ("owner", "drill", "offline")
        )
        home = stack.enter_context(private_home())
        fingerprint = openpgp.create_node_key(home, "intendance node test")
        node = Holder(name="node", home=home, fingerprint=fingerprint, armored=openpgp.export_public(home, fingerprint))
        yield Keys(owner=owner, drill=drill, offline=offline, node=node)


@pytest.fixture(scope="session")
def recipients(keys: Keys) -> tuple[Recipient, ...]:
    """The plan's three recipients."""
    return keys.recipients


@pytest.fixture(scope="session")
def unusable_keys() -> Iterator[UnusableKeys]:
    """Keys that must be refused, each for its own reason."""
    with ExitStack() as stack:
        homes = [stack.enter_context(private_home()) for _ in range(4)]
        yield UnusableKeys(
            expired=make_holder(homes[0], "expired", expires="2021-01-01", when="20200101T000000!"),
            revoked=revoke(make_holder(homes[1], "revoked")),
            no_encryption=make_holder(homes[2], "noencryption", encryption=False),
            stranger=make_holder(homes[3], "stranger"),
        )


@pytest.fixture(scope="session")
def recipient_home(keys: Keys) -> Iterator[openpgp.RecipientHome]:
    """The home that encrypts to the three holders."""
    with openpgp.RecipientHome(keys.recipients) as home:
        yield home
