"""The pages that lift: a person, an address that went into one, a pattern with its people."""

import re

import pytest
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow
from audiences import queries, services
from audiences.models import Contact, Suppression
from audiences.queries import patterns
from tests.audiences.test_suppression_pages import ADD, DAY, moment, pattern
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(workspace):
    return ContactFactory(workspace=workspace, email="ana@example.org", first_name="Ana", last_name="A")


def test_a_person_is_lifted_by_pages_and_the_page_says_who_still_refuses_them(browse, workspace, ana):
    account = ConnectionFactory(workspace=workspace, name="Shop account")
    MirrorRow.objects.create(
        connection=account, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="7", theirs={"blocked": True}
    )  # fmt: skip
    row = SuppressionFactory(
        contact=ana, connection=account, at=timezone.now() - 3 * DAY, reason="complained"
    )
    client = browse("approver")
    page = client.get(f"/w/acme/contacts/{ana.pk}/").content.decode()
    assert f'action="/w/acme/suppressions/{row.pk}/lift/"' in page
    typed = {
        "reason": "She wrote to us", "consent_source": "Letter", "agreed_at": moment(timezone.now() - DAY), "typed": "no",
    }  # fmt: skip

    refused = client.post(f"/w/acme/suppressions/{row.pk}/lift/", typed)
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["typed"])
    assert refused.context["form"]["consent_source"].value() == "Letter"
    assert "data-open" in refused.content.decode()

    reply = client.post(f"/w/acme/suppressions/{row.pk}/lift/", typed | {"typed": "ana@example.org"})
    assert reply.url == f"/w/acme/contacts/{ana.pk}/"
    assert not queries.is_suppressed(ana)
    page = client.get(reply.url).content.decode()
    for text in ("May be written to again", "Still refuses them", "Letter", "To be written to"):
        assert text in page
    ended = client.get(f"/w/acme/suppressions/{row.pk}/").content.decode()
    for text in ("How it ended", "She wrote to us", "as approver", "Letter"):
        assert text in ended


def test_the_dialog_of_an_address_that_went_into_a_person_names_its_own_block_alone(
    browse, workspace, ana, member
):
    other = ContactFactory(workspace=workspace, email="other@example.org")
    SuppressionFactory(contact=other, at=timezone.now() - 3 * DAY, reason="unsubscribed")
    services.merge_people(kept=ana, other=other, by=member("editor"), picks={}, versions=(1, 1))
    row = Suppression.objects.get(email=other.email)
    client = browse("approver")

    page = client.get(f"/w/acme/suppressions/{row.pk}/").content.decode()
    assert "This block ends: left" in page
    assert "whose own blocks, if there are any, hold" in page
    told = {"reason": "A slip", "consent_source": "Letter", "agreed_at": moment(timezone.now())}
    reply = client.post(f"/w/acme/suppressions/{row.pk}/lift/", told, follow=True)

    assert reply.redirect_chain[0][0] == f"/w/acme/contacts/{ana.pk}/"
    assert "their own blocks hold" in reply.content.decode()
    assert [one.email for one in Suppression.objects.filter(lifted_at=None)] == [ana.email]


def test_of_a_person_who_was_never_suppressed_only_the_freed_address_is_told(browse, workspace, ana, member):
    other = ContactFactory(workspace=workspace, email="other@example.org")
    services.merge_people(kept=ana, other=other, by=member("editor"), picks={}, versions=(1, 1))
    row = Suppression.objects.get()
    Suppression.objects.update(at=timezone.now() - DAY)
    told = {"reason": "A slip", "consent_source": "Letter", "agreed_at": moment(timezone.now())}

    reply = browse("approver").post(f"/w/acme/suppressions/{row.pk}/lift/", told, follow=True)

    text = reply.content.decode()
    assert "Lifted. Only the address is freed, which this person had before." in text
    assert "Campaigns reach this person again" not in text


def test_a_pattern_is_lifted_with_the_number_of_people_offered(browse, workspace, ana):
    row = pattern(workspace)
    client = browse("approver")
    page = client.get(f"/w/acme/suppressions/{row.pk}/").content.decode()
    assert "1 person with such an address stays" in page
    assert "1 person has one</a>" in page
    assert "Then their consent is needed: where it comes from, and when they agreed." in page
    assert 'data-needs="consent_source agreed_at typed"' in page
    assert page.count('class="field__optional"') == 2
    url = f"/w/acme/suppressions/{row.pk}/lift/"
    refused = client.post(url, {"reason": "A slip", "people": "on"})
    assert (refused.status_code, sorted(refused.context["form"].errors)) == (
        422,
        ["agreed_at", "consent_source"],
    )
    # What was refused as missing is no longer called optional.
    assert 'class="field__optional"' not in refused.content.decode()
    assert "When did they agree?" in refused.content.decode()
    told = {
        "reason": "A slip",
        "people": "on",
        "consent_source": "2024 form",
        "agreed_at": moment(timezone.now() - DAY),
    }
    assert client.post(url, told).url == f"/w/acme/suppressions/{row.pk}/"
    assert not queries.is_suppressed(ana)
    assert "pattern" not in Contact.objects.get().email


@pytest.mark.parametrize("is_alone", [True, False])
def test_the_dialog_of_a_pattern_counts_whom_it_holds_under_another_address(
    is_alone, browse, workspace, ana, member
):
    if not is_alone:
        ContactFactory(workspace=workspace, email="bea@example.org")
    row = pattern(workspace)
    services.edit_person(
        contact=ana, by=member("editor"), email="ana@new.test", fields={}, seen={}, version=0
    )
    client = browse("approver")
    stay = "1 person stays suppressed" if is_alone else "2 people stay suppressed"
    freed = "1 person is no longer" if is_alone else "2 people are no longer"

    page = client.get(f"/w/acme/suppressions/{row.pk}/").content.decode()

    assert "1 more is held by it under another address" in page
    assert f"{stay} by name, 1 of them under another address now, unless you tick the box below." in page
    assert "Where their consent comes from" in page
    told = {
        "reason": "A slip", "people": "on", "consent_source": "Form", "agreed_at": moment(timezone.now() - DAY),
    }  # fmt: skip
    reply = client.post(f"/w/acme/suppressions/{row.pk}/lift/", told, follow=True)
    assert freed in reply.content.decode()


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ({}, "Lifted. The pattern catches nobody new. Whom it caught before stays suppressed."),
        (
            {"people": "on", "consent_source": "2024 form", "agreed_at": "2099"},
            "Lifted. The pattern catches nobody new. 1 person is no longer suppressed by it.",
        ),
    ],
)
def test_a_lifted_pattern_says_who_is_freed(people, said, browse, workspace, ana):
    row = pattern(workspace)
    held = "1 person who is no longer suppressed by it" if people else "1 person who stays suppressed by name"
    if people:
        people |= {"agreed_at": moment(timezone.now() - DAY)}
    client = browse("approver")
    reply = client.post(f"/w/acme/suppressions/{row.pk}/lift/", {"reason": "A slip"} | people, follow=True)
    text = reply.content.decode()
    assert (said in text, held in text) == (True, True)
    ana.delete()
    Suppression.objects.filter(is_pattern=False).delete()
    assert "It holds nobody any more." in client.get(f"/w/acme/suppressions/{row.pk}/").content.decode()


def test_a_pattern_of_too_many_people_is_shown_and_lifted_without_their_number(
    browse, workspace, ana, monkeypatch
):
    row = pattern(workspace)
    monkeypatch.setattr(patterns, "_ALIKE", "select pg_sleep(1), 0, 0, 0")
    monkeypatch.setattr(patterns, "PATIENT_SECONDS", 0.05)
    client = browse("approver")

    page = client.get(f"/w/acme/suppressions/{row.pk}/").content.decode()

    assert "More people</a> than can be counted at once" in page
    assert "Whom it caught stays suppressed by name, unless you tick the box below." in page
    told = {"people": "on", "consent_source": "2024 form", "agreed_at": moment(timezone.now() - DAY)}
    client.post(f"/w/acme/suppressions/{row.pk}/lift/", {"reason": "A slip"} | told)
    assert not queries.is_suppressed(ana)


@pytest.mark.parametrize(
    ("typed", "like", "unlike"),
    [
        ("*@p.example", ["a@p.example", "b@p.example", "c@p.example"], ["a@x.p.example", "a@p.example.org"]),
        ("in_o@*", ["in_o@a.example", "in_o@b.example", "in_o@c.example"], ["my-in_o@a.example", "info@a.example"]),
    ],
)  # fmt: skip
def test_a_pattern_has_one_number_of_people_before_and_after_and_its_links_find_them(
    typed, like, unlike, browse, workspace
):
    people = [ContactFactory(workspace=workspace, email=email) for email in like + unlike]
    for person in (people[0], people[3]):
        SuppressionFactory(contact=person, at=timezone.now() - 5 * DAY)
    client = browse("approver")

    def found(link):
        return sorted(row[1] for row in client.get(link).context["rows"])

    page = client.post(ADD, {"entries": typed, "reason": "Legal"})
    links = re.findall(r'href="(/w/acme/contacts/\?matches=[^"]+)">(\d+)<', page.content.decode())
    assert [(found(link.replace("&amp;", "&")), number) for link, number in links] == [
        (like, "3"), (like[:1], "1"),
    ]  # fmt: skip

    client.post(ADD, {"entries": typed, "reason": "Legal", "previewed": page.context["previewed"]})
    row = Suppression.objects.get(is_pattern=True)
    services.lift(
        suppression=Suppression.objects.get(contact=people[1]), by=page.wsgi_request.user, reason="Asked",
        consent_source="Phone", agreed_at=timezone.now(),
    )  # fmt: skip
    text = client.get(f"/w/acme/suppressions/{row.pk}/").content.decode()

    links = re.findall(r'href="(/w/acme/contacts/\?matches=[^"]+)">([^<]+)<', text)
    assert [(found(link.replace("&amp;", "&")), said) for link, said in links] == [
        (like, "3 people have one"), (like[1:2], "1 of them mailable"),
    ]  # fmt: skip
    assert "1 of them suppressed for another reason too" in text
    assert "2 people with such addresses stay" in text


@pytest.mark.parametrize(("who", "asked"), [("viewer", "*@example.org"), ("editor", "ana@example.org")])
def test_nobody_is_found_by_what_is_no_pattern_or_may_not_be_asked(who, asked, browse, ana):
    page = browse(who).get("/w/acme/contacts/", {"matches": asked})
    assert (page.context["rows"], page.context["notes"]) == (
        [], [f"“{asked}” is no pattern to find people by."],
    )  # fmt: skip


def test_a_pattern_with_a_complaint_is_typed_to_free_its_people(browse, workspace, ana):
    row = pattern(workspace)
    client, url = browse("approver"), f"/w/acme/suppressions/{row.pk}/"
    assert "Type the pattern" not in client.get(url).content.decode()
    Suppression.objects.filter(contact=ana).update(reason="complained")
    assert "Type the pattern" in client.get(url).content.decode()
    told = {
        "reason": "A slip", "people": "on", "consent_source": "2024 form", "agreed_at": moment(timezone.now() - DAY),
    }  # fmt: skip
    refused = client.post(f"{url}lift/", told)
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["typed"])
    assert client.post(f"{url}lift/", told | {"typed": row.email}).url == url
    assert not queries.is_suppressed(ana)
