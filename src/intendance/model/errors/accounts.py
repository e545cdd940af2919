"""Errors about the people who may log in to the manager."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class LogInRefused(IntendanceError):
    """That name and that password do not go together."""

    next_step = "Try again; on the manager's host another password can be set: `intendance user reset NAME`."


class AccountLocked(IntendanceError):
    """Too many wrong tries: this account is locked until {until}."""

    next_step = "Wait until then, or set another password on the manager's host: `intendance user reset NAME`."


class LogInsCrowded(IntendanceError):
    """More people log in at this moment than the manager can look after."""

    next_step = (
        "Try again in a few seconds; if it stays so, somebody is guessing passwords: keep them off with a firewall."
    )
    transient = True


class CodeRefused(IntendanceError):
    """That code does not count: it is another one, too old, or was used already."""

    next_step = "Wait for the next code and type that one, or type one of the recovery codes."


class SessionOver(IntendanceError):
    """That session is over, or has nothing left to prove."""

    next_step = "Log in again."


class SessionUnknown(IntendanceError):
    """The account {name} has no session {key}: it is over, or was never there."""

    next_step = "See the sessions with `intendance user sessions {name}`."
    exit_code = Exit.USAGE


class AccountExists(IntendanceError):
    """There is an account {name} already."""

    next_step = "Take another name, or see the accounts with `intendance user list`."
    exit_code = Exit.USAGE


class LastAdministrator(IntendanceError):
    """{name} is the only administrator who may log in, and stays one."""

    next_step = "Make another administrator first: `intendance user add NAME --role admin`, or `user role NAME admin`."


class AccountUnknown(IntendanceError):
    """There is no account {name}; there are: {known}."""

    next_step = "See the accounts with `intendance user list`."
    exit_code = Exit.USAGE


class PasswordRefused(IntendanceError):
    """That password will not do: {detail}."""

    next_step = "Choose a longer one: four words that nobody would put together make a good one."
    exit_code = Exit.USAGE


class RightMissing(IntendanceError):
    """The account {name} may not do that: it is there for {role}."""

    next_step = "Ask somebody who administers the manager: `intendance user list` says who does."


class PageUnknown(IntendanceError):
    """There is nothing called {name} here."""

    next_step = "Look for it in the list."
