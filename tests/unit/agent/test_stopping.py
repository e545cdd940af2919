"""Signals that stop a worker: at once, at the end of a shielded section, or not any more. In a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys, time
from intendance.agent.stopping import Stop, Stopper
stopper = Stopper()
done = []
try:
    {before}
    stopper.arm({deadline})
    {armed}
    done.append("end")
except Stop as stop:
    done.append(stop.reason)
print(",".join(done))
"""
TERM = "os.kill(os.getpid(), signal.SIGTERM)"
INT = "os.kill(os.getpid(), signal.SIGINT)"
WAIT = "[time.sleep(0.05) for _ in range(2000)]"
"""Not `signal.pause()`: a signal that came right before it would be waited for for ever."""


@pytest.mark.parametrize(
    ("before", "armed", "deadline", "said"),
    [
        ("pass", "pass", 60, "end"),
        ("pass", TERM, 60, "cancelled"),
        ("pass", INT, 60, "interrupted"),
        ("pass", WAIT, 0.05, "timed_out"),
        (f"{TERM}; done.append('still')", "pass", 60, "still,cancelled"),
        (f"{TERM}; {INT}", "pass", 60, "cancelled"),
        ("pass", f"stopper.disarm(); {TERM}", 60, "end"),
    ],
)
def test_the_first_signal_counts(before: str, armed: str, deadline: float, said: str) -> None:
    assert run(SCRIPT.format(before=before, armed=armed, deadline=deadline)) == said


def test_a_shielded_section_is_whole() -> None:
    body = f"""with stopper.shielded():
        {TERM}
        done.append("whole")
    done.append("after")"""
    assert run(SCRIPT.format(before="pass", armed=body, deadline=60)) == "whole,cancelled"


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
