"""The bundle for auditors and the verifier in it, which shares no code with ours."""

from __future__ import annotations

import ast
import io
import json
import re
import tarfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from intendance.agent.ledger_view import export_bundle, take_head
from intendance.ledger.book import Book
from intendance.ledger.export import known_kinds
from intendance.model.errors.ledger import BundleTaken, BundleUnusable, BundleUnwritable
from tests.support import bundles
from tests.support.ledger_material import Ticking, begin, ended, fill
from tests.support.typography import french_faults

STANDALONE = bundles.VERIFIER.parent
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("audited") / "state"
    with begin(place) as book:
        fill(book, 300)
        attached = book.attach(b"a long document\n" * 100, "text/plain")
        book.append(ended("with a document"), actor="person:anne", attachments=[attached])
    return place


@pytest.fixture(scope="module")
def sound(state: Path, tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    folder = tmp_path_factory.mktemp("bundle") / "out"
    exported = export_bundle(state, Ticking(), folder)
    assert (exported.attachments, exported.missing_attachments) == (1, ())
    held = bundles.load(folder)
    assert (exported.files, exported.bytes) == (len(held), sum(map(len, held.values())))
    return held


def test_it_imports_nothing_of_ours_and_reads_as_python_3_9() -> None:
    tree = ast.parse(bundles.VERIFIER.read_text(), feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name.startswith("intendance")} == set()
    assert "cryptography.hazmat.primitives.asymmetric.ed25519" in imported
    annotations = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    assert annotations, "`X | None` in annotations needs it before Python 3.10"
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Match)]


def test_both_verifiers_are_content_with_a_folder_and_a_tar(state: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "folder", tmp_path / "bundle.tar"):
        exported = export_bundle(state, Ticking(), place)
        code, said = bundles.alone(place)
        assert (code, bundles.ours(place)) == (0, 0), said
        assert said.startswith("VERIFIED  asbl/node/web-01/20261121T080000Z")
        for fact in (
            "302 records",
            "1 attachments",
            exported.checkpoint.root.hex(),
            "the signature of",
            "Not verified",
        ):
            assert fact in said


def test_a_tar_has_the_same_bytes_each_time_and_unpacks_into_one_folder(state: Path, tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        export_bundle(state, Ticking(), tmp_path / name)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert {name.split("/")[0] for name in tar.getnames()} == {"ledger-302"}


def test_the_program_in_the_bundle_verifies_the_bundle_it_is_in(sound: bundles.Bundle) -> None:
    assert sound["verify.py"] == bundles.VERIFIER.read_bytes()
    assert {"README.txt", "LISEZMOI.txt", "FORMAT.txt", "rules/backup.yaml", "kinds.json"} <= sound.keys()
    assert json.loads(sound["kinds.json"]) == known_kinds()
    for name in ("README.txt", "LISEZMOI.txt"):
        text = sound[name].decode()
        assert "asbl/node/web-01/20261121T080000Z" in text
        assert "{" not in text


def test_the_format_in_the_bundle_is_the_page_of_the_documentation() -> None:
    assert (STANDALONE / "FORMAT.txt").read_bytes() == (ROOT / "docs/ledger.md").read_bytes()


def test_the_french_page_keeps_french_typography() -> None:
    text = (STANDALONE / "LISEZMOI.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("  ") and "README" not in line]
    prose = [re.sub(" +", " ", line) for line in lines]
    assert [fault for line in prose for fault in french_faults(line)] == []


def test_without_cryptography_openssl_is_asked(sound: bundles.Bundle, tmp_path: Path) -> None:
    place = bundles.store(sound, tmp_path / "b")
    code, said = bundles.alone(place, interpreter=("-I", "-S"))
    assert (code, "the signature of ledger/checkpoint" in said) == (0, True), said
    head = sound["ledger/checkpoint"]
    at = len(head) - 20
    broken = bundles.summed(sound | {"ledger/checkpoint": head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :]})
    assert bundles.alone(bundles.store(broken, tmp_path / "c"), interpreter=("-I", "-S"))[0] == 1


def test_with_neither_it_says_exactly_what_it_could_not_check(sound: bundles.Bundle, tmp_path: Path) -> None:
    code, said = bundles.alone(bundles.store(sound, tmp_path / "b"), interpreter=("-I", "-S"), path="/nowhere")
    assert code == 5
    assert "its signature was NOT checked: neither the package cryptography nor openssl is here" in said
    assert "302 records" in said


def test_an_older_checkpoint_shows_a_rewriting(state: Path, tmp_path: Path) -> None:
    older, rewritten = tmp_path / "older", tmp_path / "other"
    with begin(tmp_path / "s") as book:
        fill(book, 10)
    take_head(tmp_path / "s", Ticking(), older)
    with Book.open(tmp_path / "s", Ticking()) as book:
        fill(book, 5)
    place = tmp_path / "b"
    export_bundle(tmp_path / "s", Ticking(), place)
    code, said = bundles.alone(place, "--pin", str(older))
    assert (code, bundles.ours(place, older)) == (0, 0)
    assert "the pinned checkpoint of 11 records" in said
    export_bundle(state, Ticking(), rewritten)  # the same name, another key
    assert bundles.alone(rewritten, "--pin", str(older))[0] == bundles.ours(rewritten, older) == 5
    (tmp_path / "bad").write_bytes(b"nothing")
    assert bundles.alone(place, "--pin", str(tmp_path / "bad"))[0] == 2
    assert bundles.alone(place, "--pin", str(tmp_path / "none"))[0] == 2


def test_what_exists_or_cannot_be_written_is_refused_and_nothing_is_left(state: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(BundleTaken):
        export_bundle(state, Ticking(), tmp_path / "there")
    with pytest.raises(BundleUnwritable):
        export_bundle(state, Ticking(), tmp_path / "no" / "folder.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    with pytest.raises(BundleUnusable):
        bundles.ours(tmp_path / "nothing")


def test_a_missing_attachment_is_told(tmp_path: Path) -> None:
    with begin(tmp_path / "s") as book:
        attached = book.attach(b"x", "text/plain")
        book.append(ended(), actor="person:anne", attachments=[attached])
        book.layout.attachment(attached.sha256).unlink()
    exported = export_bundle(tmp_path / "s", Ticking(), tmp_path / "b")
    assert exported.missing_attachments == (attached.sha256,)
    assert bundles.alone(tmp_path / "b")[0] == bundles.ours(tmp_path / "b") == 3


def _tar(place: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(place, "w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return place


def _linked(name: str, to: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member


HOSTILE: dict[str, Callable[[Path, bundles.Bundle], Path]] = {
    "names that lead out": lambda place, _: _tar(place, (tarfile.TarInfo("top/../../etc/x"), b"x")),
    "a link": lambda place, _: _tar(place, (_linked("top/ledger/checkpoint", "/etc/passwd"), b"")),
    "one name twice": lambda place, _: _tar(place, *[(tarfile.TarInfo("t/ledger/checkpoint"), b"x")] * 2),
    "an absolute name": lambda place, _: _tar(place, (tarfile.TarInfo("/etc/passwd"), b"x")),
    "deep JSON": lambda place, sound: bundles.store(
        bundles.summed(
            sound | {"kinds.json": b"[" * 1_000_000, "ledger/tile/entries/000": b"\xea\x60" + b"[" * 60_000}
        ),
        place,
    ),
    "a size beyond counting": lambda place, sound: bundles.store(
        bundles.summed(
            sound | {"ledger/checkpoint": sound["ledger/checkpoint"].replace(b"\n302\n", b"\n999999999999999999\n")}
        ),
        place,
    ),
    "a tile beyond counting": lambda place, sound: bundles.store(
        bundles.summed(sound | {"ledger/tile/entries/" + "x999/" * 12 + "999": b"\0\0"}), place
    ),
    "a half tar": lambda place, sound: _half(place, sound),  # noqa: PLW0108 -- declared below
}  # fmt: skip


def _half(place: Path, sound: bundles.Bundle) -> Path:
    members = ((tarfile.TarInfo(f"t/{name}"), content) for name, content in sound.items())
    _tar(place, *members)
    content = place.read_bytes()
    place.write_bytes(content[: len(content) // 2])
    return place


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bundles_are_answered(name: str, sound: bundles.Bundle, tmp_path: Path) -> None:
    place = HOSTILE[name](tmp_path / "hostile", sound)
    code, said = bundles.alone(place)
    assert code in {1, 3, 5}, said
    assert bundles.ours(place) == code, said


def test_a_huge_file_is_not_read(sound: bundles.Bundle, tmp_path: Path) -> None:
    place = bundles.store(sound, tmp_path / "b")
    with (place / "ledger/tile/entries/000").open("r+b") as file:
        file.truncate(2**40)  # sparse: a terabyte that takes no room
    assert bundles.alone(place)[0] == bundles.ours(place) == 5


def test_links_in_a_folder_are_not_followed(sound: bundles.Bundle, tmp_path: Path) -> None:
    place = bundles.store(sound, tmp_path / "b")
    (place / "ledger/checkpoint").rename(tmp_path / "elsewhere")
    (place / "ledger/checkpoint").symlink_to(tmp_path / "elsewhere")
    assert bundles.alone(place)[0] == bundles.ours(place) == 3


def test_a_terminal_cannot_be_drawn_on(sound: bundles.Bundle, tmp_path: Path) -> None:
    place = bundles.store(sound | {"evil\x1b[31m": b""}, tmp_path / "b")
    code, said = bundles.alone(place)
    assert (code, "\x1b" in said) == (5, False)


def test_what_the_package_carries_is_there() -> None:
    names = {file.name for file in files("intendance.ledger").joinpath("standalone").iterdir()}
    assert {"verify.py", "README.txt", "LISEZMOI.txt", "FORMAT.txt"} <= names
