"""What a provider asks for before it takes a message: options of a small file, read at each try and kept nowhere."""

from __future__ import annotations

import configparser
from collections.abc import Mapping

from intendance.model.secret import SecretReference
from intendance.system.redaction import Secrets
from intendance.system.secret import SecretUnusable, read_secret

_PUBLIC = frozenset({"user", "sender", "from", "service", "account_sid"})
"""Options that are no secrets: hiding a user's name would hide it in every address too."""


class Credentials:
    """Options by their names. What they hold is never shown: not even this object says it."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = dict(options)
        self._secrets = Secrets(value for name, value in self._options.items() if name not in _PUBLIC)

    def __repr__(self) -> str:
        return "Credentials()"

    def get(self, name: str) -> str | None:
        """An option, if it is there and not empty."""
        return self._options.get(name) or None

    def all(self) -> dict[str, str]:
        """Every option: for templates of which the plan names the parts."""
        return dict(self._options)

    def hide(self, text: str) -> str:
        """A text of the other side, without what it repeats of them."""
        return self._secrets.hide(text)

    def require(self, *names: str) -> tuple[str, ...]:
        """These options. Raises SecretUnusable, naming those that are missing."""
        missing = [name for name in names if not self._options.get(name)]
        if missing:
            listed = ", ".join(f"`{name}`" for name in missing)
            raise SecretUnusable(detail=f"the credentials lack {listed}", remedy=f"Write {listed} into them.")
        return tuple(self._options[name] for name in names)


def read_credentials(reference: SecretReference | None) -> Credentials:
    """Lines `name = value`, under a heading `[…]` or none. Raises SecretUnusable, which never repeats them."""
    if reference is None:
        return Credentials({})
    text = read_secret(reference)
    parser = configparser.ConfigParser(interpolation=None, default_section="\0none", strict=False)
    try:
        parser.read_string(text if text.lstrip().startswith(("[", "#", ";")) else f"[options]\n{text}")
    except configparser.Error:  # its words would repeat lines of the file
        raise SecretUnusable(
            detail="the credentials are not lines of the form `name = value`",
            remedy="Write each on a line of its own: `user = …`, `password = …`.",
        ) from None
    sections = parser.sections()
    return Credentials(dict(parser.items(sections[0])) if sections else {})
