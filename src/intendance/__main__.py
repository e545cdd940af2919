"""`python -m intendance` and the `intendance` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; `--version` alone is answered before anything heavy is imported (under 100 ms)."""
    if sys.argv[1:] == ["--version"]:
        from intendance import __version__

        sys.stdout.write(f"intendance {__version__}\n")
        return
    try:
        from intendance.cli.main import run

        run()
    except KeyboardInterrupt:  # before anything was begun, or after everything was said
        sys.exit(130)


if __name__ == "__main__":
    main()
