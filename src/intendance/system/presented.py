"""The certificate that a server presents: what its files hold now. One that was renewed is presented from the next
handshake on, while the server goes on."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from intendance.model.errors.fleet import CertificateUnusable
from intendance.system.clock import rfc3339

LOOK_SECONDS = 60
"""How often a server looks whether its files changed."""

_Stamp = tuple[tuple[int, int, int, int], ...]


class Presented:
    """The TLS context of a server whose certificate and key may be renewed in their files.

    Handshakes are made with the last pair that was whole: a new context takes the place of the former at once, so none
    is made with a new certificate and an old key. Raises CertificateUnusable.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._stamp = self._stamped()
        self.context = self._newest = _context(certificate, key)
        self.context.sni_callback = self._hand_over
        self._doubt = ""
        self._said = ""

    def look(self, *, asked: bool = False) -> str:
        """Present what the files hold now, if that is another pair; what is to be said of it, or nothing.

        Whoever renews writes one file after the other: unless somebody `asked`, a pair that does not fit is told of at
        the second look, and once.
        """
        try:
            stamp = self._stamped()
            changed = stamp != self._stamp
            if changed:
                self._newest = _context(self._certificate, self._key)
        except CertificateUnusable as error:
            return self._told(error.message, asked=asked)
        self._stamp = stamp
        self._doubt = self._said = ""
        if not changed and not asked:
            return ""
        now = "is presented from now on" if changed else "is presented"
        return f"the certificate in {self._certificate} {now}; {_ends(self._certificate)}"

    def _told(self, message: str, *, asked: bool) -> str:
        before, self._doubt = self._doubt, message
        if not asked and (before != message or self._said == message):
            return ""
        self._said = message
        return f"{message} The former is presented still; the next start would fail."

    def _stamped(self) -> _Stamp:
        return tuple(_stamp(each) for each in (self._certificate, self._key))

    def _hand_over(self, asked: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _first: ssl.SSLContext) -> None:
        asked.context = self._newest


def _stamp(path: Path) -> tuple[int, int, int, int]:
    try:
        found = os.stat(path)
    except OSError as error:
        raise _unusable(path, error) from None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, error) from None


def _ends(path: Path) -> str:
    """When it ends, in a clause. It is presented already: OpenSSL takes certificates that others cannot read."""
    from cryptography import x509  # 10 MiB, and only where a certificate is told of

    try:
        return f"it ends on {rfc3339(x509.load_pem_x509_certificate(_read(path)).not_valid_after_utc)}"
    except (CertificateUnusable, ValueError):
        return "when it ends cannot be read"


def _unusable(path: Path, error: OSError) -> CertificateUnusable:
    return CertificateUnusable(path=str(path), detail=error.strerror or str(error))


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    """For a server that speaks TLS 1.2 or newer. Raises CertificateUnusable."""
    if b"-----BEGIN CERTIFICATE-----" not in _read(certificate):
        raise CertificateUnusable(path=str(certificate), detail="it holds no certificate in PEM")
    if b"PRIVATE KEY-----" not in _read(key):
        raise CertificateUnusable(path=str(key), detail="it holds no private key in PEM")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")  # nobody is asked at the terminal
    except ssl.SSLError as error:
        raise CertificateUnusable(path=str(certificate), detail=_reason(error, key)) from None
    except OSError as error:
        raise _unusable(certificate, error) from None
    return context


def _reason(error: ssl.SSLError, key: Path) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {key} is not its key"
    if error.reason in {"BAD_PASSWORD_READ", "BAD_DECRYPT", "PROBLEMS_GETTING_PASSWORD"} or error.reason is None:
        return f"the key in {key} cannot be read; it must not be encrypted"
    return error.reason.lower().replace("_", " ")
