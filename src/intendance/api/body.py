"""The body of what is to be done: bounded, strict, and nothing in it that is not known is passed over."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from intendance.model.errors.api import BodyTooLarge, BodyUnusable

_LONGEST_SHOWN = 300


async def whole(request: Request, limit_bytes: int) -> bytes | None:
    """A request's body; None when it is longer than any of ours."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit_bytes:
                return None
    except ClientDisconnect:
        return b""  # nobody waits for the answer, and what is there of it is nothing whole
    return body


def read(content: bytes | None, shape: Any, limit_bytes: int) -> Any:
    """The body as its type has it. Raises BodyTooLarge, BodyUnusable."""
    if content is None:
        raise BodyTooLarge(limit=limit_bytes)
    try:
        read_as = _decoder(shape).decode(content)
        members = _members().decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BodyUnusable(detail=_shown(str(error) or type(error).__name__)) from None
    for name in members:
        if name not in {each.name for each in dataclasses.fields(shape)}:
            raise BodyUnusable(detail=f"there is no member of the name `{_shown(name, 40)}`")
    return read_as


@cache
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape, strict=True)


@cache
def _members() -> msgspec.json.Decoder[dict[str, msgspec.Raw]]:
    return msgspec.json.Decoder(dict[str, msgspec.Raw])


def _shown(words: str, longest: int = _LONGEST_SHOWN) -> str:
    """A stranger's words as an answer may repeat them."""
    return words[:longest] if words.isprintable() else "?"
