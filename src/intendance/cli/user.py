"""`intendance user`: who may log in to the manager's pages; on the manager's machine."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intendance.agent.compose import person
from intendance.cli.output import Invocation, Output
from intendance.cli.page import page_for
from intendance.language import dates
from intendance.language.texts import Translator, translator
from intendance.model.errors import UsageError

if TYPE_CHECKING:
    from intendance.fleet.accounts.service import Account
    from intendance.fleet.accounts.sessions import SessionHeld

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
Password = Annotated[
    str, typer.Option("--password", metavar="FILE", help="The file that holds it; - reads it from stdin; else asked.")
]
_LONGEST_BYTES = 4096
_ROLES = ("viewer", "operator", "admin", "auditor")
_NAME_MAX = 40


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Who may log in to the manager's pages.", no_args_is_help=True)
    noun.command("add")(add)
    noun.command("list")(list_)
    noun.command("role")(give_role)
    noun.command("disable")(disable)
    noun.command("reset")(reset)
    noun.command("totp")(totp)
    noun.command("sessions")(sessions)
    root.add_typer(noun, name="user")


def add(
    context: typer.Context,
    name: Name,
    role: Annotated[str, typer.Option(metavar="ROLE", help="viewer, operator, admin or auditor.")] = "viewer",
    full_name: Annotated[str, typer.Option(metavar="NAME", help="As pages write it.")] = "",
    contact: Annotated[str, typer.Option(metavar="CONTACT", help="Who that is among the plan's contacts.")] = "",
    password: Password = "",
) -> None:
    """Make an account. An administrator sets up a second factor at the first log-in."""
    from intendance.fleet.accounts.decide import Role
    from intendance.fleet.compose import open_accounts

    invocation: Invocation = context.obj
    if role not in _ROLES:
        raise UsageError(message=f"`--role {role}` is no role: write viewer, operator, admin or auditor.")
    if not name.strip() or name != name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise UsageError(message="An account's name has at most 40 characters, and no blank at either end.")
    with open_accounts(invocation.state, invocation.clock) as accounts:
        accounts.add(name, Role(role), _secret(password), by=person(), full_name=full_name, contact=contact)
    _ = translator(invocation.language, "user")
    page = page_for(sys.stdout)
    page.text(_("{name} may log in as {role}.").format(name=name, role=_role(_, role)))
    page.write(sys.stdout)


def list_(context: typer.Context, json: Json = False) -> None:
    """List the accounts: role, second factor, sessions, locks."""
    from intendance.fleet.compose import open_accounts

    invocation: Invocation = context.obj
    with open_accounts(invocation.state, invocation.clock) as accounts:
        found = accounts.listing()
    if json:
        answer = {"schema": "intendance.users/1", "users": [_as_json(each) for each in found]}
        Output(as_json=True).json(answer)
        return
    _ = translator(invocation.language, "user")
    page = page_for(sys.stdout)
    if not found:
        page.text(_("Nobody may log in yet."))
        page.command("intendance user add NAME --role admin")
    for each in found:
        page.row(
            ((each.name, "strong"), f" · {_role(_, each.role.value)}"), (_told(_, each), "quiet"), indent=2, hang=4
        )
    page.write(sys.stdout)


def give_role(
    context: typer.Context,
    name: Name,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, operator, admin or auditor.")],
) -> None:
    """Give an account another role; its sessions end at once. The only administrator stays one."""
    from intendance.fleet.accounts.decide import Role
    from intendance.fleet.compose import open_accounts

    invocation: Invocation = context.obj
    if role not in _ROLES:
        raise UsageError(message=f"`{role}` is no role: write viewer, operator, admin or auditor.")
    with open_accounts(invocation.state, invocation.clock) as accounts:
        accounts.give_role(name, Role(role), by=person())
    _ = translator(invocation.language, "user")
    page = page_for(sys.stdout)
    page.text(
        _("{name} is now: {role}. Whoever was logged in by that name logs in anew.").format(
            name=name, role=_role(_, role)
        )
    )
    page.write(sys.stdout)


def disable(context: typer.Context, name: Name) -> None:
    """Let nobody log in by this name any more; its sessions end at once."""
    from intendance.fleet.compose import open_accounts

    invocation: Invocation = context.obj
    with open_accounts(invocation.state, invocation.clock) as accounts:
        accounts.disable(name, by=person())
    _say(invocation, "{name} may no longer log in.", name)


def reset(context: typer.Context, name: Name, password: Password = "") -> None:
    """Set another password; sessions, lock and second factor are gone."""
    from intendance.fleet.compose import open_accounts

    invocation: Invocation = context.obj
    with open_accounts(invocation.state, invocation.clock) as accounts:
        accounts.reset(name, _secret(password), by=person())
    _say(invocation, "{name} has another password, and sets up a second factor anew where one is asked.", name)


def totp(context: typer.Context, name: Name) -> None:
    """Drop the second factor of who lost theirs; it is set up anew at the next log-in."""
    from intendance.fleet.compose import open_accounts

    invocation: Invocation = context.obj
    with open_accounts(invocation.state, invocation.clock) as accounts:
        accounts.drop_second(name, by=person())
    _say(invocation, "{name} has no second factor any more.", name)


def sessions(
    context: typer.Context,
    name: Name,
    end: Annotated[str, typer.Option(metavar="SESSION", help="End this one, by its name in the list; or all.")] = "",
    json: Json = False,
) -> None:
    """List the sessions of an account: since when, last seen, from where. With --end, end one, or all."""
    from intendance.fleet.compose import open_accounts, remembered

    invocation: Invocation = context.obj
    with open_accounts(invocation.state, invocation.clock) as accounts:
        if end == "all":
            accounts.end_sessions(name, by=person())
        elif end:
            accounts.end_session(name, end, by=person())
        found = accounts.sessions_of(name)
    if json:
        answer = {"schema": "intendance.sessions/1", "account": name, "sessions": [_session_as_json(e) for e in found]}
        Output(as_json=True).json(answer)
        return
    _ = translator(invocation.language, "user")
    page = page_for(sys.stdout)
    if end:
        page.text(_("It is ended.") if end != "all" else _("All are ended."))
    if not found:
        page.text(_("Nobody is logged in as {name}.").format(name=name))
    zone = remembered(invocation.state).zone
    for each in found:
        page.row(
            ((each.key, "strong"), f" · {_shown(each.address)}"), (_lasting(_, each, zone), "quiet"), indent=2, hang=4
        )
        page.text((_shown(each.browser), "quiet"), indent=4)
    page.write(sys.stdout)


def _say(invocation: Invocation, told: str, name: str) -> None:
    _ = translator(invocation.language, "user")
    sentences = {
        "{name} may no longer log in.": _("{name} may no longer log in."),
        "{name} has another password, and sets up a second factor anew where one is asked.": _(
            "{name} has another password, and sets up a second factor anew where one is asked."
        ),
        "{name} has no second factor any more.": _("{name} has no second factor any more."),
    }
    page = page_for(sys.stdout)
    page.text(sentences[told].format(name=name))
    page.write(sys.stdout)


def _secret(file: str) -> str:
    """A password from a file, from stdin, or typed twice; never from a command line. Raises UsageError."""
    if not file:
        if not sys.stdin.isatty():
            raise UsageError(message="Nobody is there to type a password: write `--password FILE`, or `-` for stdin.")
        typed = getpass("Password: ")
        if getpass("Again: ") != typed:
            raise UsageError(message="Those were two different passwords. Nothing was changed.")
        return typed
    try:
        content = sys.stdin.buffer.read(_LONGEST_BYTES) if file == "-" else Path(file).read_bytes()[:_LONGEST_BYTES]
        return content.decode("utf-8").splitlines()[0]
    except (UnicodeDecodeError, IndexError):
        raise UsageError(message="That holds no password: its first line, in UTF-8, is taken.") from None
    except OSError as error:
        raise UsageError(message=f"`--password {file}` cannot be read: {error.strerror}.") from None


def _role(_: Translator, role: str) -> str:
    words = {"viewer": _("viewer"), "operator": _("operator"), "admin": _("administrator"), "auditor": _("auditor")}
    return words[role]


def _told(_: Translator, account: Account) -> str:
    told = [_("second factor") if account.second_factor else _("no second factor")]
    if account.sessions:
        told.append(_.plural("{n} session", "{n} sessions", account.sessions).format(n=account.sessions))
    if account.disabled_at is not None:
        told = [_("disabled")]
    elif account.locked_until is not None:
        told.append(_("locked for a while"))
    return " · ".join(told)


def _shown(text: str) -> str:
    """What a browser said of itself, as text alone: it may send what steers a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text) or "?"


def _lasting(_: Translator, session: SessionHeld, zone: str) -> str:
    made, seen = (dates.moment(at, zone, _.language) for at in (session.made_at, session.seen_at))
    told = _("since {moment}, last seen {seen}").format(moment=made, seen=seen)
    return f"{told} · {_('the second factor is owed')}" if session.stage else told


def _session_as_json(session: SessionHeld) -> dict[str, Any]:
    return {
        "session": session.key,
        "stage": session.stage.value or "whole",
        "made_at": dates.iso(session.made_at),
        "seen_at": dates.iso(session.seen_at),
        "address": session.address,
        "browser": session.browser,
    }


def _as_json(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "full_name": account.full_name,
        "role": account.role.value,
        "contact": account.contact,
        "second_factor": account.second_factor,
        "sessions": account.sessions,
        "locked_until": None if account.locked_until is None else dates.iso(account.locked_until),
        "disabled_at": None if account.disabled_at is None else dates.iso(account.disabled_at),
    }
