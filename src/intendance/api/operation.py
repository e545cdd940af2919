"""One question that programs may ask: its address, its parameters, who may ask it, and the shape of its answer.

Routes, the OpenAPI document and the tests of who may ask what are all made from these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from intendance.api import cursor
from intendance.fleet.accounts.service import Accounts
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.own_log import OwnLog
from intendance.fleet.reading.figures import Counting
from intendance.fleet.reading.service import Reading
from intendance.fleet.tokens.decide import Scope
from intendance.fleet.tokens.service import Tokens
from intendance.model.errors.api import QueryUnusable
from intendance.model.frozen import dataclass

JSON = "application/json"
LARGEST_PAGE = 1000
USUAL_PAGE = 100
BODY_LIMIT_BYTES = 16_384
"""No body of ours comes near that."""
SLUG = r"^[a-z0-9][a-z0-9-]{0,39}$"
_WHOLE = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A part of the address (`path`) or of the query; `kind` says what may stand there."""

    name: str
    summary: str
    where: Literal["path", "query"] = "query"
    kind: Literal["text", "whole", "choice"] = "text"
    pattern: str = SLUG
    choices: tuple[str, ...] = ()
    smallest: int = 0
    largest: int = 10**15 - 1
    usual: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What questions are answered from. `accounts` lets who is logged in at the pages read too, if there are pages."""

    tokens: Tokens
    reading: Reading
    counting: Counting
    alerts: Alerts
    log: OwnLog
    fleet: str
    accounts: Accounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A question as it was asked, its parameters and body read; `accepts` and `encodings` are what who asks can read.
    `actor` is the token of who acts, as records name it."""

    services: Services
    texts: Mapping[str, str]
    numbers: Mapping[str, int]
    accepts: str = ""
    encodings: str = ""
    body: Any = None
    actor: str = ""

    def text(self, name: str) -> str:
        """A parameter of words; empty where it was not given."""
        return self.texts.get(name, "")

    @property
    def limit(self) -> int:
        """How long a page may be."""
        return self.numbers["limit"]

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """The key after which the page begins; None at the beginning. Raises QueryUnusable."""
        return cursor.read(self.text("cursor"), *kinds)


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer that is no JSON."""

    content: bytes
    media: str
    headers: tuple[tuple[str, str], ...] = ()


Answered = Callable[[Call], object]
"""Gives what `answer` says, or `Plain`. Raises what becomes a problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A question by GET, or something to be done, by POST, with a `body` of that type. `answer` is the type of its
    JSON; `media` what it is sent as. `kept`: whether an unchanged answer is worth a word of its own (ETag). `raised`
    are the statuses of what may go wrong beside what may go wrong everywhere."""

    name: str
    path: str
    summary: str
    scope: Scope
    answered: Answered
    answer: Any
    parameters: tuple[Parameter, ...] = ()
    media: tuple[str, ...] = (JSON,)
    kept: bool = True
    method: Literal["GET", "POST"] = "GET"
    body: Any = None
    raised: tuple[int, ...] = ()

    @property
    def acts(self) -> bool:
        """Whether something is another way afterwards: for tokens alone."""
        return self.method == "POST"


PAGE = (
    Parameter(
        name="limit", summary="How many at most.", kind="whole", smallest=1, largest=LARGEST_PAGE, usual=USUAL_PAGE
    ),
    Parameter(name="cursor", summary="The `next` of the page before.", pattern=cursor.PATTERN),
)


def read(operation: Operation, path: Mapping[str, str], query: list[tuple[str, str]], services: Services) -> Call:
    """The question of a request. Raises QueryUnusable: what is not known is never passed over."""
    known = {each.name: each for each in operation.parameters}
    given: dict[str, str] = {}
    for name, value in [*path.items(), *query]:
        if name not in known or (known[name].where == "path") != (name in path):
            raise QueryUnusable(name=_shown(name), detail="there is none of that name here")
        if name in given:
            raise QueryUnusable(name=name, detail="it was given twice")
        given[name] = value
    numbers = {each.name: each.usual for each in operation.parameters if each.usual is not None}
    texts: dict[str, str] = {}
    for name, value in given.items():
        if known[name].kind == "whole":
            numbers[name] = _number(known[name], value)
        else:
            texts[name] = _text(known[name], value)
    return Call(services=services, texts=texts, numbers=numbers)


def _number(parameter: Parameter, value: str) -> int:
    number = int(value) if _WHOLE.fullmatch(value) else -1
    if not parameter.smallest <= number <= parameter.largest:
        detail = f"it is a whole number from {parameter.smallest} to {parameter.largest}"
        raise QueryUnusable(name=parameter.name, detail=detail)
    return number


def _text(parameter: Parameter, value: str) -> str:
    if parameter.kind == "choice":
        if value not in parameter.choices:
            raise QueryUnusable(name=parameter.name, detail=f"it is one of {', '.join(parameter.choices)}")
    elif not re.fullmatch(parameter.pattern.removeprefix("^").removesuffix("$"), value):
        raise QueryUnusable(name=parameter.name, detail="it is not written like that")
    return value


def _shown(name: str) -> str:
    """A stranger's word as an answer may repeat it."""
    return name[:40] if name.isprintable() else "?"
