"""Keys, signatures and the recipients' home, with the real gpg."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intendance.model.errors.openpgp import KeyUnreadable, RecipientUnusable, SignatureInvalid, SigningFailed
from intendance.system import gpg_agent, openpgp, openpgp_signer, process
from tests.support.children import children_of
from tests.support.gnupg import Keys, UnusableKeys, gpg, make_holder, private_home, revoke

pytestmark = pytest.mark.gnupg


def agents_of(home: Path | str) -> list[int]:
    """Live processes whose command line names `home` (a dead one that nobody reaped has no command line)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(home).encode() in line:
                found.append(int(entry.name))
    return found


def test_read_keys_says_what_the_plan_must_know(keys: Keys) -> None:
    (key,) = openpgp.read_keys(keys.owner.armored)
    assert key.fingerprint == keys.owner.fingerprint
    assert key.user_ids == ("owner <owner@example.org>",)
    assert (key.expires_at, key.revoked, key.has_secret) == (None, False, False)
    subkey = key.encryption_subkey()
    assert subkey is not None
    assert subkey.usable
    assert subkey.fingerprint.endswith(subkey.key_id)
    assert subkey.fingerprint != key.fingerprint


def test_read_keys_keeps_the_order_of_several_keys(keys: Keys) -> None:
    read = openpgp.read_keys(keys.offline.armored + keys.owner.armored)
    assert [key.fingerprint for key in read] == [keys.offline.fingerprint, keys.owner.fingerprint]


def test_read_keys_detects_a_secret_key_whatever_surrounds_it(keys: Keys) -> None:
    for text in (
        keys.owner.secret(),
        keys.owner.armored + keys.owner.secret(),
        keys.drill.armored + keys.owner.secret(),
    ):
        found = {key.fingerprint: key.has_secret for key in openpgp.read_keys(text)}
        assert found[keys.owner.fingerprint] is True
        assert found.get(keys.drill.fingerprint) in (None, False)


def test_read_keys_of_expired_revoked_and_sign_only_keys(unusable_keys: UnusableKeys) -> None:
    (expired,) = openpgp.read_keys(unusable_keys.expired.armored)
    assert expired.expires_at is not None
    assert expired.expires_at.date() == datetime(2021, 1, 1, tzinfo=UTC).date()
    assert expired.encryption_subkey() is None
    (revoked,) = openpgp.read_keys(unusable_keys.revoked.armored)
    assert revoked.revoked
    assert revoked.encryption_subkey() is None
    (sign_only,) = openpgp.read_keys(unusable_keys.no_encryption.armored)
    assert sign_only.encryption_subkeys == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "x" * (2 << 20),
    ],
)
def test_what_is_not_a_key_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(KeyUnreadable) as refused:
        openpgp.read_keys(text)
    assert "not an OpenPGP public key" in refused.value.message


def test_a_foreign_subkey_without_a_valid_binding_is_dropped(keys: Keys) -> None:
    """Somebody who can edit the plan appends their own encryption subkey to the owner's key: gpg must not use it."""
    with openpgp.throwaway_home() as home:
        owner = _packets(home, keys.owner.armored)
        drill = _packets(home, keys.drill.armored)
        forged = gpg(home, "--enarmor", content=b"".join(owner) + b"".join(drill[3:])).decode()
    forged = forged.replace("PGP ARMORED FILE", "PGP PUBLIC KEY BLOCK")
    (key,) = openpgp.read_keys(forged)
    (honest,) = openpgp.read_keys(keys.owner.armored)
    assert key.encryption_subkeys == honest.encryption_subkeys


def _packets(home: Path, armored: str) -> list[bytes]:
    """The packets of a key: primary, user id, its signature, subkey, its binding (all old format, short)."""
    content = gpg(home, "--dearmor", content=armored.encode())
    packets = []
    while content:
        size = content[1] + 2 if content[0] & 3 == 0 else int.from_bytes(content[1:3], "big") + 3
        packets.append(content[:size])
        content = content[size:]
    return packets


def test_a_node_key_signs_only_and_its_home_opens_nothing(keys: Keys) -> None:
    (key,) = openpgp.read_keys(keys.node.armored)
    assert key.encryption_subkeys == ()
    assert (keys.node.home.stat().st_mode & 0o777, (keys.node.home / "private-keys-v1.d").stat().st_mode & 0o777) == (
        0o700,
        0o700,
    )
    for secret in (keys.node.home / "private-keys-v1.d").iterdir():
        assert secret.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The short folders that this process makes: others make theirs beside them."""
    make = openpgp._short_folder
    found: list[Path] = []

    def recorded(within: Path | None = None) -> Path:
        found.append(make(within))
        return found[-1]

    monkeypatch.setattr(openpgp, "_short_folder", recorded)
    return found


def test_no_agent_and_no_folder_is_left_behind(tmp_path: Path, made: list[Path]) -> None:
    home = tmp_path / "gnupg"
    fingerprint = openpgp.create_node_key(home, "a node")
    openpgp_signer.sign(home, fingerprint, b"content")
    assert len(made) == 2
    for folder in (home, *made):
        assert agents_of(folder) == []
    assert [folder for folder in made if folder.exists()] == []
    assert list(home.glob("S.*")) == []


def test_signing_works_under_a_long_path_and_by_two_at_once(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30) / ("path" * 30) / "gnupg"
    fingerprint = openpgp.create_node_key(home, "a node")
    armored = openpgp.export_public(home, fingerprint)
    program = (
        "import sys; from pathlib import Path; from intendance.system import openpgp_signer\n"
        "sys.stdout.buffer.write(openpgp_signer.sign(Path(sys.argv[1]), sys.argv[2], b'content'))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", program, str(home), fingerprint], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for one in both:
        signature, _ = one.communicate()
        assert openpgp.verify(b"content", signature, armored) == fingerprint


def test_verify_accepts_only_these_bytes_by_this_key(keys: Keys) -> None:
    signature = openpgp_signer.sign(keys.node.home, keys.node.fingerprint, b"manifest")
    assert openpgp.verify(b"manifest", signature, keys.node.armored) == keys.node.fingerprint
    with pytest.raises(SignatureInvalid, match="changed"):
        openpgp.verify(b"manifesT", signature, keys.node.armored)
    with pytest.raises(SignatureInvalid, match="another key"):
        openpgp.verify(b"manifest", signature, keys.owner.armored)


def test_two_signatures_or_two_keys_are_refused(keys: Keys) -> None:
    mine = openpgp_signer.sign(keys.node.home, keys.node.fingerprint, b"manifest")
    theirs = keys.owner.gpg("--armor", "--detach-sign", content=b"manifest")
    with pytest.raises(SignatureInvalid, match="one detached"):
        openpgp.verify(b"manifest", mine + theirs, keys.node.armored)
    with openpgp.throwaway_home() as home:
        joined = b"".join(gpg(home, "--dearmor", content=one) for one in (mine, theirs))
        armored = gpg(home, "--enarmor", content=joined).replace(b"ARMORED FILE", b"SIGNATURE")
        armored = b"\n".join(line for line in armored.split(b"\n") if not line.startswith(b"Comment"))
    with pytest.raises(SignatureInvalid):
        openpgp.verify(b"manifest", armored, keys.node.armored)
    with pytest.raises(SignatureInvalid, match="2 were given"):
        openpgp.verify(b"manifest", theirs, keys.node.armored + keys.owner.armored)


def test_a_signature_that_carries_its_own_text_is_refused(keys: Keys) -> None:
    inline = keys.owner.gpg("--armor", "--sign", content=b"something else")
    clear = keys.owner.gpg("--clear-sign", content=b"manifest")
    disguised = inline.replace(b"PGP MESSAGE", b"PGP SIGNATURE")
    text_mode = keys.owner.gpg("--armor", "--textmode", "--detach-sign", content=b"manifest")
    weak = keys.owner.gpg("--armor", "--digest-algo", "RIPEMD160", "--detach-sign", content=b"manifest")
    for signature in (inline, clear, disguised, text_mode, weak, b"", b"manifest", keys.owner.armored.encode()):
        with pytest.raises(SignatureInvalid):
            openpgp.verify(b"manifest", signature, keys.owner.armored)
    assert clear.count(b"-----BEGIN PGP SIGNATURE-----") == 1
    tail = clear[clear.index(b"-----BEGIN PGP SIGNATURE-----") :]
    with pytest.raises(SignatureInvalid):  # the signature block of a clear-signed text, taken out of it
        openpgp.verify(b"manifest", tail, keys.owner.armored)


def test_a_good_signature_by_a_dead_key_is_refused(unusable_keys: UnusableKeys, keys: Keys) -> None:
    expired = unusable_keys.expired
    signature = expired.gpg("--faked-system-time", "20200601T000000!", "--armor", "--detach-sign", content=b"manifest")
    with pytest.raises(SignatureInvalid, match="expired"):
        openpgp.verify(b"manifest", signature, expired.armored)
    with private_home() as home:
        holder = make_holder(home, "leaver")
        signature = holder.gpg("--armor", "--detach-sign", content=b"manifest")
        assert openpgp.verify(b"manifest", signature, holder.armored) == holder.fingerprint
        with pytest.raises(SignatureInvalid, match="revoked"):
            openpgp.verify(b"manifest", signature, revoke(holder).armored)


def test_an_expired_signature_is_refused() -> None:
    with private_home() as home:
        holder = make_holder(home, "elder", when="20200101T000000!")
        signature = holder.gpg(
            "--faked-system-time", "20200601T000000!", "--default-sig-expire", "1d", "--armor", "--detach-sign",
            content=b"manifest",
        )  # fmt: skip
        with pytest.raises(SignatureInvalid, match="it has expired"):
            openpgp.verify(b"manifest", signature, holder.armored)


def test_a_signer_waits_and_signs_once_or_goes_without(keys: Keys, made: list[Path]) -> None:
    """What was started before there was anything to sign is gone with its agent and its home, whether it signed."""
    others = set(children_of())
    for content in (b"manifest", None):
        signer = openpgp_signer.Signer(keys.node.home, keys.node.fingerprint)
        assert len(set(children_of()) - others) == 1
        assert made[-1].is_dir()
        if content is not None:
            assert openpgp.verify(content, signer.sign(content), keys.node.armored) == keys.node.fingerprint
        signer.close()
        signer.close()
        assert set(children_of()) <= others
        assert [home for home in made if home.exists() or agents_of(home)] == []


def test_a_signer_that_was_killed_says_so(keys: Keys) -> None:
    others = set(children_of())
    signer = openpgp_signer.Signer(keys.node.home, keys.node.fingerprint)
    (gpg,) = set(children_of()) - others
    os.kill(gpg, signal.SIGKILL)
    with pytest.raises(SigningFailed, match="could not sign"):
        signer.sign(b"manifest")
    assert set(children_of()) <= others


def test_signing_without_the_key_is_one_sentence(keys: Keys, tmp_path: Path) -> None:
    home = tmp_path / "empty"
    home.mkdir(mode=0o700)
    with pytest.raises(SigningFailed, match="could not sign"):
        openpgp_signer.sign(home, keys.node.fingerprint, b"content")
    with pytest.raises(KeyUnreadable):
        openpgp.export_public(home, keys.node.fingerprint)


def test_every_recipient_opens_what_the_home_encrypts_and_the_node_does_not(keys: Keys) -> None:
    with openpgp.RecipientHome(keys.recipients) as home:
        assert sorted(home.key_ids.values()) == sorted(r.fingerprint for r in keys.recipients)
        ciphertext = process.run(home.encrypt_argv(), input=b"the members' table").stdout
        path = home.path
    assert not path.exists()
    assert agents_of(path) == []
    for holder in (keys.owner, keys.drill, keys.offline):
        done = process.run(openpgp.decrypt_argv(), input=ciphertext, extra_environment=holder.environment)
        assert done.stdout == b"the members' table"
    refused = process.run(
        openpgp.decrypt_argv(), input=ciphertext, extra_environment=keys.node.environment, accept=(2,)
    )
    assert refused.stdout == b""
    assert "No secret key" in refused.stderr


def test_the_recipients_home_refuses_keys_that_cannot_be_used(
    keys: Keys, unusable_keys: UnusableKeys, made: list[Path]
) -> None:
    cases = {
        "expired": unusable_keys.expired.recipient(),
        "revoked": unusable_keys.revoked.recipient(),
        "no subkey for encryption": unusable_keys.no_encryption.recipient(),
        "does not hold": replace(keys.owner.recipient(), armored=keys.drill.armored),
        "secret half": replace(keys.owner.recipient(), armored=keys.owner.secret()),
    }
    for said, recipient in cases.items():
        with pytest.raises(RecipientUnusable, match=said), openpgp.RecipientHome([keys.drill.recipient(), recipient]):
            pass
    with pytest.raises(RecipientUnusable), openpgp.RecipientHome([]):
        pass
    assert len(made) >= len(cases)
    assert [path for path in made if path.exists()] == []


def test_the_home_lies_where_it_was_told_to(keys: Keys, tmp_path: Path) -> None:
    within = tmp_path / ("long" * 40)
    within.mkdir()
    with openpgp.RecipientHome(keys.recipients, within) as home:
        assert home.path.parent == within
        assert process.run(home.encrypt_argv(), input=b"x").stdout
    assert list(within.iterdir()) == []


def test_only_the_declared_key_of_a_text_enters_the_home(keys: Keys) -> None:
    both = replace(keys.owner.recipient(), armored=keys.owner.armored + keys.drill.armored)
    with openpgp.RecipientHome([both]) as home:
        listing = gpg(home.path, "--no-autostart", "--with-colons", "--list-keys").decode()
    assert keys.owner.fingerprint in listing
    assert keys.drill.fingerprint not in listing


def test_an_agent_of_ours_ends_with_a_killed_process() -> None:
    program = (
        "import sys; from pathlib import Path; from intendance.system import gpg_agent, process\n"
        "child = process.start(gpg_agent.with_agent(Path(sys.argv[1]), ('sleep', '600')))\n"
        "print(child.process.pid, flush=True); child.wait()"
    )
    with openpgp.throwaway_home() as home:
        victim = subprocess.Popen([sys.executable, "-c", program, str(home)], stdout=subprocess.PIPE)
        assert victim.stdout is not None
        sleeper = int(victim.stdout.readline())
        until_gone = [os.pidfd_open(sleeper), *map(os.pidfd_open, agents_of_socket(home))]
        assert len(until_gone) == 2
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stdout.close()
        for descriptor in until_gone:
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
            assert ended.poll(120_000)
            os.close(descriptor)


def agents_of_socket(home: Path) -> list[int]:
    """The process that listens on the home's agent socket, once it does."""
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(home / "S.gpg-agent"))
            except OSError:
                continue
            return [gpg_agent.agent_pid(probe)]
