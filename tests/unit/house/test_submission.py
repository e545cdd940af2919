"""A submission is judged by the same examples each time, whatever else its worker has run before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.house.tree import ROOT

_DRAWING = r"""
import sys
sys.path.insert(0, sys.argv[1])
import tests.conftest
from hypothesis import given, strategies as st
if sys.argv[2:]:
    import loaded_before
@given(st.text(max_size=20), st.integers(0, 10**6), st.sampled_from(range(500)))
def draws(text, number, place):
    sys.stdout.write(ascii((text, number, place)) + "\n")
draws()
"""


def drawn(folder: Path, *loaded: str) -> str:
    """All that a property was given in a process of its own."""
    done = subprocess.run(
        [sys.executable, folder / "drawing.py", ROOT, *loaded], capture_output=True, text=True, check=True, cwd=ROOT,
        env={"PATH": os.environ["PATH"], "CI": "true", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    return done.stdout


def test_what_a_worker_has_loaded_changes_no_example(tmp_path: Path) -> None:
    constants = "\n".join(f"N{number} = {number}; S{number} = 'number {number}'" for number in range(100, 400))
    (tmp_path / "loaded_before.py").write_text(constants)
    (tmp_path / "drawing.py").write_text(_DRAWING)
    first = drawn(tmp_path)
    assert len(first.splitlines()) == 100
    assert drawn(tmp_path, "loaded_before") == first
