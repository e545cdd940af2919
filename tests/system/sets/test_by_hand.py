"""RESTORE.sh in a shell where Intendance is not installed: the set's folder, a keyring with one private key, and the
programs that `docs/sets.md` names."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from intendance.engines.private_mariadb import PrivateServer
from intendance.model.plan import MariadbAsset
from intendance.sets.publication import restore_script
from intendance.stores import StoredObject
from intendance.stores.directory import DirectoryStore
from tests.support.gnupg import Holder, gpg, private_home
from tests.support.trees import fill_oddly, snapshot
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg
SYSTEM_PATH = "/usr/bin:/bin"


@dataclass
class Stranger:
    """Somebody with a copy of the set and one private key; no Intendance, no Python environment, no locale set up."""

    folder: Path
    home: Path
    place: Path
    shell: str = "sh"
    language: str = "C"

    def run(self, *words: str, pipe: str = "") -> subprocess.CompletedProcess[bytes]:
        script = f'{self.shell} "{self.folder}/RESTORE.sh" "$@" {pipe}'
        return subprocess.run(
            [self.shell, "-c", script, self.shell, *words],
            cwd=self.place,
            env={
                "PATH": SYSTEM_PATH, "HOME": str(self.place), "GNUPGHOME": str(self.home),
                "TMPDIR": str(self.place / "tmp"), "LC_ALL": self.language,
            },
            capture_output=True, check=False, timeout=300, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def refused(self, *words: str, code: int = 1) -> str:
        done = self.run(*words)
        assert done.returncode == code, done
        assert list((self.place / "tmp").iterdir()) == [], "working files are left"
        return done.stderr.decode()

    def works(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done
        assert list((self.place / "tmp").iterdir()) == [], "working files are left"
        return done.stdout.decode()


@pytest.fixture(scope="module")
def one_key(keys: object) -> Iterator[Path]:
    """A keyring with the private key of one recipient, and nothing else."""
    holder: Holder = keys.drill  # type: ignore[attr-defined]
    with private_home() as home:
        gpg(home, "--import", content=holder.secret().encode())
        yield home


def stranger(workshop: Workshop, home: Path, set_id: str, asset: str = "site") -> Stranger:
    """The set, copied to another place as a stranger would."""
    place = workshop.base / "elsewhere"
    (place / "tmp").mkdir(parents=True)
    shutil.copytree(workshop.folder(set_id, asset), place / "the set")
    return Stranger(folder=place / "the set", home=home, place=place)


@pytest.fixture
def site(workshop: Workshop, one_key: Path) -> Stranger:
    """A set of an odd tree."""
    fill_oddly(workshop.tree)
    return stranger(workshop, one_key, workshop.back_up().set)


def flip(path: Path, at: int = 400) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_the_script_is_clean() -> None:
    script = Path(__file__).parents[3] / "src" / "intendance" / "sets" / "RESTORE.sh"
    assert max(len(line) for line in script.read_text().splitlines()) <= 120
    checker = shutil.which("shellcheck")
    if checker is None:
        if os.environ.get("CI") == "true":
            pytest.fail("shellcheck is not installed")
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([checker, "--shell=sh", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_set_has_the_same_script(workshop: Workshop, site: Stranger) -> None:
    other = workshop.back_up()
    assert (site.folder / "RESTORE.sh").read_bytes() == restore_script()
    assert (workshop.folder(other.set) / "RESTORE.sh").read_bytes() == restore_script()


def test_intendance_is_not_there(site: Stranger) -> None:
    done = subprocess.run(
        ["sh", "-c", "command -v intendance"], env={"PATH": SYSTEM_PATH}, capture_output=True, check=False
    )
    assert done.returncode != 0


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_tree_comes_back_bit_by_bit(workshop: Workshop, site: Stranger, shell: str) -> None:
    site.shell = shell
    site.works("files", "restored here")
    assert snapshot(site.place / "restored here") == snapshot(workshop.tree)


def test_check_names_the_signer(workshop: Workshop, site: Stranger) -> None:
    fingerprint = workshop.keys.node.fingerprint
    assert site.works("check") == f"tree-00000.zst.gpg: OK\n{fingerprint}\n"
    spaced = " ".join(fingerprint[at : at + 4] for at in range(0, 40, 4)).lower()
    assert fingerprint in site.works("check", spaced)
    other = workshop.keys.owner.fingerprint
    assert "NOT by the key that you named" in site.refused("check", other)


def test_check_needs_no_private_key(site: Stranger) -> None:
    site.home = site.place / "no keyring"
    site.works("check")
    assert not site.home.exists()


def test_list_tells_what_is_in_it(site: Stranger) -> None:
    size = (site.folder / "tree-00000.zst.gpg").stat().st_size
    assert site.works("list").split() == ["tree", "1", "parts", str(size), "bytes", "sh", "RESTORE.sh", "files", "DIR"]


def test_a_stream_as_it_is(site: Stranger) -> None:
    done = site.run("raw", "tree", pipe="| tar -t")
    assert done.returncode == 0
    assert b"./run me\n" in done.stdout


def test_nothing_is_written_over(site: Stranger) -> None:
    (site.place / "taken").mkdir()
    (site.place / "taken" / "precious").write_text("x")
    (site.place / "link").symlink_to("nowhere")
    assert "already exists" in site.refused("files", "taken", code=2)
    assert "already exists" in site.refused("files", "link", code=2)
    assert (site.place / "taken" / "precious").read_text() == "x"


def test_a_damaged_part_is_refused(site: Stranger) -> None:
    flip(site.folder / "tree-00000.zst.gpg")
    assert "tree-00000.zst.gpg is damaged" in site.refused("check")
    said = site.refused("files", "restored")
    assert "is damaged" in said
    assert "not complete; remove it" in said
    assert not (site.place / "restored").exists()
    assert list((site.place / ".restored.partial").iterdir()) == []
    assert "was broken off" in site.refused("files", "restored", code=2)


def test_a_missing_part_is_refused_before_anything_is_made(site: Stranger) -> None:
    (site.folder / "tree-00000.zst.gpg").unlink()
    assert "tree-00000.zst.gpg is missing" in site.refused("check")
    assert "tree-00000.zst.gpg is missing" in site.refused("files", "restored")
    assert not (site.place / "restored").exists()


@pytest.mark.parametrize("command", [("check",), ("files", "restored"), ("raw", "tree")])
def test_a_forged_set_is_refused(site: Stranger, command: tuple[str, ...]) -> None:
    sums = site.folder / "SHA256SUMS"
    original = sums.read_text()
    sums.write_text(original.replace(original[:4], "0000"))
    assert "not the one that the node signed" in site.refused(*command)
    sums.write_text(original + "0" * 64 + "  ../../outside\n")
    assert "a line that does not belong there" in site.refused(*command)
    sums.write_text(original)
    flip(site.folder / "MANIFEST.json")
    assert "signature of MANIFEST.json is WRONG" in site.refused(*command)
    flip(site.folder / "MANIFEST.json")
    (site.folder / "NODE-KEY.asc").write_text("nothing\n")
    assert "NODE-KEY.asc is not a usable key" in site.refused(*command)
    (site.folder / "MANIFEST.json").unlink()
    assert "not a complete set" in site.refused(*command)
    assert not (site.place / "restored").exists()


def test_without_the_private_key(workshop: Workshop, site: Stranger) -> None:
    site.home = workshop.keys.node.home
    said = site.refused("files", "restored")
    assert "cannot be decrypted" in said
    assert "not complete; remove it" in said


def test_a_program_that_is_not_installed(site: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    few = site.place / "few"
    few.mkdir()
    for program in ("sh", "dirname", "gpg", "sha256sum", "tar", "mktemp", "rm", "grep", "sed", "tty", "cat", "uniq"):
        (few / program).symlink_to(shutil.which(program, path=SYSTEM_PATH) or program)
    monkeypatch.setattr("tests.system.sets.test_by_hand.SYSTEM_PATH", str(few))
    assert "the program zstd is not installed" in site.refused("files", "restored")


def test_help_and_wrong_usage(site: Stranger) -> None:
    for words in ((), ("help",), ("--help",)):
        said = site.works(*words)
        assert "sh RESTORE.sh files DIR " in said
        assert "sh RESTORE.sh files DOSSIER " in said
    for wrong in (("unknown",), ("files",), ("files", "a", "b"), ("list", "x"), ("sql",)):
        assert "sh RESTORE.sh files DIR" in site.refused(*wrong, code=2)
    assert "holds no stream `db-x`" in site.refused("sql", "db-x", code=2)
    assert "is not the name of a stream" in site.refused("raw", "../tree", code=2)
    assert "holds files" in site.refused("sql", "tree", code=2)


def test_it_speaks_french(site: Stranger) -> None:
    site.language = "fr_BE.UTF-8"
    flip(site.folder / "tree-00000.zst.gpg")
    assert "est abîmé : son empreinte" in site.refused("check")
    assert "n'a pas de flux « db-x »" in site.refused("sql", "db-x", code=2)


def test_files_that_changed_while_read_come_back_as_read_again(
    workshop: Workshop, one_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.tree.mkdir()
    (workshop.tree / "quiet").write_text("quiet")
    (workshop.tree / "busy.log").write_bytes(os.urandom(24 << 20))
    put = DirectoryStore.put

    def writing(self: DirectoryStore, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        if key.endswith("/tree-00001.zst.gpg"):  # the first part is full: tar is in the middle of the long file
            with (workshop.tree / "busy.log").open("ab") as log:
                log.write(b"one more line\n")
        return put(self, key, chunks)

    with monkeypatch.context() as patched:
        patched.setattr(DirectoryStore, "put", writing)
        backup = workshop.back_up()
    assert (workshop.folder(backup.set) / "again-00000.zst.gpg").exists()
    hand = stranger(workshop, one_key, backup.set)
    hand.works("files", "restored")
    first = subprocess.run(
        ["sh", "-c", "sh RESTORE.sh raw tree | tar -xO ./busy.log | wc -c"],
        cwd=hand.folder, env={"PATH": SYSTEM_PATH, "GNUPGHOME": str(one_key)}, capture_output=True, check=True,
    )  # fmt: skip
    assert (hand.place / "restored" / "quiet").read_text() == "quiet"
    assert (hand.place / "restored" / "busy.log").stat().st_size > int(first.stdout)


@pytest.fixture
def database(workshop: Workshop, mariadb_asset: MariadbAsset, mariadb_server: PrivateServer) -> Workshop:
    """A database whose dump has several parts, with what makes dumps hard."""
    name = mariadb_asset.databases[0]
    mariadb_server.execute(
        f"""USE {name};
        CREATE TABLE members (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT, photo MEDIUMBLOB) ENGINE=InnoDB;
        INSERT INTO members (name, photo) VALUES ('Zoé; -- ''quoted''', x'00ff0a'), ('line
break', NULL);
        CREATE TABLE noise (id INT PRIMARY KEY, body MEDIUMBLOB) ENGINE=InnoDB;
        INSERT INTO noise SELECT seq, RANDOM_BYTES(1024) FROM seq_1_to_12000;
        CREATE VIEW named AS SELECT name FROM members;
        CREATE TRIGGER shout BEFORE INSERT ON members FOR EACH ROW SET NEW.name = UPPER(NEW.name);"""
    )
    workshop.declare(
        MariadbAsset(
            name="crud-db",
            connect=mariadb_asset.connect,
            databases=mariadb_asset.databases,
            backup=workshop.backup_plan("logical"),
        )
    )
    return workshop


@pytest.fixture
def beside(workshop: Workshop) -> Iterator[PrivateServer]:
    """Another server, empty."""
    server = PrivateServer(workshop.base / "beside")
    server.create()
    server.start()
    yield server
    server.stop()


@pytest.mark.mariadb
def test_a_database_comes_back_by_its_own_client(
    database: Workshop, one_key: Path, mariadb_server: PrivateServer, beside: PrivateServer
) -> None:
    (name,) = database.assets["crud-db"].databases  # type: ignore[union-attr]
    backup = database.back_up("crud-db", "logical")
    hand = stranger(database, one_key, backup.set, "crud-db")
    (stream,) = [line.split()[0] for line in hand.works("list").splitlines() if line.startswith("db-")]
    client = f"mariadb --no-defaults --user={beside.user} --socket='{beside.socket}'"

    last = sorted(hand.folder.glob(f"{stream}-*"))[-1]
    assert last.name > f"{stream}-00000.zst.gpg"
    flip(last)
    broken = hand.run("sql", stream, pipe=f"| {client}")
    assert broken.returncode != 0, "the client must fail too: nobody sees the exit code of the script in a pipe"
    assert b"RESTORE_SH_FAILED_THIS_SQL_IS_NOT_COMPLETE" in broken.stderr
    flip(last)

    loaded = hand.run("sql", stream, pipe=f"| {client}")
    assert loaded.returncode == 0, loaded.stderr
    probe = (
        f"SELECT COUNT(*), SUM(CRC32(name)), GROUP_CONCAT(HEX(photo)) FROM {name}.members; "
        f"SELECT COUNT(*), BIT_XOR(CRC32(body)) FROM {name}.noise; SELECT COUNT(*) FROM {name}.named; "
        f"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = '{name}'"
    )
    assert beside.execute(probe) == mariadb_server.execute(probe)


def test_the_manual_is_true_without_the_script(workshop: Workshop, site: Stranger) -> None:
    """The commands of `docs/sets.md`, as printed, but for the folder that they restore into."""
    (site.folder / "RESTORE.sh").chmod(0o000)
    page = (Path(__file__).parents[3] / "docs" / "sets.md").read_text()
    block = page.partition("## By hand, without RESTORE.sh")[2].partition("```sh\n")[2].partition("```")[0]
    commands = block.partition("# …and, where there is")[0].replace("/tmp/site", str(site.place / "by hand"))
    commands = commands.replace(str(site.place / "by hand"), f"'{site.place / 'by hand'}'")
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=site.folder, capture_output=True, check=False, stdin=subprocess.DEVNULL,
        env={"PATH": SYSTEM_PATH, "HOME": str(site.place), "GNUPGHOME": str(site.home), "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"tree-00000.zst.gpg: OK" in done.stdout
    assert done.stdout.splitlines()[0] == b"1", "the hash of SHA256SUMS stands in the manifest"
    spaced = "".join(done.stderr.decode().split())
    assert workshop.keys.node.fingerprint in spaced
    assert snapshot(site.place / "by hand") == snapshot(workshop.tree)
