"""A process of many threads keeps as few heaps as it was told."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

THREADS = """
import ctypes, sys, threading
from intendance.system import arenas
if sys.argv[2] == "few":
    assert arenas.few()
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
c.fopen.restype, c.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
c.fclose.argtypes = [ctypes.c_void_p]
together = threading.Barrier(6)
def allocate():
    c.malloc(1000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(6)]
for each in threads: each.start()
for each in threads: each.join()
told = c.fopen(sys.argv[1].encode(), b"w")
c.malloc_info(0, told)
c.fclose(told)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="a C library with one heap alone")
def test_no_more_heaps_than_two(tmp_path: Path) -> None:
    found = {}
    for how in ("few", "many"):
        told = tmp_path / how
        subprocess.run([sys.executable, "-c", THREADS, str(told), how], check=True, timeout=120)
        found[how] = told.read_text().count("<heap nr=")
    assert found["few"] <= 2 < found["many"]
