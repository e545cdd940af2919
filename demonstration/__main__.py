"""`./dev run`: sets a small organisation's server up, puts it under a plan, and shows the product at work on it."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from demonstration import keys
from demonstration.comparison import NotTheSame
from demonstration.product import StepFailed
from demonstration.scene import ROOT, Scene, Voice
from demonstration.story import Story
from intendance.model.errors import IntendanceError


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev run", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="end after the status, with its exit code, instead of running on"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / ".dev/demonstration", help="where everything is kept")
    parser.add_argument("--size", type=float, default=1.0, help="scale of the data; 1.0 is about 200 MB")
    chosen = parser.parse_args()
    scene, voice = Scene(chosen.folder.absolute(), chosen.size), Voice()
    signal.signal(signal.SIGTERM, _stop)
    try:
        with _alone(scene), _short_folder(scene), Story(scene, voice) as story:
            code = story.tell()
            if not chosen.once:
                story.run_on()
    except (IntendanceError, StepFailed, NotTheSame, OSError) as error:
        print(f"\ndemonstration: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. `./dev run` goes on from here.", flush=True)
        return 0
    return code


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _alone(scene: Scene) -> Iterator[None]:
    scene.base.mkdir(parents=True, exist_ok=True)
    with (scene.base / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StepFailed("it already runs in another terminal") from None
        yield


@contextlib.contextmanager
def _short_folder(scene: Scene) -> Iterator[None]:
    scene.open()
    try:
        yield
    finally:
        keys.stop_agents(scene)
        scene.close()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
