"""One small pure function per performed rule: `check(rule, subject, now) -> Finding`. The subject of a rule that
applies to the node alone is the `Machine`.

A rule's YAML names its check as `module.function` of this folder: adding a rule is one entry there and one function
here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Any, cast

from intendance.catalogue.finding import Finding
from intendance.catalogue.rule import Rule

Check = Callable[[Rule, Any, datetime], Finding]


def find(name: str) -> Check:
    """The check of that name. Raises ImportError or AttributeError when there is none."""
    module, _, function = name.partition(".")
    path = f"{__name__}.{module}"
    return cast(Check, getattr(sys.modules.get(path) or import_module(path), function))
