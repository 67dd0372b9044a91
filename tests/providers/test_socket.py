"""The real client against the real sandbox, over a socket: what in-process tests cannot show."""

import time

import pytest

from accounts.providers import PROVIDERS, open_provider
from accounts.providers.base import Provider
from accounts.providers.errors import OutcomeUnknown, ProviderError, Refused, Unavailable
from accounts.providers.records import CampaignDraft, ContactRecord
from tests.conftest import SandboxServer
from tests.providers.conftest import CREDENTIALS


def brevo(sandbox: SandboxServer) -> Provider:
    address = sandbox.url.removeprefix("http://")
    return open_provider(
        "brevo",
        base_url=sandbox.base_url(),
        credentials={"api_key": "sandbox-socket"},
        private_addresses=[address],
        total_seconds=1.0,
    )


DRAFT = CampaignDraft("n", "s", "", "<p>Hello there</p>", "Owner", "owner@sandbox-socket.example")


@pytest.mark.parametrize("slug", PROVIDERS)
def test_each_provider_answers_over_a_socket(sandbox, slug):
    """Tokens, files and long answers included: people go onto a list of ours and are read back."""
    sandbox.control("seed", provider=slug, account="sandbox-socket", limits="off", pace={"process": 0})
    provider = open_provider(
        slug,
        base_url=sandbox.base_url(slug),
        credentials=CREDENTIALS[slug]("sandbox-socket"),
        private_addresses=[sandbox.url.removeprefix("http://")],
    )
    sender = next(iter(provider.senders())) if provider.capabilities.has_senders else None
    made = provider.create_list(
        name="Ours",
        sender_name=sender.name if sender else "",
        sender_email=sender.email if sender else "",
    )
    people = [ContactRecord("", f"person{number}@example.com") for number in range(20)]
    provider.save_contacts(people, list_ids=[made.remote_id])
    deadline = time.monotonic() + 10
    while provider.list_size(remote_id=made.remote_id) < 20 and time.monotonic() < deadline:
        time.sleep(0.1)

    assert provider.account().name
    members = [person.email for person in provider.list_members(remote_id=made.remote_id).items]
    assert sorted(members) == sorted(person.email for person in people)


def test_account_and_people_over_a_socket(sandbox):
    sandbox.control("seed", provider="brevo", account="sandbox-socket", lists=["News"], contacts=1200)
    provider = brevo(sandbox)

    assert provider.account().name
    first = provider.contacts()
    second = provider.contacts(cursor=first.cursor)
    assert len({person.remote_id for page in (first, second) for person in page.items}) == 1200


def test_export_is_downloaded_from_the_listed_address(sandbox):
    made = sandbox.control(
        "seed",
        provider="brevo",
        account="sandbox-socket",
        pace={"process": 0.01},
        lists=["News"],
        contacts=20,
        campaigns=[{"name": "Old", "status": "sent", "daysAgo": 2}],
    )
    provider = brevo(sandbox)
    reference = provider.request_people(remote_id=str(made["campaigns"][0]), kind="accepted")
    sandbox.control("clock", advance=5)

    assert len(list(provider.people(reference))) == 20


def test_sandbox_is_out_of_reach_unless_it_is_listed(sandbox):
    provider = open_provider("brevo", base_url=sandbox.base_url(), credentials={"api_key": "sandbox-socket"})

    with pytest.raises(Refused, match="https"):
        provider.account()


@pytest.mark.parametrize("kind", ["hang", "drip", "drop_after", "drop_before", "truncate", "garbage", "html"])
@pytest.mark.parametrize(
    ("verb", "expected"), [("account", Unavailable), ("create_campaign", OutcomeUnknown)]
)
def test_faults_over_a_socket_end_in_time_and_in_their_class(sandbox, kind, verb, expected):
    provider = brevo(sandbox)
    provider.account()
    fault = {"seconds": 3.0, "status": 502} if kind in ("hang", "drip", "html") else {}
    sandbox.control("faults", provider="brevo", kind=kind, times=3, **fault)
    started_at = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        provider.create_campaign(DRAFT) if verb == "create_campaign" else provider.account()

    assert time.monotonic() - started_at < 5
    garbage = kind == "garbage" and verb == "account"
    assert type(caught.value).__name__ == ("UnexpectedReply" if garbage else expected.__name__)
