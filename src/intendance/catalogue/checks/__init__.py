"""One small pure function per performed rule: `check(rule, subject, now) -> Finding`.

A rule's YAML names its check as `module.function` of this folder: adding a rule is one entry there and one function
here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import cast

from intendance.catalogue.finding import Finding
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Subject

Check = Callable[[Rule, Subject, datetime], Finding]


def find(name: str) -> Check:
    """The check of that name. Raises ImportError or AttributeError when there is none."""
    module, _, function = name.partition(".")
    return cast(Check, getattr(import_module(f"intendance.catalogue.checks.{module}"), function))
