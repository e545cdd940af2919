"""Signed notes and checkpoints: the specification's own example, and every way to spoil one."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intendance.ledger import note
from intendance.ledger.note import VerifierKey
from intendance.model.errors.ledger import NoteMalformed

# The example of C2SP signed-note.
KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()
# The example of C2SP tlog-checkpoint.
CHECKPOINT = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
""".encode()
ORIGIN = "asbl/node/web-01/1"


@pytest.fixture(scope="module")
def private() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="module")
def key(private: Ed25519PrivateKey) -> VerifierKey:
    return VerifierKey(ORIGIN, private.public_key().public_bytes_raw())


def test_the_specifications_example_verifies() -> None:
    key = VerifierKey.parse(KEY)
    assert key.text == KEY
    read = note.read_note(NOTE)
    assert read.text == "This is an example message.\n"
    assert note.verify_note(read, key) is True


@pytest.mark.parametrize("at", range(len(NOTE)))
def test_no_byte_of_a_note_can_change(at: int) -> None:
    changed = bytearray(NOTE)
    changed[at] ^= 0x01
    try:
        verdict = note.verify_note(note.read_note(bytes(changed)), VerifierKey.parse(KEY))
    except NoteMalformed:
        return
    assert verdict is not True


def test_the_specifications_checkpoint_is_read() -> None:
    checkpoint, signed = note.read_checkpoint(CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert base64.b64encode(checkpoint.root) == b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    assert note.checkpoint_text(checkpoint.origin, checkpoint.size, checkpoint.root) == signed.text
    assert signed.signatures[0].key_id.hex() == "033de0ae"


def test_what_we_sign_verifies_and_binds_name_and_text(private: Ed25519PrivateKey, key: VerifierKey) -> None:
    content = note.sign_note(note.checkpoint_text(ORIGIN, 3, b"\x07" * 32), ORIGIN, private)
    checkpoint, signed = note.read_checkpoint(content)
    assert (checkpoint.size, checkpoint.root) == (3, b"\x07" * 32)
    assert note.verify_note(signed, key) is True
    assert note.verify_note(signed, VerifierKey("asbl/node/web-02/1", key.public)) is None
    other = note.read_note(content.replace(b"\n3\n", b"\n4\n"))
    assert note.verify_note(other, key) is False


def test_signatures_of_others_are_ignored_but_ours_must_hold(private: Ed25519PrivateKey, key: VerifierKey) -> None:
    content = note.sign_note(note.checkpoint_text(ORIGIN, 3, b"\x07" * 32), ORIGIN, private)
    stranger = "— witness.example/w " + base64.b64encode(b"\x01\x02\x03\x04" + b"s" * 72).decode() + "\n"
    assert note.verify_note(note.read_note(content + stranger.encode()), key) is True
    alone = content.partition(b"\n\n")[0] + b"\n\n" + stranger.encode()
    assert note.verify_note(note.read_note(alone), key) is None
    forged = f"— {ORIGIN} " + base64.b64encode(key.key_id + b"f" * 64).decode() + "\n"
    assert note.verify_note(note.read_note(content + forged.encode()), key) is False


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text only\n",
        b"text\n\n",
        NOTE[:-1],
        NOTE.replace(b"example message", b"example\tmessage"),
        NOTE.replace("—".encode(), b"-"),
        NOTE.replace(b"foo Uw2", b"foo  Uw2"),
        NOTE.replace(b"aQM=", b"aQN="),
        NOTE.replace(b"aQM=", b"aQM"),
        NOTE.replace(b"aQM=\n", b"aQM=\r\n"),
        b"\xff" + NOTE,
        b"x" * 70_000 + NOTE,
        b"text\n\n" + "— n AAAA\n".encode(),
    ],
)
def test_what_is_no_note(content: bytes) -> None:
    with pytest.raises(NoteMalformed):
        note.read_note(content)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (b"20852163", b"020852163"),
        (b"20852163", b"-1"),
        (b"20852163", b"1_0"),
        (b"20852163", "٣".encode()),
        (b"q2I=\n", b"q2I=\n\n"),
        (b"q2I=", b"q2J="),
        (b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", b"AAAA"),
        (b"example.com/behind-the-sofa\n20", b"\n20"),
    ],
)
def test_what_is_no_checkpoint(line: bytes, instead: bytes) -> None:
    with pytest.raises(NoteMalformed):
        note.read_checkpoint(CHECKPOINT.replace(line, instead, 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        KEY.replace("530d903a", "530d903b"),
        KEY.replace("530d903a", "530D903A"),
        KEY.replace("AekyeR", "BekyeR"),
        KEY[:-4],
        KEY.replace("example.com/foo", "example.com/f oo"),
        KEY + "=",
    ],
)
def test_what_is_no_verifier_key(text: str) -> None:
    with pytest.raises(NoteMalformed):
        VerifierKey.parse(text)
