"""The rules every provider keeps: effects declared, errors judged, Brevo's answers read as it means them."""

import ast
import inspect
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounts.providers import PROVIDERS, errors, http, provider_class
from accounts.providers.base import Effect, Provider
from accounts.providers.brevo.client import Client
from accounts.providers.brevo.provider import Brevo
from accounts.providers.errors import (
    Conflict,
    Missing,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    Verdict,
)
from accounts.providers.records import CampaignDraft, ContactRecord
from tests.providers.servers import answer, serve

# Not a call to the provider: pure, or for the receiving side.
WITHOUT_EFFECT = {
    "comparable",
    "verify_webhook",
    "read_webhook",
    "merge_tag",
    "way",
    "consent_url",
    "kept_credentials",
    "told_kinds",
}


def public_functions(cls: type) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(cls).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, classmethod))
    }


@pytest.mark.parametrize("cls", [Provider, *map(provider_class, PROVIDERS)])
def test_every_verb_declares_its_effect(cls):
    missing = {name for name, verb in public_functions(cls).items() if not hasattr(verb, "effect")}

    assert missing <= WITHOUT_EFFECT


@pytest.mark.parametrize("slug", PROVIDERS)
def test_providers_add_no_verbs_and_change_no_effect(slug):
    verbs = {name: getattr(verb, "effect", None) for name, verb in public_functions(Provider).items()}
    own = {
        name: getattr(verb, "effect", None) for name, verb in public_functions(provider_class(slug)).items()
    }

    assert own.items() <= verbs.items()


@pytest.mark.parametrize("slug", PROVIDERS)
def test_every_call_states_its_effect_and_only_reads_are_reads(slug):
    """Looks at the source: each `self.call` gives an effect, and READ goes with GET alone."""
    folder = Path(inspect.getfile(provider_class(slug))).parent
    calls = [
        node
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("self.call", "self._call", "super().call")
        and len(node.args) > 2
        and isinstance(node.args[2], ast.Constant)
    ]
    # What asks for tokens is on the way of reads, and may be asked again like them.
    asks = [node for node in calls if any(word.arg == "with_credentials" for word in node.keywords)]
    stated = [
        (ast.unparse(node.args[1]).rpartition(".")[2], node.args[2].value)
        for node in calls
        if node not in asks
    ]

    assert stated
    assert {method for effect, method in stated if effect == "READ"} <= {"GET"}
    assert {effect for effect, method in stated if method == "GET"} <= {"READ"}


def test_a_call_cannot_be_made_without_an_effect():
    parameters = inspect.signature(http.Client.call).parameters

    assert parameters["effect"].default is inspect.Parameter.empty


class Recorder(Client):
    """Makes no call and notes the effect of each."""

    def __init__(self) -> None:
        super().__init__(api_key="x", base_url="https://api.example")
        self.effects: list[Effect] = []

    def call(self, operation, effect, method, path, *, read=lambda payload: payload, **_):  # type: ignore[override]
        self.effects.append(effect)
        return read({"id": 1, "processId": 2})


@pytest.mark.parametrize(
    ("make", "effect"),
    [
        (lambda c: c.create_email_campaign({"name": "x"}), Effect.CREATE),
        (lambda c: c.create_email_campaign({"scheduledAt": "x"}), Effect.ONCE),
        (lambda c: c.update_email_campaign("1", {"name": "x"}), Effect.CONVERGE),
        (lambda c: c.update_email_campaign("1", {"scheduledAt": "x"}), Effect.ONCE),
        (lambda c: c.update_campaign_status("1", "suspended"), Effect.CONVERGE),
        (lambda c: c.update_campaign_status("1", "queued"), Effect.ONCE),
        (lambda c: c.update_campaign_status("1", "replicate"), Effect.CREATE),
        (lambda c: c.create_contact({"email": "a@b"}), Effect.CREATE),
        (lambda c: c.create_contact({"email": "a@b", "updateEnabled": True}), Effect.CONVERGE),
        (lambda c: c.import_contacts({"listIds": [1]}), Effect.CONVERGE),
        (lambda c: c.import_contacts({"newList": {}}), Effect.CREATE),
    ],
)
def test_effect_follows_what_is_asked(make, effect):
    client = Recorder()
    make(client)

    assert client.effects == [effect]


# Verdicts


def test_every_error_carries_its_verdict():
    verdicts = {
        name: cls.verdict
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, Exception)
    }

    assert verdicts == {
        "ProviderError": Verdict.REPORT,
        "Unavailable": Verdict.RETRY,
        "RateLimited": Verdict.RETRY,
        "OutcomeUnknown": Verdict.LOOK,
        "Unauthorized": Verdict.RECONNECT,
        "Refused": Verdict.TELL,
        "Missing": Verdict.TELL,
        "Conflict": Verdict.TELL,
        "Unsupported": Verdict.TELL,
        "UnexpectedReply": Verdict.REPORT,
    }


def test_error_names_where_it_happened():
    error = Refused("No.", provider="brevo", operation="createList", status=400, request_id="r")

    assert str(error) == "brevo createList 400: No."


# Brevo's answers


def brevo(server: object) -> Brevo:
    return Brevo(
        base_url=server.url,
        credentials={"api_key": "xkeysib-secret"},
        private_addresses=[server.address],
        total_seconds=5.0,
    )


def brevo_failure(status: int, body: object, act: object, *headers: str) -> ProviderError:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    with (
        serve(answer(f"{status} Status", payload, *headers)) as server,
        pytest.raises(ProviderError) as caught,
    ):
        act(brevo(server))
    return caught.value


def create(provider: Brevo) -> object:
    return provider.create_campaign(CampaignDraft("n", "s", "", "<p>", "Ida", "ida@example.com"))


def delete(provider: Brevo) -> None:
    provider.delete_campaign(remote_id="12")


def schedule(provider: Brevo) -> None:
    provider.schedule_campaign(remote_id="12", send_at=datetime(2026, 6, 1, tzinfo=UTC))


def block(provider: Brevo) -> None:
    provider.block_contact(email="ana@example.com")


@pytest.mark.parametrize(
    ("status", "body", "act", "kind"),
    [
        (400, {"code": "invalid_parameter", "message": "subject is missing"}, create, Refused),
        (400, {"code": "campaign_sent", "message": "Campaign is already sent"}, schedule, Conflict),
        (400, {"code": "campaign_processing", "message": "Being processed"}, schedule, Conflict),
        (400, {"code": "duplicate_parameter", "message": "Exists"}, block, Conflict),
        # The same conflict under another code: pass-culture/pass-culture-main issue 22628.
        (
            400,
            {"code": "invalid_parameter", "message": "x", "metadata": {"duplicate_identifiers": ["SMS"]}},
            block,
            Conflict,
        ),
        (401, {"code": "unauthorized", "message": "Key not found"}, create, Unauthorized),
        (402, {"code": "not_enough_credits", "message": "No credit"}, create, Refused),
        (
            403,
            {"code": "permission_denied", "message": "A planned campaign cannot be deleted"},
            delete,
            Conflict,
        ),
        (403, {"code": "permission_denied", "message": "Suspended"}, create, Refused),
        (404, {"code": "document_not_found", "message": "Campaign ID does not exist"}, schedule, Missing),
        (425, {"code": "account_in_process", "message": "Wait"}, block, Unavailable),
        (400, {"code": "account_in_process", "message": "Wait"}, block, Unavailable),
        (418, {"unknown": "shape"}, create, Refused),
        (400, {"code": 7, "message": ["odd"], "metadata": "odd"}, create, Refused),
    ],
)
def test_brevo_refusals(status, body, act, kind):
    error = brevo_failure(status, body, act)

    assert type(error) is kind
    assert (error.provider, error.status) == ("brevo", status)
    assert error.detail == (
        body["message"] if isinstance(body.get("message"), str) else f"The provider refused ({status})."
    )


def test_brevo_rate_limit_counts_down_in_its_own_header():
    body = {"code": "too_many_requests", "message": "Slow down"}
    error = brevo_failure(
        429,
        body,
        block,
        "x-sib-ratelimit-limit: 10",
        "x-sib-ratelimit-remaining: 0",
        "x-sib-ratelimit-reset: 9",
    )

    assert type(error) is RateLimited
    assert 8 < error.retry_after <= 9


def test_deleting_what_is_gone_is_done():
    body = json.dumps({"code": "document_not_found", "message": "Campaign ID does not exist"}).encode()
    with serve(answer("404 Not Found", body)) as server:
        provider = brevo(server)
        provider.delete_campaign(remote_id="12")
        provider.delete_list(remote_id="7")
        provider.delete_contact(remote_id="42")
        provider.delete_webhook(remote_id="1")

    assert [request.split(b" HTTP")[0] for request in server.requests] == [
        b"DELETE /emailCampaigns/12",
        b"DELETE /contacts/lists/7",
        b"DELETE /contacts/42?identifierType=contact_id",
        b"DELETE /webhooks/1",
    ]


def test_test_send_tells_whom_brevo_turned_away():
    body = {
        "code": "invalid_parameter",
        "message": "Test email could not be sent to the following email addresses",
        "unexistingEmails": ["ana@example.com"],
        "withoutListEmails": [],
        "blackListedEmails": ["ben@example.com"],
    }
    with serve(answer("400 Bad Request", json.dumps(body).encode())) as server:
        result = brevo(server).send_test(remote_id="12", emails=["ana@example.com", "ben@example.com"])

    assert result.accepted == ()
    assert result.refused == {
        "ana@example.com": "Brevo does not know this address as a contact.",
        "ben@example.com": "This contact is blocked in Brevo.",
    }


def test_test_send_to_nobody_would_go_to_the_whole_test_list():
    with serve(answer("204 No Content", b"")) as server, pytest.raises(ValueError, match="address"):
        brevo(server).send_test(remote_id="12", emails=[])

    assert server.requests == []


def test_import_beyond_its_size_is_not_sent():
    many = [ContactRecord("", f"{number}@example.com", {"NOTE": "x" * 8000}) for number in range(1000)]
    with (
        serve(answer("202 Accepted", b'{"processId": 1}')) as server,
        pytest.raises(ValueError, match="do not fit"),
    ):
        brevo(server).save_contacts(many, list_ids=["7"])

    assert server.requests == []
