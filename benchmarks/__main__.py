"""`./dev bench [NAME…] [OPTION…]`: one process per benchmark, so that none inherits another's memory.

Options go to every benchmark named; each knows its own (`./dev bench mariadb --help`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def subjects() -> list[str]:
    """The names of all benchmarks: the files of this folder that declare `main`."""
    files = Path(__file__).parent.glob("[!_]*.py")
    return sorted(path.stem for path in files if "\ndef main(" in path.read_text())


def main(words: list[str]) -> int:
    first = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    names, options = words[:first], words[first:]
    known = subjects()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"bench: there is no benchmark `{unknown[0]}`; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    if not names and {"-h", "--help"} & set(options):
        print(f"{__doc__}\nThere are: {', '.join(known)}.")
        return 0
    codes = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=False).returncode
        for name in names or known
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
