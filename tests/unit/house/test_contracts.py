"""The import contracts of pyproject.toml bite: a planted violation of each is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.house.tree import ROOT

PLANTS = {
    "Imports point downward": {"ledger/planted.py": "import intendance.cli.main\n"},
    "Deciding does no I/O": {"model/planted.py": "import os\n"},
    "Activities do not know each other": {
        "activities/planted/__init__.py": "import intendance.activities.other\n",
        "activities/other/__init__.py": "",
    },
    "Faces speak to services only": {"cli/planted.py": "import sqlite3\n"},
    "Only the fleet speaks SQLAlchemy, only the API FastAPI": {"agent/planted.py": "import sqlalchemy\n"},
    "No cycles": {
        "runs/planted.py": "import intendance.runs.other\n",
        "runs/other.py": "import intendance.runs.planted\n",
    },
}


def _lint(folder: Path) -> str:
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "NO_COLOR": "1", "COLUMNS": "120"}
    ended = subprocess.run(
        [str(program), "--no-cache"],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return ended.stdout + ended.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("contract", PLANTS)
def test_a_violation_of_each_contract_is_refused(copy: Path, contract: str) -> None:
    for name, content in PLANTS[contract].items():
        path = copy / "src/intendance" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert f"{contract} BROKEN" in _lint(copy)


def test_every_contract_has_its_violation_here() -> None:
    declared = [
        line.split('"')[1] for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith('name = "')
    ]
    assert set(declared) - {"intendance"} == set(PLANTS)
