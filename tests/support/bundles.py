"""An auditor's bundle in memory: written out, changed, its sums made again, and given to both verifiers."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from intendance.agent.against import Kept
from intendance.agent.ledger_view import verify_bundle

VERIFIER = Path(str(files("intendance.ledger").joinpath("standalone/verify.py")))
Bundle = dict[str, bytes]


def load(folder: Path) -> Bundle:
    """Every file of a bundle by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def store(bundle: Bundle, folder: Path) -> Path:
    """Write a bundle as a folder."""
    for name, content in bundle.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def summed(bundle: Bundle) -> Bundle:
    """The bundle with SHA256SUMS made again, as whoever changes it on purpose would."""
    lines = [f"{sha256(bundle[name]).hexdigest()}  {name}\n" for name in sorted(bundle) if name != "SHA256SUMS"]
    return bundle | {"SHA256SUMS": "".join(lines).encode()}


def alone(place: Path, *words: str, interpreter: tuple[str, ...] = ("-I",), path: str | None = None) -> tuple[int, str]:
    """Exit code and words of the stand-alone verifier, run as an auditor runs it: by itself."""
    ended = subprocess.run(
        [sys.executable, *interpreter, str(VERIFIER), str(place), *words],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"] if path is None else path, "LC_ALL": "C.UTF-8"},
        cwd=place.parent,
        timeout=600,
    )
    said = (ended.stdout + ended.stderr).decode()
    assert "Traceback" not in said, said
    return ended.returncode, said


def ours(place: Path, pin: Path | None = None) -> int:
    """The exit code of `intendance ledger verify --bundle`."""
    return verify_bundle(place, elsewhere=Kept(pin=pin)).exit_code
