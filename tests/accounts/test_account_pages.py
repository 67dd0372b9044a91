"""What the pages of an account say it can do, and what becomes of it by their buttons."""

import re

import pytest
from django.utils.html import escape

from accounts import outbox
from accounts.models import (
    OutboxEntry,
)
from accounts.providers import PROVIDERS, provider_class
from accounts.providers.base import Effect
from accounts.queries import CAPABILITIES
from tests.factories import (
    ConnectionFactory,
)
from tests.helpers import shown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh")]


def test_what_each_account_can_do_is_compared_in_one_table(browse):
    html = browse("viewer").get("/w/acme/connections/capabilities/").content.decode()

    assert html.count("<table") == 1
    heads = re.findall(r'<th scope="col">([^<]+)</th>', html)
    assert heads[1:] == [provider_class(slug).name for slug in PROVIDERS]
    assert html.count('<th scope="row" ') == sum(len(labels) for labels in CAPABILITIES.values())
    for slug in PROVIDERS:
        capabilities = provider_class(slug).capabilities
        for labels in CAPABILITIES.values():
            for flag in labels:
                if not getattr(capabilities, flag):
                    sentence = escape(capabilities.sentence(flag))
                    assert re.search(
                        rf'<details class="answer" data-can="no">.*?<p>{re.escape(sentence)}</p>', html
                    )
    assert (
        'href="/w/acme/connections/capabilities/"'
        in browse("viewer").get("/w/acme/connections/").content.decode()
    )


def test_an_accounts_own_list_begins_each_group_with_what_it_can(browse, workspace):
    connection = ConnectionFactory(workspace=workspace, provider="leadfox")

    html = browse("viewer").get(f"/w/acme/connections/{connection.pk}/").content.decode()

    groups = re.findall(r'<section class="capabilities__group">.*?</section>', html, re.DOTALL)
    told = [re.findall(r'data-can="(\w+)"', group) for group in groups]
    assert [re.search(r"\w+ of \d+", group)[0] for group in groups] == [
        f"{answers.count('yes')} of {len(labels)}"
        for answers, labels in zip(told, CAPABILITIES.values(), strict=True)
    ]
    assert [answers.index("no") for answers in told] == [answers.count("yes") for answers in told]


@pytest.mark.parametrize(
    ("slug", "listed", "tab"),
    [
        ("brevo", "not registered", "Register the webhook"),
        ("leadfox", "read at intervals", "Leadfox tells nothing by itself."),
    ],
)
def test_an_account_that_tells_nothing_is_not_asked_to(browse, workspace, slug, listed, tab):
    connection = ConnectionFactory(workspace=workspace, provider=slug)
    client = browse("admin")

    assert listed in shown(client.get("/w/acme/connections/"))
    events = shown(client.get(f"/w/acme/connections/{connection.pk}/?tab=events"))
    assert tab in events
    assert ("Register the webhook" in events) is (slug == "brevo")


def test_where_no_limits_are_published_the_page_says_so(browse, workspace):
    connection = ConnectionFactory(workspace=workspace, provider="emailcampaigns")

    page = browse("viewer").get(f"/w/acme/connections/{connection.pk}/?tab=limits")

    assert "Email Campaigns publishes no limits on calls" in shown(page)


def test_buttons_answer_with_a_sentence(browse, workspace):
    connection = ConnectionFactory(workspace=workspace, name="Main")
    client = browse("admin")

    def press(action, **data):
        page = client.post(f"/w/acme/connections/{connection.pk}/{action}/", data, follow=True)
        return page.content.decode()

    assert "Main is paused" in press("pause")
    assert "nothing to pause" in press("pause")
    assert "Main is at work again" in press("resume")
    assert "The pull of Main has begun" in press("pull")
    assert "already running" in press("pull")
    assert "stops after the page under way" in press("pull/cancel")
    assert "being read again" in press("check")
    assert "cannot reach" in press("webhook") or "being asked" in press("webhook")
    assert "Other" in press("rename", name="Other")
    assert "letters is needed" in press("rename", name="")
    assert "Other is disconnected" in press("disconnect")
    assert "not connected" in press("disconnect")


def test_set_aside_work_is_tried_again_from_the_log(browse, workspace):
    connection = ConnectionFactory(workspace=workspace)
    entry = outbox.record(
        task="audiences.push", subject=connection, connection=connection, effect=Effect.CONVERGE
    )
    OutboxEntry.objects.update(state="set_aside", note="The list is gone.")
    client = browse("editor")
    log = client.get(f"/w/acme/connections/{connection.pk}/?tab=log").content.decode()
    assert "The list is gone." in log

    page = client.post(f"/w/acme/connections/{connection.pk}/log/{entry.pk}/retry/", follow=True)

    assert "tried again now" in page.content.decode()
    entry.refresh_from_db()
    assert entry.state == OutboxEntry.State.WAITING
