"""A server's certificate follows its files; handshakes are made in memory, by OpenSSL."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from intendance.model.errors.fleet import CertificateUnusable
from intendance.system.presented import Presented
from tests.support.certificates import Authority

NAME = "fleet.example.org"
END = "-----END CERTIFICATE-----"


class Files:
    """Certificate and key in two files, as who renews them writes them: each put in its place at once."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.create()
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        self.renew()

    def renew(self, *, certificate: bool = True, key: bool = True) -> int:
        """Another pair, or half of one; its serial number."""
        made = self.authority.server_pem(NAME)
        begins = made.index(b"-----BEGIN CERTIFICATE-----")
        for path, content, wanted in (
            (self.certificate, made[begins:], certificate), (self.key, made[:begins], key),
        ):  # fmt: skip
            if wanted:
                new = path.with_suffix(".new")
                new.write_bytes(content)
                new.replace(path)
        return x509.load_pem_x509_certificate(made[begins:]).serial_number

    def serial(self) -> int:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).serial_number


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def shown(files: Files, presented: Presented, name: str | None = NAME) -> int:
    """The serial number of the certificate that a client who knows the authority is shown; it may ask for no name."""
    trusting = ssl.create_default_context(cadata=files.authority.pem)
    trusting.check_hostname = name is not None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    server = presented.context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    seen = client.getpeercert(binary_form=True)
    assert seen is not None
    return x509.load_der_x509_certificate(seen).serial_number


@pytest.mark.parametrize("name", [NAME, None])
def test_a_renewed_certificate_is_presented_from_the_next_handshake_on(files: Files, name: str | None) -> None:
    presented = Presented(files.certificate, files.key)
    first = files.serial()
    assert shown(files, presented, name) == first
    assert presented.look() == ""
    renewed = files.renew()
    assert shown(files, presented, name) == first
    assert "is presented from now on; it ends on 20" in presented.look()
    assert shown(files, presented, name) == renewed
    assert presented.look() == ""
    assert "is presented; it ends on 20" in presented.look(asked=True)


def test_a_pair_that_does_not_fit_yet_is_not_presented_and_told_of_once_if_it_stays_so(files: Files) -> None:
    presented = Presented(files.certificate, files.key)
    first = files.serial()
    files.renew(key=False)
    assert presented.look() == ""
    assert shown(files, presented) == first
    said = presented.look()
    assert f"the key in {files.key} is not its key" in said
    assert "next start would fail" in said
    assert presented.look() == ""
    assert presented.look(asked=True) == said
    assert shown(files, presented) == first
    renewed = files.renew()
    assert "from now on" in presented.look()
    assert shown(files, presented) == renewed


def test_files_that_are_away_for_a_moment_are_no_news(files: Files) -> None:
    presented = Presented(files.certificate, files.key)
    kept = files.key.read_bytes()
    files.key.unlink()
    assert presented.look() == ""
    assert shown(files, presented) == files.serial()
    files.key.write_bytes(kept)
    os.utime(files.key, (1, 1))  # else it may have the inode of the former, and be written in the same tick
    assert "from now on" in presented.look()
    files.key.unlink()
    assert presented.look() == ""  # another time, not the second look at the first


def test_a_certificate_whose_end_only_openssl_can_read_is_presented_all_the_same(files: Files) -> None:
    presented = Presented(files.certificate, files.key)
    files.renew()
    text = files.certificate.read_text(encoding="ascii")
    own = text[: text.index(END) + len(END)]
    found = x509.load_pem_x509_certificate(own.encode())
    written = found.not_valid_after_utc.strftime("%y%m%d").encode()
    strange = ssl.PEM_cert_to_DER_cert(own).replace(written, written[:2] + b"13" + written[4:])
    files.certificate.write_text(ssl.DER_cert_to_PEM_cert(strange) + text[len(own) :], encoding="ascii")
    assert "is presented from now on; when it ends cannot be read" in presented.look()
    assert "is presented; when it ends cannot be read" in presented.look(asked=True)


def _encrypted(files: Files) -> None:
    private = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    form = serialization.BestAvailableEncryption(b"word")
    encoded = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form)
    files.key.write_bytes(encoded)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda files: files.certificate.unlink(), "server.pem cannot be used: No such file or directory"),
        (lambda files: files.key.unlink(), "server.key cannot be used: No such file or directory"),
        (lambda files: files.certificate.write_text("none\n"), "server.pem cannot be used: it holds no cert"),
        (lambda files: files.key.write_text("none\n"), "server.key cannot be used: it holds no private key"),
        (lambda files: files.renew(certificate=False), "is not its key"),
        (_encrypted, "must not be encrypted"),
        (lambda files: files.certificate.write_bytes(files.certificate.read_bytes()[:60]), "server.pem cannot be used"),
    ],
)  # fmt: skip
def test_what_cannot_be_presented_is_refused_with_its_file_and_reason(files: Files, wrong: object, said: str) -> None:
    assert callable(wrong)
    wrong(files)
    with pytest.raises(CertificateUnusable) as refused:
        Presented(files.certificate, files.key)
    assert said in refused.value.message
    assert refused.value.exit_code == 2
