"""How people are reached. Pure."""

from __future__ import annotations

import re

from intendance.plan.forms.misform import Misform
from intendance.plan.saying import say

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*", re.ASCII)


def email(text: str) -> Misform | None:
    """An e-mail address."""
    if _EMAIL.fullmatch(text):
        return None
    return Misform("email", say("this is not an e-mail address"), say("write `name@example.org`"))


def phone(text: str) -> Misform | None:
    """A telephone number in the international form."""
    digits = re.sub(r"[ ./()-]", "", text)
    if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits, re.ASCII):
        return None
    said = say("a telephone number begins with `+` and the country's code")
    return Misform("phone", said, say('write it as "+32 2 123 45 67"'))
