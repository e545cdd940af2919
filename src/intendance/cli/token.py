"""`intendance token`: what programs may ask the manager; on the manager's machine."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intendance.agent.compose import person
from intendance.cli.output import Invocation, Output
from intendance.cli.page import page_for
from intendance.language import dates
from intendance.language.texts import Translator, translator
from intendance.model.errors import UsageError

if TYPE_CHECKING:
    from intendance.fleet.tokens.service import ApiToken

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called here: who asks with it.")]
_SCOPES = ("read", "metrics", "ack")
_NAME_MAX = 40


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="What programs may ask the manager.", no_args_is_help=True)
    noun.command("create")(create)
    noun.command("list")(list_)
    noun.command("revoke")(revoke)
    root.add_typer(noun, name="token")


def create(
    context: typer.Context,
    name: Name,
    scope: Annotated[
        list[str], typer.Option(metavar="SCOPE", help="read, metrics or ack; may be given several times.")
    ],
    days: Annotated[int, typer.Option(min=1, max=3650, help="For how many days it opens anything.")] = 365,
    forever: Annotated[bool, typer.Option("--forever", help="Until it is revoked.")] = False,
    json: Json = False,
) -> None:
    """Make a token and print it, this once: the manager keeps only its SHA-256."""
    from intendance.fleet.compose import open_tokens
    from intendance.fleet.tokens.decide import Scope

    invocation: Invocation = context.obj
    _expect_scopes(scope)
    if not name.strip() or name != name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise UsageError(message="A token's name has at most 40 characters, and no blank at either end.")
    expires_at = None if forever else invocation.clock.read().at + timedelta(days=days)
    with open_tokens(invocation.state, invocation.clock) as tokens:
        secret = tokens.create(name, map(Scope, scope), by=person(), expires_at=expires_at)
    if json:
        answer = {"schema": "intendance.api-token/1", "name": name, "scopes": sorted(set(scope)), "token": secret}
        Output(as_json=True).json(answer | {"expires_at": None if expires_at is None else dates.iso(expires_at)})
        return
    _ = translator(invocation.language, "token")
    typer.echo(secret)
    told = _("This token is shown this once. Keep it in a file that only its reader may read.")
    Output(as_json=False).talk(told)


def _expect_scopes(scopes: list[str]) -> None:
    wrong = next((each for each in scopes if each not in _SCOPES), None)
    if wrong is not None:
        raise UsageError(message=f"`--scope {wrong}` is no scope: write read, metrics or ack.")


def list_(context: typer.Context, json: Json = False) -> None:
    """List the tokens: what each may ask, until when, when it was used last."""
    from intendance.fleet.compose import open_tokens

    invocation: Invocation = context.obj
    with open_tokens(invocation.state, invocation.clock) as tokens:
        found = tokens.listed()
    if json:
        answer = {"schema": "intendance.api-tokens/1", "tokens": [_as_json(each) for each in found]}
        Output(as_json=True).json(answer)
        return
    _ = translator(invocation.language, "token")
    page = page_for(sys.stdout)
    if not found:
        page.text(_("There is no token yet."))
        page.command("intendance token create NAME --scope read")
    for each in found:
        page.row(
            ((each.name, "strong" if each.usable else "quiet"), f" · {', '.join(sorted(each.scopes))}"),
            (_told(_, each), "quiet"),
            indent=2,
            hang=4,
        )
    page.write(sys.stdout)


def revoke(context: typer.Context, name: Name) -> None:
    """Let a token open nothing any more, at once."""
    from intendance.fleet.compose import open_tokens

    invocation: Invocation = context.obj
    with open_tokens(invocation.state, invocation.clock) as tokens:
        tokens.revoke(name, by=person())
    _ = translator(invocation.language, "token")
    page = page_for(sys.stdout)
    page.text(_("The token {name} opens nothing any more.").format(name=name))
    page.write(sys.stdout)


def _told(_: Translator, token: ApiToken) -> str:
    if token.revoked_at is not None:
        return _("revoked on {day}").format(day=dates.day(token.revoked_at, _.language))
    if token.expires_at is not None and not token.usable:
        return _("over since {day}").format(day=dates.day(token.expires_at, _.language))
    used = _("never used")
    if token.used_at is not None:
        used = _("used last on {day}").format(day=dates.day(token.used_at, _.language))
    if token.expires_at is None:
        return used
    return f"{used} · {_('until {day}').format(day=dates.day(token.expires_at, _.language))}"


def _as_json(token: ApiToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "scopes": sorted(token.scopes),
        "usable": token.usable,
        "made_at": dates.iso(token.made_at),
        "made_by": token.made_by,
        "expires_at": None if token.expires_at is None else dates.iso(token.expires_at),
        "used_at": None if token.used_at is None else dates.iso(token.used_at),
        "revoked_at": None if token.revoked_at is None else dates.iso(token.revoked_at),
    }
