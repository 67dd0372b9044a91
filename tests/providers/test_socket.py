"""The real client against the real sandbox, over a socket: what in-process tests cannot show."""

import time

import pytest

from accounts.providers import open_provider
from accounts.providers.base import Provider
from accounts.providers.errors import OutcomeUnknown, ProviderError, Refused, Unavailable
from accounts.providers.records import CampaignDraft
from tests.conftest import SandboxServer


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
