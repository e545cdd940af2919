"""Pydantic declares the plan's options for those who change them, and FastAPI brings it; a node works without it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import intendance

_EVERYTHING = """
import sys
for name in ("pydantic", "pydantic_core", "typing_inspection", "annotated_types"):
    sys.modules[name] = None  # as where it is not installed
from importlib import import_module
from pathlib import Path
import intendance
root = Path(intendance.__file__).parent
declaring = {"schema", "reference.py", "standalone", "__main__.py", "api"}
for file in sorted(root.rglob("*.py")):
    parts = file.relative_to(root).parts
    if declaring.isdisjoint(parts):
        import_module(".".join(("intendance", *parts)).removesuffix(".py").removesuffix(".__init__"))
"""


def run(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_but_the_declaration_is_imported() -> None:
    run("-c", _EVERYTHING)


def test_a_plan_is_checked_without_it(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['pydantic'] = None; from intendance.__main__ import main; main()"
    assert '"$schema"' in run("-c", blocked, "plan", "schema")
    (tmp_path / "empty.yaml").write_text("version: 1\n")
    done = subprocess.run(
        [sys.executable, "-c", blocked, "plan", "check", str(tmp_path / "empty.yaml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "fleet" in done.stdout


def test_nothing_but_fastapi_brings_it() -> None:
    root = Path(intendance.__file__).parents[2]
    locked = (root / "requirements" / "run.txt").read_text(encoding="utf-8")
    wanted_by = re.findall(r"^pydantic==(?:.*\n    .*)*?\n    # via(?: (.+)|((?:\n    #   .+)+))", locked, re.MULTILINE)
    assert [word for found in wanted_by for part in found for word in part.replace("#", "").split()] == ["fastapi"]
