"""The page of `intendance up`: where it listens, and an account with a throw-away password to log in with.

An administrator has two factors, always, and sets the second one up on a telephone: too much for a first look. The
account is an operator's, who reads everything and acknowledges alerts, with a password alone.
"""

from __future__ import annotations

import secrets
import socket

from demonstration.product import Product, StepFailed
from demonstration.scene import Scene

NAME, FULL_NAME = "marie", "Marie Dubois"
_USUAL = "127.0.0.1:8484"
_TRIES = 5


def open_page(scene: Scene, product: Product) -> str:
    """Start `intendance up` where nothing else listens; the page's address. Raises StepFailed.

    The former address is taken again when it is free: the node knows its manager by it.
    """
    for _ in range(_TRIES):
        address = _free_address(scene)
        if product.start_up(address):
            scene.address.write_text(address)
            return f"http://{address}/"
        if _is_free(address):  # it ended for another reason than somebody who was quicker
            break
    raise StepFailed(f"`intendance up` ended:\n{product.last_words()}")


def account(scene: Scene, product: Product) -> tuple[str, str]:
    """A name and a password to log in with; made at the first start and kept. Raises StepFailed."""
    known = {each["name"] for each in product.ask("user", "list")["users"]}
    if NAME in known and scene.password.exists():
        return NAME, scene.password.read_text().strip()
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    scene.password.touch(mode=0o600)
    scene.password.write_text(password + "\n")
    verb = (
        ("reset",) if NAME in known else ("add", "--role", "operator", "--full-name", FULL_NAME, "--contact", "admin")
    )
    product.quietly("user", *verb, NAME, "--password", "-", told=password)
    return NAME, password


def _free_address(scene: Scene) -> str:
    former = scene.address.read_text().strip() if scene.address.exists() else _USUAL
    found = next((each for each in (former, _USUAL) if _is_free(each)), None)
    if found is not None:
        return found
    with socket.create_server(("127.0.0.1", 0)) as asked:
        return f"127.0.0.1:{asked.getsockname()[1]}"


def _is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_server((host, int(port))).close()
    except OSError:
        return False
    return True
