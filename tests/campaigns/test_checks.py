"""Each thing that stands between a draft and its release is found, at its place, and nothing else is."""

import pytest
from django.utils import timezone

from accounts.models import Connection, MirrorKind, MirrorRow, Workspace
from audiences.models import Contact, Field, List, Subscription, Tag
from campaigns import checks
from campaigns.models import Campaign, SendingDomain
from tests.campaigns.segments import change_segment, make_segment, speaks
from tests.factories import (
    CampaignFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)

LEAVE = '<a href="{{ unsubscribe_url }}">Leave</a> {{ workspace.postal_address }}'


@pytest.fixture
def campaign(workspace):
    """A draft nothing can be said against."""
    campaign = CampaignFactory(workspace=workspace, preview_text="Bells at noon")
    MirrorRow.objects.create(
        connection=campaign.connection, kind=MirrorKind.SENDER, object_id=campaign.sender_id, remote_id="1",
        theirs={"is_active": True},
    )  # fmt: skip
    SendingDomain.objects.create(connection=campaign.connection, name="example.test", is_authenticated=True)
    subscription = SubscriptionFactory(list=ListFactory(workspace=workspace), contact__workspace=workspace)
    campaign.lists.add(subscription.list)
    return campaign


def findings(campaign: Campaign) -> list[tuple[str, str]]:
    fresh = Campaign.objects.select_related("workspace", "connection", "sender").get(pk=campaign.pk)
    return [(str(check.level), check.where) for check in checks.checks_of(fresh)]


def sentences(campaign: Campaign) -> list[str]:
    fresh = Campaign.objects.select_related("workspace", "connection", "sender").get(pk=campaign.pk)
    return [check.sentence for check in checks.checks_of(fresh)]


def change(row, **values):
    type(row)._default_manager.filter(pk=row.pk).update(**values)


def test_a_good_draft_has_no_findings(campaign):
    assert findings(campaign) == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"subject": " "}, ("blocker", "id_subject")),
        ({"subject": "long " * 20}, ("warning", "id_subject")),
        ({"subject": "{{ params.x }}"}, ("blocker", "id_subject")),
        ({"subject": "Hi {{ contact.nobody }}"}, ("blocker", "id_subject")),
        ({"preview_text": ""}, ("warning", "id_preview_text")),
        ({"sender": None}, ("blocker", "id_sender")),
        ({"html": ""}, ("blocker", "content")),
        ({"html": f"<p>{{% if x %}}</p>{LEAVE}"}, ("blocker", "id_html")),
        ({"html": "<p>Hi {{ workspace.postal_address }}</p>"}, ("blocker", "content")),
        ({"html": "<a href='{{ unsubscribe_url }}'>Leave</a>"}, ("blocker", "content")),
        ({"html": f"<img src='https://a.example.test/a.png'>{LEAVE}"}, ("warning", "id_html")),
        ({"html": f"<img src='http://a.example.test/a.png' alt='A'>{LEAVE}"}, ("warning", "id_html")),
        ({"html": f"<a href=''>x</a>{LEAVE}"}, ("blocker", "id_html")),
        ({"html": f"<a href='#'>x</a>{LEAVE}"}, ("blocker", "id_html")),
        ({"html": f"<a href='https://'>x</a>{LEAVE}"}, ("blocker", "id_html")),
        ({"html": f"<a href='https://example.com/x'>x</a>{LEAVE}"}, ("blocker", "id_html")),
        ({"html": f"<a href='javascript:x()'>x</a>{LEAVE}"}, ("blocker", "id_html")),
        ({"html": f"<a href='http://[x'>x</a>{LEAVE}"}, ("blocker", "id_html")),
        ({"html": f"<a href='http://a.example.test'>x</a>{LEAVE}"}, ("warning", "id_html")),
        ({"html": f"<a href='https://localhost:8000/x'>x</a>{LEAVE}"}, ("warning", "id_html")),
        ({"html": f"<a href='https://192.168.1.7/x'>x</a>{LEAVE}"}, ("warning", "id_html")),
        ({"html": f"<p>{'x' * 104_500}</p>{LEAVE}"}, ("warning", "content")),
    ],
)
def test_each_fault_is_found_at_its_place(campaign, values, found):
    change(campaign, **values)

    assert findings(campaign) == [found]


def test_no_account_is_a_blocker(campaign):
    change(campaign, connection=None)

    assert findings(campaign) == [("blocker", "id_connection")]


@pytest.mark.parametrize("status", [Connection.Status.PAUSED, Connection.Status.RECONNECT])
def test_an_account_that_is_not_ready_blocks(campaign, status):
    change(campaign.connection, status=status)

    assert findings(campaign) == [("blocker", "id_connection")]


@pytest.mark.parametrize("theirs", [{"is_active": False}, None])
def test_a_sender_the_account_does_not_confirm_blocks(campaign, theirs):
    MirrorRow.objects.filter(kind=MirrorKind.SENDER).update(theirs=theirs)

    assert findings(campaign) == [("blocker", "id_sender")]


def test_a_domain_that_is_unknown_or_not_authenticated_warns(campaign):
    SendingDomain.objects.update(is_authenticated=False)
    assert findings(campaign) == [("warning", "id_sender")]

    SendingDomain.objects.all().delete()
    assert findings(campaign) == [("warning", "id_sender")]


def test_a_workspace_without_an_address_blocks(campaign):
    change(campaign.workspace, postal_address=" \n ")

    assert findings(campaign) == [("blocker", "content")]


def test_an_address_written_out_counts(campaign):
    Workspace.objects.update(postal_address="Tower Street 1\nBrussels")
    change(campaign, html='Tower Street 1, Brussels <a href="{{ unsubscribe_url }}">Leave</a>')

    assert findings(campaign) == []


def test_nobody_to_write_to_blocks(campaign):
    subscription = Subscription.objects.get()
    SuppressionFactory(contact=subscription.contact)
    assert findings(campaign) == [("blocker", "id_lists")]

    campaign.lists.clear()
    assert findings(campaign) == [("blocker", "id_lists")]


def test_a_segment_that_reaches_somebody_is_an_audience(campaign):
    campaign.lists.clear()
    Contact.objects.update(language="fr")
    campaign.segments.add(make_segment(campaign.workspace, "French", speaks("fr")))

    assert findings(campaign) == []


def test_an_empty_segment_blocks_beside_a_list_of_people(campaign):
    campaign.segments.add(make_segment(campaign.workspace, "French", speaks("fr")))

    assert sentences(campaign) == ["Nobody is in the segment “French” now."]
    assert findings(campaign) == [("blocker", "id_segments")]


def test_a_segment_that_lost_its_tag_or_was_archived_blocks_by_its_name(campaign):
    tag = Tag.objects.create(workspace=campaign.workspace, name="VIP")
    has_not = {"kind": "tag", "of": tag.pk, "op": "has_not", "name": "VIP"}
    segment = make_segment(campaign.workspace, "Others", has_not)
    campaign.segments.add(segment)
    assert findings(campaign) == []

    tag.delete()
    campaign.lists.clear()
    assert sentences(campaign) == [
        "The segment “Others” cannot be worked out. The tag “VIP” is gone. Change the rule, then it can be worked out."
    ]

    change_segment(segment)
    change(segment, archived_at=timezone.now())
    assert sentences(campaign) == ["The segment “Others” is archived. Take it out, or bring it back."]


def test_an_archived_list_blocks_by_its_name(campaign):
    List.objects.update(name="News", archived_at=timezone.now())

    assert sentences(campaign) == ["The list “News” is archived. Take it out, or bring it back."]
    assert findings(campaign) == [("blocker", "id_lists")]


def test_a_rule_that_asks_for_an_archived_list_warns(campaign):
    on_it = {"kind": "list", "of": campaign.lists.get().pk, "op": "on"}
    inner = make_segment(campaign.workspace, "Inner", on_it)
    campaign.segments.add(
        make_segment(campaign.workspace, "Outer", {"kind": "segment", "of": inner.pk, "op": "in"})
    )
    List.objects.update(name="News", archived_at=timezone.now())
    campaign.lists.clear()

    assert findings(campaign) == [("warning", "id_segments")]
    assert sentences(campaign) == ["The segment “Outer” asks for what is archived: list “News”."]


def test_holes_are_counted_over_the_audience_in_one_statement(campaign, django_assert_num_queries):
    Field.objects.create(workspace=campaign.workspace, key="shoe_size", label="Shoe size")
    list_ = campaign.lists.get()
    Subscription.objects.update(status="unsubscribed")
    for first_name, custom in (("Ana", {"shoe_size": 41}), ("", {"shoe_size": ""}), ("", {})):
        contact = ContactFactory(workspace=campaign.workspace, first_name=first_name, custom=custom)
        SubscriptionFactory(list=list_, contact=contact)
    change(
        campaign,
        html=f"{{{{ contact.first_name }}}} {{{{ contact.shoe_size }}}} {{{{ contact.city|default:'x' }}}} {LEAVE}",
    )

    assert sentences(campaign) == [
        "2 people have no first name, and {{ contact.first_name }} has no fallback: they read a hole.",
        "2 people have no shoe size, and {{ contact.shoe_size }} has no fallback: they read a hole.",
    ]


def test_many_holes_are_counted_as_numbers_are_everywhere(campaign):
    list_ = campaign.lists.get()
    Subscription.objects.update(status="unsubscribed")
    people = Contact.objects.bulk_create(
        Contact(workspace=campaign.workspace, email=f"p{number}@x.test") for number in range(1000)
    )
    Subscription.objects.bulk_create(Subscription(list=list_, contact=contact) for contact in people)
    change(campaign, html=f"{{{{ contact.first_name }}}} {LEAVE}")

    assert sentences(campaign) == [
        "1\u00a0000 people have no first name, and {{ contact.first_name }} has no fallback: they read a hole."
    ]


def test_a_block_is_named_where_it_stands(campaign):
    change(
        campaign, form="blocks",
        blocks=[{"id": "b7", "type": "button", "label": "Go", "url": ""}, {"id": "f", "type": "footer", "text": ""}],
    )  # fmt: skip

    assert findings(campaign) == [("blocker", "block-b7")]


def test_checks_take_a_constant_number_of_queries(campaign, django_assert_max_num_queries):
    fresh = Campaign.objects.select_related("workspace", "connection", "sender").get(pk=campaign.pk)
    with django_assert_max_num_queries(10):
        checks.checks_of(fresh)

    for language in ("fr", "de", "nl"):
        campaign.segments.add(make_segment(campaign.workspace, language, speaks(language)))
    with django_assert_max_num_queries(13):
        checks.checks_of(fresh)
