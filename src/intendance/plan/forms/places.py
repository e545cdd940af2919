"""Places: paths, patterns of paths, hosts, addresses on the web. Pure."""

from __future__ import annotations

import re

from intendance.plan.excluding import matches
from intendance.plan.forms.misform import Misform
from intendance.plan.saying import Said, quoted, say

_HOST = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)
_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\]", re.ASCII)
_HOST_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{60,2000}={0,2}", re.ASCII)
_LOOPBACK = re.compile(r"http://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?(/|$)", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#\s]*)(?P<rest>[/?#]\S*)?", re.ASCII)


def absolute_path(text: str) -> Misform | None:
    """A path from the root, without `..`."""
    if not text.startswith("/") or "\0" in text:
        said = say("a path from the root is needed, since the agent runs in no particular folder")
        return Misform("relative-path", said, say("write `/{path}` if that is the place", path=text))
    if ".." in text.split("/"):
        said = say("a path with `..` in it depends on links")
        return Misform("path-with-parents", said, say("write the path without `..`"))
    return None


def file_path(text: str) -> Misform | None:
    """A path, from the root or from the plan's folder."""
    if text.strip() and "\0" not in text:
        return None
    return Misform("path", say("a path is needed"), say("write the file's path"))


def exclusion(text: str) -> Misform | None:
    """A pattern as GNU tar excludes by; members are named from the asset's own folder."""
    found: tuple[str, Said, Said] | None = None
    if not text.strip() or "\0" in text:
        found = ("empty", say("this pattern is empty"), say("write a pattern such as `cache/*`, or remove it"))
    elif text.startswith("!"):
        said = say("`!` does not take back an exclusion here, as it would for git")
        found = ("negated", said, say("write patterns that exclude less"))
    elif text.startswith("/"):
        said = say("patterns are read from inside the asset's folder, so this one matches nothing")
        fix = say("write `.{path}` for that place, or `{name}` at any depth", path=text, name=text.lstrip("/"))
        found = ("absolute", said, fix)
    elif text.endswith("/"):
        said = say("a pattern that ends with `/` matches nothing")
        found = ("ends-with-slash", said, say("write `{example}`", example=text.rstrip("/")))
    elif matches(".", text):
        said = say("this matches the asset's own folder and so excludes everything")
        found = ("everything", said, say("write a pattern that names what to leave out"))
    return None if found is None else Misform(f"exclusion-{found[0]}", found[1], found[2])


def host(text: str) -> Misform | None:
    """The name or address of a machine."""
    if _is_host(text):
        return None
    said = say("this is not the name or address of a machine")
    return Misform("host", said, say("write it such as `db.example.org` or `192.0.2.7`"))


def host_key(text: str) -> Misform | None:
    """A machine's public SSH key: kind and content, as `ssh-keyscan` prints it after the machine's name."""
    if _HOST_KEY.fullmatch(text):
        return None
    said = say("this is not a public SSH key of a machine")
    fix = say("write what `ssh-keyscan -t ed25519 HOST` prints after the name: `ssh-ed25519 AAAA…`")
    return Misform("host-key", said, fix)


def url(text: str) -> Misform | None:
    """An address on the web, without a user or password in it."""
    return _url(text, ("https", "http"), "https://www.example.org/")


def secure_url(text: str) -> Misform | None:
    """An address on the web that is reached by TLS, without a user or password in it."""
    return _url(text, ("https",), "https://fleet.example.org")


def gateway_url(text: str) -> Misform | None:
    """An address on the web that is reached by TLS, or on this machine without."""
    wrong = _url(text, ("https", "http"), "https://sms.example.org/send")
    if wrong is not None or text.startswith("https:") or _LOOPBACK.match(text):
        return wrong
    said = say("what goes there without TLS can be read on the way, and credentials are in it")
    return Misform("url-without-tls", said, say("write `https://`, or a gateway on this machine"))


def smtp_url(text: str) -> Misform | None:
    """A mail server: `smtp://host:587` (STARTTLS) or `smtps://host:465`."""
    return _url(text, ("smtp", "smtps"), "smtp://mail.example.org:587")


def _url(text: str, schemes: tuple[str, ...], example: str) -> Misform | None:
    write = say("write it such as `{example}`", example=example)
    found = _URL.fullmatch(text)
    if found is None or found["scheme"] not in schemes:
        listed = quoted(f"{scheme}://" for scheme in schemes)
        said = say("this is not an address that begins with {schemes}", schemes=listed)
        return Misform("url", said, write)
    user, at, place = found["host"].rpartition("@")
    if at and user:
        said = say("an address in a plan holds no user and no password")
        return Misform("secret-in-url", said, say("write it without, and the secret under `credentials:`"))
    name, _, port = place.partition(":") if not place.startswith("[") else _bracketed(place)
    if not _is_host(name) or (port and not (_PORT.fullmatch(port) and 0 < int(port) < 65536)):
        return Misform("url-host", say("the machine's name or its port is wrong"), write)
    return None


def _bracketed(place: str) -> tuple[str, str, str]:
    address, bracket, rest = place.partition("]")
    return address + bracket, rest[:1], rest[1:] if rest.startswith(":") else rest


def _is_host(text: str) -> bool:
    if ":" in text and not text.startswith("["):
        text = f"[{text}]"
    return len(text) <= 253 and (_HOST.fullmatch(text) is not None or _ADDRESS.fullmatch(text) is not None)
