"""`python -m intendance` and the `intendance` command."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import NoReturn


def main() -> None:
    """Run the command line; `--version` alone is answered before anything heavy is imported (under 100 ms)."""
    if sys.argv[1:] == ["--version"]:
        from intendance import __version__

        sys.stdout.write(f"intendance {__version__}\n")
        return
    gc.disable()  # what is imported stays: looking through it finds nothing; `cli/commands.py` turns it on again
    code: object = 0
    try:
        from intendance.cli.main import run

        run()
    except SystemExit as over:
        code = over.code
    except KeyboardInterrupt:  # before anything was begun, or after everything was said
        code = 130
    _leave(code)


def _leave(code: object) -> NoReturn:
    """End as the interpreter would, without taking apart all that was imported: 40 ms that a person would wait."""
    threading = sys.modules.get("threading")
    if not isinstance(code, int) or (threading is not None and threading.active_count() > 1):
        sys.exit(code)  # type: ignore[arg-type]  # None or a sentence, as sys.exit takes it
    atexit._run_exitfuncs()  # noqa: SLF001 -- as the interpreter does; there is no other name for it
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # closed by the caller, and nobody stands in for it yet
                stream.flush()
        except (OSError, ValueError):
            sys.exit(code)  # the interpreter has its own words for it
    os._exit(code)


if __name__ == "__main__":
    main()
