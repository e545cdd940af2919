"""The names of activities, for commands and pages alike.

Each is a noun that can stand in any sentence. In French they are feminine but for the drill: a sentence that agrees
with one is for those alone that are. The plan's own sentences (`plan/rhythm.py`) keep theirs: each is said in English
with a code, and read in French afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from intendance.language.texts import Language, translator


def activity_name(language: Language, name: str) -> str:
    """`full backup`, `sauvegarde complète`; an activity of another version keeps its name."""
    return _names(language).get(name, name)


@cache
def _names(language: Language) -> Mapping[str, str]:
    _ = translator(language, "activities")
    return {
        "backup.logical": _("logical backup"),
        "backup.physical": _("physical backup"),
        "backup.full": _("full backup"),
        "backup.differential": _("differential backup"),
        "drill": _("drill"),
        "inspect": _("inspection"),
        "prune": _("pruning"),
        "restore": _("restore"),
    }
