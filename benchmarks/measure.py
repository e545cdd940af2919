"""What benchmarks share: interleaved timings, the machine, versions."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one contender over all rounds."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> str:
        """The quickest and the slowest round, in milliseconds."""
        return f"{min(self.seconds) * 1e3:.0f} to {max(self.seconds) * 1e3:.0f}"


def interleaved(contenders: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, Timing]:
    """Run every contender once per round, in turn, after one round that is not counted (caches warm)."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, act in contenders.items():
            began = time.perf_counter()
            act()
            if number > 0:
                seconds[name].append(time.perf_counter() - began)
    return {name: Timing(name, tuple(taken)) for name, taken in seconds.items()}


def command(
    argv: Sequence[str], *, accept: Sequence[int] = (0,), environment: Mapping[str, str] | None = None
) -> Callable[[], None]:
    """A contender that is a program; it must end as expected, or the figure would mean nothing."""

    def act() -> None:
        ended = subprocess.run(argv, capture_output=True, check=False, env=environment, stdin=subprocess.DEVNULL)
        if ended.returncode not in accept:
            raise ChildProcessError(f"{argv}: {ended.returncode}: {ended.stderr.decode(errors='replace')[-500:]}")

    return act


def options(name: str, purpose: str | None) -> argparse.ArgumentParser:
    """What a benchmark takes on its command line; `--help` says what it is for and runs nothing."""
    shown = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog=f"bench {name}", description=purpose, formatter_class=shown)


def machine() -> str:
    """The machine in one line."""
    return f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def version_of(*argv: str) -> str:
    """The first line that a program says of its version."""
    said = subprocess.run(argv, capture_output=True, check=False, text=True)
    return (said.stdout or said.stderr).splitlines()[0]
