"""A copy of this process as a child: what holds for a program that is started holds for it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from intendance.system import forking

HEAD = "import os, signal, sys\nfrom intendance.system import forking\nfrom intendance.system.process import Child\n"


def perform(program: str, **environment: str) -> str:
    """What a process of its own prints: only one without other threads may be copied."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + program],
        capture_output=True, text=True, check=False, timeout=600, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_told_on_its_input_and_heard_on_its_error_output_and_by_its_code() -> None:
    said = perform(
        "def body(orders):\n"
        "    sys.stderr.write(f'told {orders.read().decode()}, password=hunter2\\n')\n"
        "    return 7\n"
        "child = forking.fork('copy', body)\n"
        "with child.stdin as told: told.write(b'this')\n"
        "print(child.wait(), child.stderr())\n"
    )
    assert said.startswith("7 told this")
    assert "hunter2" not in said


def test_what_it_raises_ends_it_and_goes_no_further() -> None:
    said = perform(
        "def body(orders): raise KeyError('of the copy')\n"
        "try:\n"
        "    child = forking.fork('copy', body)\n"
        "    print(child.wait(), child.stderr())\n"
        "finally:\n"
        "    print('once')\n"
    )
    assert said.startswith("1 Traceback")
    assert said.endswith("KeyError: 'of the copy'\nonce\n")


def test_it_has_a_session_and_an_environment_of_its_own_and_none_of_our_descriptors(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    perform(
        "import json, pathlib\n"
        "kept = open('/etc/passwd')\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "def body(orders):\n"
        "    forking.take_environment({'GIVEN': 'yes'})\n"
        "    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]\n"
        "    open_ones = [name for name in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{name}')]\n"
        f"    pathlib.Path({str(seen)!r}).write_text(json.dumps([os.getsid(0) == os.getpid(), sorted(open_ones),\n"
        "        os.environ.get('SECRET'), os.environ['GIVEN'], os.environ['TZ'],\n"
        "        handlers == [signal.SIG_DFL, signal.SIG_IGN], [*signal.pthread_sigmask(signal.SIG_BLOCK, ())]]))\n"
        "    return 0\n"
        "assert forking.can_fork()\n"
        "assert forking.fork('copy', body).wait() == 0\n"
        "assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()\n",
        SECRET="hunter2",
    )
    leads, descriptors, secret, given, zone, handlers, masked = json.loads(seen.read_text())
    assert (leads, secret, given, zone, handlers, masked) == (True, None, "yes", "UTC", True, [])
    assert descriptors == ["0", "1", "2"]


def test_what_was_left_open_here_closes_nothing_that_the_copy_opens() -> None:
    """A file in a ring of garbage is closed when the collector finds it, by a number that may be another's by then."""
    said = perform(
        "import gc\n"
        "gc.disable()\n"
        "ring = [os.fdopen(os.open('/etc/passwd', os.O_RDONLY), 'rb', buffering=0)]\n"
        "ring.append(ring)\n"
        "number = ring[0].fileno()\n"
        "del ring\n"
        "def body(orders):\n"
        "    fresh = [os.open('/etc/group', os.O_RDONLY) for _ in range(20)]\n"
        "    gc.collect()\n"
        "    assert number in fresh\n"
        "    [os.fstat(each) for each in fresh]\n"
        "    return 7\n"
        "child = forking.fork('copy', body)\n"
        "print(child.wait(), child.stderr())\n"
    )
    assert said.strip() == "7"


def test_it_ends_with_a_parent_that_is_killed() -> None:
    program = (
        "def body(orders):\n    orders.read()\n    signal.pause()\n"
        "child = forking.fork('copy', body)\nprint(child.process.pid, flush=True)\nchild.wait()\n"
    )
    victim = subprocess.Popen([sys.executable, "-c", HEAD + program], stdout=subprocess.PIPE)
    assert victim.stdout is not None
    descriptor = os.pidfd_open(int(victim.stdout.readline()))
    victim.kill()
    victim.wait()
    victim.stdout.close()
    ended = select.poll()
    ended.register(descriptor, select.POLLIN)
    assert ended.poll(120_000)
    os.close(descriptor)


def test_it_can_be_killed_and_waited_for_by_several_threads() -> None:
    said = perform(
        "import threading\n"
        "def body(orders): signal.pause()\n"
        "child = forking.fork('copy', body)\n"
        "codes = []\n"
        "threads = [threading.Thread(target=lambda: codes.append(child.wait())) for _ in range(4)]\n"
        "[thread.start() for thread in threads]\n"
        "assert child.process.poll() is None and not child.has_ended(0)\n"
        "child.end()\n"
        "[thread.join() for thread in threads]\n"
        "child.kill()\n"
        "print(codes, child.process.poll())\n"
    )
    assert said == f"{[-signal.SIGKILL] * 4} {-signal.SIGKILL}\n"


def test_a_process_with_other_threads_is_not_copied() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert not forking.can_fork()
    finally:
        over.set()
        thread.join()


def test_nor_is_one_that_spells_names_of_files_in_another_way() -> None:
    assert perform("print(forking.can_fork())", LC_ALL="C.UTF-8") == "True\n"
    assert perform("print(forking.can_fork())", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0") == "False\n"
