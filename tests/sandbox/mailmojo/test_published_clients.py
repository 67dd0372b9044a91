"""Mailmojo's own published client drives the sandbox unchanged: only the address and the token are set.

It is older than the API: it makes no lists, calls automations campaigns and asks for its domain by name. It wants `fields`
of a form, which the API no longer has; so forms are called without being read.
"""

import time
from collections.abc import Iterator
from typing import Any

import mailmojo_sdk as sdk  # type: ignore[import-untyped]
import pytest
import requests
from mailmojo_sdk.rest import ApiException  # type: ignore[import-untyped]

ACCOUNT = "sandbox-published-client"
SCOPE = "account contacts lists newsletters subscribe templates webhooks embed forms pages"


def fresh_token(url: str, account: str) -> str:
    """By the consent page and its code, as a person would."""
    asked = {
        "client_id": "sandbox",
        "response_type": "code",
        "redirect_uri": "http://127.0.0.1/back",
        "scope": SCOPE,
        "state": "s",
    }
    form = asked | {"account": account, "decision": "allow"}
    reply = requests.post(
        f"{url}/oauth/authorize/", params=asked, data=form, allow_redirects=False, timeout=5
    )
    code = reply.headers["Location"].partition("code=")[2].partition("&")[0]
    grant = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": asked["redirect_uri"],
        "scope": SCOPE,
    }
    reply = requests.post(f"{url}/oauth/token/", data=grant, auth=("sandbox", "sandbox"), timeout=5)
    token: str = reply.json()["access_token"]
    return token


@pytest.fixture
def url(sandbox_server: Any) -> str:
    return f"{sandbox_server.url}/mailmojo"


@pytest.fixture
def client(sandbox_server: Any, url: str) -> Iterator[sdk.ApiClient]:
    sandbox_server.control("reset", provider="mailmojo", account=ACCOUNT)
    configuration = sdk.Configuration()
    configuration.host, configuration.access_token = url, fresh_token(url, ACCOUNT)
    client = sdk.ApiClient(configuration)
    yield client
    client.pool.close()


def seed(sandbox_server: Any, **wanted: Any) -> Any:
    return sandbox_server.control("seed", provider="mailmojo", account=ACCOUNT, **wanted)


def until(done: Any) -> None:
    deadline = time.monotonic() + 15
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_lists_subscribers_and_contacts(client: sdk.ApiClient, sandbox_server: Any) -> None:
    (number,) = seed(sandbox_server, lists=1)["lists"]
    lists, contacts = sdk.ListApi(client), sdk.ContactApi(client)
    made = lists.subscribe_contact_to_list(
        number, sdk.Subscriber(email="a+b@example.com", first_name="Ann", tags=["ski"])
    )
    lists.subscribe_contact_to_list(number, sdk.Subscriber(email="c@example.com"))
    predicate = sdk.SegmentTagPredicate(type="has_tag", tag_name="ski")
    lists.create_segment(number, sdk.SegmentCreation(list_id=number, name="Skiers", predicates=[predicate]))
    changed = sdk.ListDetail(
        name="Letters",
        from_name="Owner",
        from_email="owner@example.com",
        subscribe_redirect_url="https://example.com/welcome",
        unsubscribe_redirect_url="https://example.com/bye",
    )

    assert (made.email, made.status, made.list_associations[0].list_id) == ("a+b@example.com", "a", number)
    assert lists.update_list(number, list=changed).name == "Letters"
    assert [row.num_contacts for row in lists.get_list_by_id(number).segments] == [1]
    assert [row.name for row in lists.get_lists()] == ["Letters"]
    assert [row.email for row in lists.get_subscribers_on_list(number, limit=1)] == ["a+b@example.com"]
    assert contacts.get_contact_by_email("a+b@example.com").tags == ["ski"]
    contacts.update_contact(
        "a+b@example.com", contact=sdk.BaseContact(email="a+b@example.com", last_name="Lee")
    )
    assert lists.get_subscriber_on_list_by_email(number, "a+b@example.com").name == "Ann Lee"
    assert lists.unsubscribe_contact_on_list_by_email(number, "a+b@example.com").status == "u"
    assert [row.email for row in lists.get_unsubscribed_on_list(number)] == ["a+b@example.com"]
    assert [row.status for row in contacts.get_contacts()] == ["u", "a"]
    assert contacts.get_historical_contact_stats()[-1].sum == 1
    with pytest.raises(ApiException) as refused:
        contacts.get_contact_by_email("nobody@example.com")
    assert refused.value.status == 404


def test_a_newsletter_from_draft_to_its_rates(client: sdk.ApiClient, sandbox_server: Any) -> None:
    people = [{"email": f"{name}@example.com", "lists": [0]} for name in ("a", "b", "bounce")]
    (number,) = seed(sandbox_server, lists=1, contacts=people, pace={"send": 0.5, "react": 1})["lists"]
    api = sdk.NewsletterApi(client)
    made = api.create_newsletter(
        sdk.NewsletterCreation(list_id=number, subject="Subject", html="<p>Hello</p>")
    )
    api.test_newsletter(made.id, sdk.NewsletterSendTest(emails=["a@example.com"]))

    assert (made.is_draft, made.num_recipients, made.list.id) == (True, 3, number)
    with pytest.raises(ApiException) as refused:
        api.cancel_newsletter(made.id)
    assert refused.value.status == 400
    assert api.send_newsletter(
        made.id, config=sdk.NewsletterSend(send_date="2099-01-01T10:00:00Z")
    ).is_scheduled
    assert api.cancel_newsletter(made.id).is_draft
    api.send_newsletter(made.id)
    until(lambda: api.get_newsletter_by_id(made.id).is_sent)
    page = api.get_newsletters(page=1, per_page=10, type="sent")
    assert (page.meta.total, page.data[0].subject, page.meta.next_page) == (1, "Subject", None)


def test_the_rest(client: sdk.ApiClient, sandbox_server: Any) -> None:
    seed(sandbox_server, lists=1, forms=[{"name": "F"}], pages=[{"name": "P"}])
    accounts, hooks = sdk.AccountApi(client), sdk.WebhookApi(client)
    hook = hooks.create_webhook(
        sdk.WebhookCreation(callback_url="http://127.0.0.1:9/x", topic="contacts/subscribed")
    )
    embed = sdk.Embed(session_type="newsletters", user_ip="192.0.2.1")

    assert accounts.get_account_by_username("me").username == ACCOUNT
    assert accounts.update_account(ACCOUNT).username == ACCOUNT
    assert hook.secret
    hooks.delete_webhook(hook.id)
    assert [row.name for row in sdk.TemplateApi(client).get_templates()] == ["Plain"]
    assert sdk.FormApi(client).get_forms(is_published=True, _preload_content=False).status == 200
    assert sdk.PageApi(client).get_page_by_id(1).slug == "p"
    assert "<script" in sdk.EmbedApi(client).create_embed_session(embed)


def test_the_demo_account_is_readable_whole(client: sdk.ApiClient, url: str) -> None:
    client.configuration.access_token = fresh_token(url, "sandbox-demo")

    assert len(sdk.ContactApi(client).get_contacts()) >= 544
    assert len(sdk.ListApi(client).get_lists()) >= 4
    assert sdk.NewsletterApi(client).get_newsletters().meta.total >= 6
