"""How people are told, and when maintenance is expected: checked plan data made into frozen data. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from intendance.model.alerting import Alerts, AlertStep, EmailChannel, SmsChannel, Window
from intendance.model.secret import HOME, SecretReference
from intendance.plan import durations

Options = Mapping[str, Any]


class Folder(Protocol):
    """The plan's folder: a path that takes what stands below it."""

    def __truediv__(self, below: str) -> object: ...


def secret_of(reference: Options | None, folder: Folder) -> SecretReference | None:
    """Where a secret is found; a relative file is one of the plan's folder, unless it is in somebody's home."""
    if reference is None:
        return None
    command, file = reference.get("command"), reference.get("file")
    return SecretReference(
        file=file if file is None or file.startswith(HOME) else str(folder / file),
        env=reference.get("env"),
        command=None if command is None else tuple(command),
    )


def alerts_of(alerts: Options | None, folder: Folder) -> Alerts | None:
    """How messages leave, and who gets them."""
    if alerts is None:
        return None
    policy = alerts["policy"]
    return Alerts(
        email=_email(alerts.get("email"), folder),
        sms=_sms(alerts.get("sms"), folder),
        critical=_steps(policy.get("critical", ())),
        warning=_steps(policy.get("warning", ())),
        observer=alerts.get("observer"),
    )


def _email(email: Options | None, folder: Folder) -> EmailChannel | None:
    if email is None:
        return None
    credentials = secret_of(email.get("credentials"), folder)
    return EmailChannel(smtp=email["smtp"], sender=email["from"], credentials=credentials)


def _sms(sms: Options | None, folder: Folder) -> SmsChannel | None:
    if sms is None:
        return None
    return SmsChannel(
        template=sms["template"],
        credentials=secret_of(sms["credentials"], folder) or SecretReference(),
        url=sms.get("url"),
        sender=sms.get("sender"),
    )


def _steps(steps: Sequence[Options]) -> tuple[AlertStep, ...]:
    return tuple(
        AlertStep(after_seconds=durations.parse(each["after"]), to=each["to"], by=tuple(each["by"])) for each in steps
    )


def windows_of(windows: Sequence[Options]) -> tuple[Window, ...]:
    """The times in which people expect maintenance."""
    return tuple(
        Window(name=each["name"], rrule=each["rrule"], lasts_seconds=durations.parse(each["lasts"])) for each in windows
    )
