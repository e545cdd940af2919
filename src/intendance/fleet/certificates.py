"""The manager's own certificate authority and certificate, for where none is given: nodes know the authority by its
SHA-256, which stands in their enrolment token."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from intendance.model.frozen import dataclass
from intendance.system.publish import publish

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 397
_RENEWED_DAYS = 30
_SKEW = timedelta(days=1)  # a node whose clock is behind still believes it


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files for the server, and the authority that nodes pin."""

    certificate: Path
    key: Path
    authority: Path

    @property
    def pin(self) -> str:
        """The SHA-256 of the authority's certificate (DER), in hex."""
        return pin_of(self.authority.read_text(encoding="ascii"))


def pin_of(pem: str) -> str:
    """The SHA-256 of a certificate in PEM."""
    return sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def own_certificates(folder: Path, names: Sequence[str], now: datetime) -> Certificates:
    """The manager's own; made when there are none, and the server's anew 30 days before its end or for other names."""
    made = Certificates(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not made.authority.exists():
        _make_authority(folder, now)
    if not _still_good(made.certificate, names, now):
        _make_server(made, folder, names, now)
    return made


def renew(folder: Path, now: datetime) -> None:
    """The manager's own certificate made anew, for the same names, 30 days before its end. Raises OSError."""
    own_certificates(folder, _names(x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())), now)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(each.value) for each in alternative)


def _still_good(path: Path, names: Sequence[str], now: datetime) -> bool:
    if not path.exists():
        return False
    found = x509.load_pem_x509_certificate(path.read_bytes())
    return set(names) <= set(_names(found)) and found.not_valid_after_utc - now > timedelta(days=_RENEWED_DAYS)


def _make_authority(folder: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Intendance manager")])
    certificate = (
        _begun(name, name, key.public_key(), now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    publish(folder / "ca.key", _private(key), mode=0o600, replace=True)
    publish(folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM))


def _make_server(made: Certificates, folder: Path, names: Sequence[str], now: datetime) -> None:
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    authority_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not ours")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        _begun(subject, authority.subject, key.public_key(), now, _SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    chain = certificate.public_bytes(serialization.Encoding.PEM) + made.authority.read_bytes()
    publish(made.key, _private(key), mode=0o600, replace=True)
    publish(made.certificate, chain, replace=True)


def _begun(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
