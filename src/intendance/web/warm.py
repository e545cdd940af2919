"""What the first page of a process would wait for, made ready before anybody asks.

A manager that was started again at three in the morning is asked by somebody who was woken: the templates, the texts
and the verdicts of the fleet are read as it starts, and what was judged since is taken in each minute.
"""

from __future__ import annotations

import threading

from intendance.fleet.verdicts.service import Verdicts
from intendance.language.texts import translator
from intendance.model.errors import IntendanceError
from intendance.web.render import load_templates

EVERY_SECONDS = 60.0


def keep_warm(fleet: Verdicts, ending: threading.Event) -> None:
    """Make ready all that pages are made from, and keep it so until the manager ends."""
    make_ready(fleet)
    while not ending.wait(EVERY_SECONDS):
        take_in(fleet)


def make_ready(fleet: Verdicts) -> None:
    """Compile the templates, read the texts and the verdicts."""
    load_templates()
    for domain in ("web", "alert_texts"):
        translator("fr", domain)
    take_in(fleet)


def take_in(fleet: Verdicts) -> None:
    """Read what was judged since the last time."""
    try:
        fleet.standing()
    except IntendanceError:
        return  # the database is away: whoever asks for a page is told so
