"""What the first page of a process would wait for, made ready before anybody asks.

A manager that was started again at three in the morning is asked by somebody who was woken: the templates, the texts
and the verdicts of the fleet are read as it starts, and what was judged since is taken in each minute.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from intendance.fleet.verdicts.service import Verdicts
from intendance.language.texts import translator
from intendance.model.errors import IntendanceError
from intendance.web.render import load_templates

EVERY_SECONDS = 60.0


def keep_warm(fleet: Verdicts, tell: Callable[[str], None], ending: threading.Event) -> None:
    """Make ready all that pages are made from, and keep it so until the manager ends. What nobody foresaw is said, once
    as long as it is the same: it is no page's, and nobody stops watching a fleet for it."""
    load_words()
    said = ""
    while True:
        told = _taken_in(fleet)
        if told and told != said:
            tell(told)
        said = told
        if ending.wait(EVERY_SECONDS):
            return


def load_words() -> None:
    """Compile the templates, read the texts."""
    load_templates()
    for domain in ("web", "alert_texts"):
        translator("fr", domain)


def _taken_in(fleet: Verdicts) -> str:
    """Read what was judged since the last time; what went wrong that nobody foresaw."""
    try:
        fleet.standing()
    except IntendanceError:
        pass  # the database is away: whoever asks for a page is told so
    except Exception:  # noqa: BLE001 -- whatever it is, whoever asks for a page meets it too
        return traceback.format_exc()
    return ""
