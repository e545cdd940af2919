"""`./dev` itself: what it knows and how it refuses."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from intendance.system.process import PACKAGES
from tests.unit.house.tree import ROOT


def _dev(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "dev"), *words], check=False, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )


def test_it_brings_every_program_that_the_product_may_start() -> None:
    brought = set(re.findall(r"([a-z_-]+):[a-z-]+", (ROOT / "dev").read_text().split("programs=(")[1].split("\n)")[0]))
    assert set(PACKAGES) - brought == set()


def test_without_a_word_it_says_what_it_can_do() -> None:
    ended = _dev()
    assert ended.returncode == 0
    for verb in ("run", "test", "check", "bench", "system", "lock", "sh"):
        assert f"./dev {verb}" in ended.stdout


def test_an_unknown_word_is_one_sentence() -> None:
    ended = _dev("tset")
    assert ended.returncode == 1
    assert "dev: `tset` is not one of these" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unknown_option_of_test_is_refused_before_anything_runs() -> None:
    ended = _dev("test", "--lnog")
    assert ended.returncode == 1
    assert ended.stderr == "dev: `./dev test` takes only `--long`\n"


def test_requirements_are_pinned_by_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        pinned = re.findall(r"^[a-zA-Z0-9._-]+==", path.read_text(), flags=re.MULTILINE)
        hashed = re.findall(r"==[^\n]*\\\n    --hash=sha256:", path.read_text())
        assert len(pinned) == len(hashed) > 0, path.name


# ── The ladder's last rung, on a machine where nothing helps: no uv, no pip, no venv, no apt-get ─────────────────────

_TOOLS = ("bash", "cat", "cut", "dirname", "flock", "head", "id", "mkdir", "sha256sum", "tail", "tr", "sort")


def _poor_machine(folder: Path, python3: str) -> subprocess.CompletedProcess[str]:
    programs = folder / "bin"
    programs.mkdir()
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (programs / tool).symlink_to(found)
    (programs / "python3").write_text(f"#!{programs / 'bash'}\n{python3}\n")
    (programs / "python3").chmod(0o755)
    for name in ("dev", "pyproject.toml", "requirements"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return subprocess.run(
        [str(programs / "bash"), str(folder / "dev"), "sh", "--", "true"],
        env={"PATH": str(programs), "HOME": str(folder)}, check=False, capture_output=True, text=True, timeout=300,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_where_no_environment_can_be_made_it_says_what_to_install(tmp_path: Path) -> None:
    ended = _poor_machine(tmp_path, 'case "$1" in -c) exit 0 ;; *) echo "no module named ${2:-}" >&2; exit 1 ;; esac')
    assert ended.returncode == 1
    assert "dev: the environment could not be made (all of it: .dev/setup.log)." in ended.stderr
    assert "`apt-get install python3-venv`" in ended.stderr
    rungs = re.findall(r"^── (.+)$", (tmp_path / ".dev/setup.log").read_text(), flags=re.MULTILINE)
    assert rungs == ["uv on PATH", "uv by pip", "venv and pip"]


def test_an_old_python_is_named_with_what_is_needed(tmp_path: Path) -> None:
    ended = _poor_machine(tmp_path, 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    assert ended.returncode == 1
    assert "dev: Python 3.11 or newer is needed and this machine has Python 3.9.2." in ended.stderr
