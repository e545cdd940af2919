"""Each provider is asked as its own manual says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from intendance.model.alerting import SmsChannel, SmsTemplate
from intendance.model.secret import SecretReference
from intendance.notifiers import Delivery, Message
from intendance.notifiers.sms import SmsNotifier
from tests.support.sms_gateway import Gateway, sms_gateway

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MESSAGE = Message(key="f" * 40, to="+32 (0)470 12", subject="", text="web-01: été", at=AT)
OPTIONS: dict[SmsTemplate, str] = {
    "ovh": "application_key=AK\napplication_secret=AS-secret\nconsumer_key=CK-secret\nservice=sms-ab1-1\n",
    "twilio": "account_sid=AC1\nauth_token=tok-secret\nfrom=+15005550006\n",
    "free-mobile": "user=1234\npass=key-secret\n",
    "generic": "user=u\npassword=p-secret\nto_field=msisdn\n",
}


def ask(template: SmsTemplate, gateway: Gateway, folder: Path, **changed: str) -> Delivery:
    file = folder / "sms.ini"
    file.write_text(OPTIONS[template])
    file.chmod(0o600)
    declared = SmsChannel(template=template, url=gateway.url, credentials=SecretReference(file=str(file)))
    return SmsNotifier(replace(declared, **changed)).deliver(MESSAGE, 30)  # type: ignore[arg-type]


def test_ovh_signs_each_request(tmp_path: Path) -> None:
    with sms_gateway() as gateway:
        gateway.answers = [(200, '{"ids": [77], "invalidReceivers": [], "totalCreditsRemoved": 1}')]
        delivery = ask("ovh", gateway, tmp_path, sender="ASBL")
        assert (delivery.outcome, delivery.provider_id) == ("accepted", "77")
        asked = gateway.asked[0]
        assert asked.path == "/sms/sms-ab1-1/jobs"
        assert asked.json() | {"receivers": ["+3247012"], "message": "web-01: été", "sender": "ASBL"} == asked.json()
        signed = f"AS-secret+CK-secret+POST+{gateway.url}{asked.path}+{asked.body.decode()}+{int(AT.timestamp())}"
        assert asked.headers["X-Ovh-Signature"] == "$1$" + sha1(signed.encode()).hexdigest()
        assert b"secret" not in asked.body
        gateway.answers = [(200, '{"ids": [], "invalidReceivers": ["+3247012"]}')]
        assert ask("ovh", gateway, tmp_path).outcome == "permanent"


def test_twilio_gets_a_form(tmp_path: Path) -> None:
    with sms_gateway() as gateway:
        gateway.answers = [(201, '{"sid": "SM1", "status": "queued"}')]
        assert ask("twilio", gateway, tmp_path).provider_id == "SM1"
        asked = gateway.asked[0]
        assert asked.path == "/Accounts/AC1/Messages.json"
        fields = {"To": ["+3247012"], "From": ["+15005550006"], "Body": ["web-01: été"]}
        assert parse_qs(asked.body.decode()) == fields
        assert asked.headers["Authorization"] == "Basic QUMxOnRvay1zZWNyZXQ="
        assert ask("twilio", gateway, tmp_path, sender="MG7").accepted
        assert parse_qs(gateway.asked[1].body.decode())["MessagingServiceSid"] == ["MG7"]


def test_free_mobile_says_when_it_was_too_much(tmp_path: Path) -> None:
    with sms_gateway() as gateway:
        gateway.answers = [(200, ""), (402, ""), (403, "")]
        outcomes = [ask("free-mobile", gateway, tmp_path).outcome for _ in range(3)]
        assert outcomes == ["accepted", "transient", "permanent"]
        assert gateway.asked[0].path == "/sendmsg"
        assert gateway.asked[0].json() == {"user": "1234", "pass": "key-secret", "msg": "web-01: été"}


def test_a_gateway_of_ones_own_names_its_fields(tmp_path: Path) -> None:
    with sms_gateway() as gateway:
        assert ask("generic", gateway, tmp_path).provider_id == "m-1"
        assert gateway.asked[0].json()["msisdn"] == "+3247012"
        assert gateway.asked[0].headers["Idempotency-Key"] == "f" * 40


@pytest.mark.parametrize("template", [name for name in OPTIONS if name != "generic"])
def test_what_is_missing_is_named(template: SmsTemplate, tmp_path: Path) -> None:
    file = tmp_path / "sms.ini"
    file.write_text("[sms]\n")
    file.chmod(0o600)
    declared = SmsChannel(template=template, url="http://127.0.0.1:9", credentials=SecretReference(file=str(file)))
    delivery = SmsNotifier(declared).deliver(MESSAGE, 30)
    assert (delivery.code, delivery.detail.startswith("the credentials lack `")) == ("credentials", True)


@pytest.mark.parametrize("template", OPTIONS)
def test_a_refusal_that_repeats_the_request_shows_no_secret(template: SmsTemplate, tmp_path: Path) -> None:
    with sms_gateway() as gateway:
        gateway.answers = [(400, json.dumps({"error": OPTIONS[template]}))]
        delivery = ask(template, gateway, tmp_path)
        assert delivery.outcome == "permanent"
        assert "-secret" not in repr(delivery)
