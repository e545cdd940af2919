"""Throw-away OpenPGP keys of three holders: two people and one key that would lie in a safe."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from demonstration.scene import HOLDERS, Scene

USER_IDS = {
    "marie": "Marie Dubois (throw-away) <marie@horizon.example>",
    "thomas": "Thomas Lambert (throw-away) <thomas@horizon.example>",
    "offline": "ASBL Horizon, safe (throw-away) <safe@horizon.example>",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A holder's key: its fingerprint and the file with its public half."""

    holder: str
    fingerprint: str
    public: Path


def keys(scene: Scene) -> tuple[Key, ...]:
    """Every holder's key, made when there is none yet."""
    return tuple(_key(scene, holder) for holder in HOLDERS)


def open_challenge(scene: Scene, holder: str) -> str:
    """The code in the challenge for a holder's key, opened as they would on their own computer."""
    text = _gpg(scene.home_of(holder), "--decrypt", str(scene.base / f"challenge-{holder}.asc"))
    return next(line.split()[-1] for line in text.splitlines() if line.startswith("The answer is "))


def stop_agents(scene: Scene) -> None:
    """End the gpg-agent that gpg started in each holder's home."""
    for holder in HOLDERS:
        home = scene.home_of(holder)
        if home.exists():
            subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)


def _key(scene: Scene, holder: str) -> Key:
    home = scene.home_of(holder)
    fingerprint = _fingerprint(home)
    if fingerprint is None:
        _gpg(home, "--passphrase", "", "--quick-generate-key", USER_IDS[holder], "ed25519", "sign", "1y")
        fingerprint = _fingerprint(home) or ""
    public = scene.base / "keys" / f"{holder}.asc"
    public.write_text(_gpg(home, "--armor", "--export", fingerprint))
    return Key(holder, fingerprint, public)


def _fingerprint(home: Path) -> str | None:
    """The key's fingerprint, if there is one; a key without its encryption half is completed."""
    rows = [line.split(":") for line in _gpg(home, "--with-colons", "--list-secret-keys").splitlines()]
    encrypts = any(row[0] == "ssb" and "e" in row[11] for row in rows)
    found = next((row[9] for row in rows if row[0] == "fpr"), None)
    if found is not None and not encrypts:
        _gpg(home, "--passphrase", "", "--quick-add-key", found, "cv25519", "encr", "1y")
    return found


def _gpg(home: Path, *words: str) -> str:
    command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", *words]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode != 0:
        raise ChildProcessError(f"gpg {words[-1]}: {ended.stderr.strip()}")
    return ended.stdout
