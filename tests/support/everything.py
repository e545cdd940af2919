"""All modules of ours, loaded before anything is tried.

Hypothesis draws some of its values from the constants of the modules that are loaded. What is imported only where it is
needed would change its examples, by which tests the same worker happened to run before.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

PACKAGE = "intendance"
_PROGRAMS = (".__main__", ".env")


def load() -> None:
    """Import every module of the product but those that begin to work when they are imported."""
    for found in pkgutil.walk_packages(import_module(PACKAGE).__path__, f"{PACKAGE}."):
        if not found.name.endswith(_PROGRAMS):
            import_module(found.name)
