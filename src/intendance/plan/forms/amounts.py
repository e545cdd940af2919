"""Shares and currencies. Pure."""

from __future__ import annotations

import re

from intendance.plan.forms.misform import Misform
from intendance.plan.saying import say

_PERCENT = re.compile(r"(100(?:\.0{1,3})?|[0-9]{1,2}(?:\.[0-9]{1,3})?) ?%", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


def percent(text: str) -> Misform | None:
    """A share: above 0 %, 100 % at most, three decimals at most."""
    found = _PERCENT.fullmatch(text)
    if found is not None and float(found[1]) > 0:
        return None
    bare = re.fullmatch(r"([0-9]{1,2})(?:\.0+)?", text.strip(), re.ASCII)
    example = f"{int(bare[1])}%" if bare and int(bare[1]) else "80%"
    said = say("a share is a number above 0 and up to 100, and the sign `%`")
    return Misform("percent", said, say("write `{example}`", example=example))


def currency(text: str) -> Misform | None:
    """A currency by its three letters (ISO 4217)."""
    if _CURRENCY.fullmatch(text):
        return None
    signs = {"€": "EUR", "$": "USD", "£": "GBP", "EURO": "EUR", "EUROS": "EUR"}
    near = signs.get(text.strip().upper(), text.upper() if re.fullmatch(r"[A-Za-z]{3}", text, re.ASCII) else "EUR")
    said = say("a currency is named by its three letters (ISO 4217)")
    return Misform("currency", said, say("write `{example}`", example=near))
