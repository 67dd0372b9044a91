"""The pages of suppressions and consents: by hand, found, opened, lifted; roles, foreign workspaces, hostile text."""

import re
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry, MirrorKind, MirrorRow
from audiences import queries, services
from audiences.models import Consent, Contact, Suppression
from audiences.queries.counting import Count
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ADD = "/w/acme/suppressions/add/"
HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
def ana(workspace):
    return ContactFactory(workspace=workspace, email="ana@example.org", first_name="Ana", last_name="A")


def moment(at):
    return timezone.localtime(at).strftime("%Y-%m-%dT%H:%M")


def pattern(workspace, text="*@example.org"):
    fact = services.Fact(text, "by_hand", timezone.now() - 5 * DAY, {"reason": "Legal"})
    services.suppress_patterns(workspace=workspace, connection=None, facts=[fact])
    return Suppression.objects.get(email=text, is_pattern=True)


# By hand


def test_entries_are_shown_with_their_people_before_they_hold(browse, workspace, ana):
    ContactFactory(workspace=workspace, email="info@mail.example")
    ContactFactory(workspace=WorkspaceFactory(), email="else@example.org")
    SuppressionFactory(contact=ContactFactory(workspace=workspace, email="ben@example.org"))
    client = browse("editor")
    typed = {"entries": "Example.org\ninfo@*\nnew@x.example\nana@example.org", "reason": "Legal"}

    page = client.post(ADD, typed)

    found = page.context["found"]
    assert [(entry.email, people, known, is_known) for entry, people, known, is_known in found.rows] == [
        ("*@example.org", 2, 1, False), ("info@*", 1, 0, False), ("new@x.example", 0, 0, False),
        ("ana@example.org", 1, 0, False),
    ]  # fmt: skip
    assert (found.people, found.new) == (3, 2)
    assert not Suppression.objects.filter(created_by__isnull=False).exists()

    # Other entries than those shown are shown first.
    again = client.post(ADD, typed | {"entries": "x.example", "previewed": page.context["previewed"]})
    assert [entry.email for entry, *_ in again.context["found"].rows] == ["*@x.example"]

    reply = client.post(ADD, typed | {"previewed": page.context["previewed"]})
    assert reply.url == "/w/acme/suppressions/"
    assert queries.is_suppressed(ana)
    assert sorted(
        Suppression.objects.filter(evidence={"reason": "Legal"}).values_list("email", "is_pattern", "reason")
    ) == [
        ("*@example.org", True, "by_hand"), ("ana@example.org", False, "by_hand"), ("info@*", True, "by_hand"),
        ("new@x.example", False, "by_hand"),
    ]  # fmt: skip
    assert ActivityEntry.objects.get().sentence == "Suppressed by hand: 2 addresses, 2 patterns."
    # Pressed twice, nothing is news.
    assert (
        "by hand before"
        in client.post(ADD, typed | {"previewed": page.context["previewed"]}).content.decode()
    )


def test_each_bad_line_is_told_and_nothing_typed_is_lost(browse, workspace):
    text = f"good@example.org\nnobody\n*\nünal@x.org\n{HOSTILE}\nx@y.example; @z.example"
    page = browse("editor").post(ADD, {"entries": text, "reason": "Legal"})
    assert page.status_code == 422
    assert page.context["form"]["entries"].value() == text
    assert page.context["form"].errors["entries"] == [
        "Line 2: “nobody” is no address, no domain and no pattern.",
        "Line 3: “*” is no pattern: one stands for all of a domain, *@example.com, or of a name, name@*.",
        "Line 4: “ünal@x.org” has letters before the @ that many mail servers do not take.",
        f"Line 5: “{HOSTILE}” is no address, no domain and no pattern.",
    ]
    assert "<script>alert" not in page.content.decode()
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"entries": "a@x.example", "reason": " "}, "reason"), ({"entries": " \n ,", "reason": "x"}, "entries"),
     ({"entries": "\n".join(f"p{n}@x.example" for n in range(1001)), "reason": "x"}, "entries")],
)  # fmt: skip
def test_a_reason_and_a_bearable_number_of_entries_are_asked_for(typed, field, browse):
    page = browse("editor").post(ADD, typed)
    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])


def test_a_word_about_one_person_is_news_though_a_pattern_caught_them(browse, workspace, ana):
    pattern(workspace)
    typed = {"entries": "ana@example.org", "reason": "Asked by phone"}
    client = browse("editor")
    page = client.post(ADD, typed)
    assert page.context["found"].rows[0][3] is False
    assert client.post(ADD, typed | {"previewed": page.context["previewed"]}).status_code == 302
    assert Suppression.objects.get(contact=ana).evidence == {"reason": "Asked by phone"}


# Found and opened


def test_filters_stand_in_the_address(browse, workspace, ana):
    account = ConnectionFactory(workspace=workspace, name="Brevo")
    now = timezone.now()
    pattern(workspace, "*@gone.example")
    for email, values in {
        "left@x.example": {"connection": account, "at": now - 30 * DAY},
        "spam@x.example": {"reason": "complained", "at": now - 2 * DAY},
        "back@x.example": {"at": now - 9 * DAY, "lifted_at": now},
    }.items():
        SuppressionFactory(contact=ContactFactory(workspace=workspace, email=email), **values)

    def found(**filters):
        page = browse("editor").get("/w/acme/suppressions/", filters)
        return sorted(address for _, address, *_ in page.context["rows"])

    assert found() == ["*@gone.example", "left@x.example", "spam@x.example"]
    assert found(reason="complained") == ["spam@x.example"]
    assert found(account=account.pk) == ["left@x.example"]
    assert found(kind="patterns") == ["*@gone.example"]
    assert found(kind="addresses", q="x.ex") == ["left@x.example", "spam@x.example"]
    assert found(state="lifted") == ["back@x.example"]
    assert len(found(state="all")) == 4
    since, until = ((now - days * DAY).date().isoformat() for days in (10, 1))
    assert found(since=since, until=until) == ["*@gone.example", "spam@x.example"]
    assert found(state="all", since=since, until=until) == [
        "*@gone.example",
        "back@x.example",
        "spam@x.example",
    ]
    assert found(since="nonsense") == found(kind="x") == found(state="y") == []


def test_the_newest_told_come_first_page_by_page(browse, workspace, monkeypatch):
    monkeypatch.setattr(sys.modules["audiences.queries.suppressions"], "PAGE", 2)
    now = timezone.now()
    for name, days in (("old", 9), ("newest", 1), ("same1", 5), ("same2", 5), ("oldest", 30)):
        contact = ContactFactory(workspace=workspace, email=f"{name}@x.example")
        SuppressionFactory(contact=contact, at=now - days * DAY)
    client, seen, older = browse("editor"), [], ""
    while older is not None:
        page = client.get("/w/acme/suppressions/", {"before": older})
        seen.append([address.partition("@")[0] for _, address, *_ in page.context["rows"]])
        older = page.context["older"]

    assert seen == [["newest", "same2"], ["same1", "old"], ["oldest"]]


def test_the_page_says_how_many_there_are(browse, workspace, ana, monkeypatch):
    """At once where that is quick; else at least how many, and exactly after the page, with its filters."""
    monkeypatch.setattr(sys.modules["audiences.queries.suppressions"], "PAGE", 1)
    for number in range(3):
        SuppressionFactory(contact=ContactFactory(workspace=workspace, email=f"p{number}@x.example"))
    SuppressionFactory(contact=ana, reason="complained")
    client, url = browse("viewer"), "/w/acme/suppressions/"

    def seen(address):
        page = client.get(address).content.decode()
        return re.findall(r">([^<>]*) suppressions?</span>", page) + re.findall(
            r'hx-get="([^"]+)" hx-trigger="load, count-again', page
        )

    assert seen(url) == ["4"]
    assert seen(f"{url}?reason=complained") == ["1"]

    monkeypatch.setattr("audiences.queries.counting.COUNT_CAP", 2)
    asked = f"{url}count/?reason=unsubscribed"
    assert seen(f"{url}?reason=unsubscribed") == ["more than 2", asked]
    assert seen(asked) == ["3"]

    monkeypatch.setattr(
        "audiences.queries.counting.patiently", lambda exactly, roughly: Count(roughly(), "about")
    )
    assert seen(asked)[0].startswith("about ")


def test_a_suppression_opens_with_its_evidence_and_its_person(browse, workspace, ana):
    account = ConnectionFactory(workspace=workspace, name="Brevo")
    row = SuppressionFactory(contact=ana, connection=account, evidence={"said": HOSTILE}, reason="complained")
    other = SuppressionFactory(contact=ana, lifted_at=timezone.now())
    page = browse("editor").get(f"/w/acme/suppressions/{row.pk}/").content.decode()
    for text in (
        "Complained",
        "Brevo",
        "&lt;script&gt;",
        f"/w/acme/contacts/{ana.pk}/",
        f"/suppressions/{other.pk}/",
    ):
        assert text in page
    assert "<script>alert" not in page
    assert 'data-dialog="lift"' not in page
    hidden = browse("viewer").get(f"/w/acme/suppressions/{row.pk}/").content.decode()
    assert "ana@example.org" not in hidden


def test_what_is_foreign_looks_like_nothing(browse, workspace):
    row = SuppressionFactory(at=timezone.now() - DAY)
    client = browse("admin")
    assert client.get(f"/w/acme/suppressions/{row.pk}/").status_code == 404
    assert client.post(f"/w/acme/suppressions/{row.pk}/lift/", {}).status_code == 404
    assert client.post(f"/w/acme/contacts/{row.contact_id}/consents/", {}).status_code == 404
    row.refresh_from_db()
    assert row.lifted_at is None


@pytest.mark.parametrize(
    ("path", "role"), [("add/", "editor"), ("import/", "editor"), ("{row}/lift/", "approver")]
)
def test_who_may_not_is_refused(path, role, browse, workspace, ana):
    row = SuppressionFactory(contact=ana)
    below = {"editor": "viewer", "approver": "editor"}[role]
    assert browse(below).post(f"/w/acme/suppressions/{path.format(row=row.pk)}").status_code == 403
    assert b'href="/w/acme/suppressions/add/"' not in browse("viewer").get("/w/acme/suppressions/").content


def test_a_page_costs_the_same_with_one_row_and_with_three(browse, workspace, ana):
    client = browse("approver")
    first = SuppressionFactory(contact=ana, evidence={"campaign_id": 1, "said": "by our page"})

    def cost(url):
        client.get(url)
        with CaptureQueriesContext(connection) as queries_of:
            assert client.get(url).status_code == 200
        return len(queries_of)

    urls = ["/w/acme/suppressions/", f"/w/acme/suppressions/{first.pk}/", f"/w/acme/contacts/{ana.pk}/"]
    services.record_consent(
        contact=ana, by=client_user(client), purpose="tracking", kind="given", source="x", at=timezone.now()
    )
    costs = [cost(url) for url in urls]
    for number in range(2):
        SuppressionFactory(
            contact=ana, connection=ConnectionFactory(workspace=workspace), evidence={"campaign_id": number}
        )
        services.record_consent(
            contact=ana, by=client_user(client), purpose="mail", kind="given", source="x", at=timezone.now()
        )
    assert [cost(url) for url in urls] == costs


def client_user(client):
    from accounts.models import User

    return User.objects.get(pk=client.session["_auth_user_id"])


def test_the_block_of_an_address_that_was_merged_away_leads_to_who_has_it(browse, workspace, ana, by):
    other = ContactFactory(workspace=workspace, email="anna@example.org", first_name="Ana", last_name="A")
    versions = (ana.version, other.version)
    services.merge_people(kept=ana, other=other, by=by, picks={}, versions=versions)
    row = Suppression.objects.get()
    link = f'<a href="/w/acme/contacts/{ana.pk}/"><bdi>{{}}</bdi></a>'
    for url in ("/w/acme/suppressions/", f"/w/acme/suppressions/{row.pk}/"):
        page = browse("editor").get(url).content.decode()
        assert link.format("Ana A") in page
        assert "the person was merged into another" in page
    assert "Nobody here has this address" not in page
    Contact.objects.update(first_name="", last_name="")
    page = browse("viewer").get(f"/w/acme/suppressions/{row.pk}/").content.decode()
    assert link.format("a…@e…") in page


# Lifted


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
    assert "whose own blocks hold" in page
    told = {"reason": "A slip", "consent_source": "Letter", "agreed_at": moment(timezone.now())}
    reply = client.post(f"/w/acme/suppressions/{row.pk}/lift/", told, follow=True)

    assert reply.redirect_chain[0][0] == f"/w/acme/contacts/{ana.pk}/"
    assert "their own blocks hold" in reply.content.decode()
    assert [one.email for one in Suppression.objects.filter(lifted_at=None)] == [ana.email]


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


# Consents


def test_a_consent_is_recorded_by_pages(browse, workspace, ana):
    news = ListFactory(workspace=workspace, name="News")
    foreign = ListFactory()
    client = browse("editor")
    url = f"/w/acme/contacts/{ana.pk}/consents/"
    typed = {
        "purpose": "mail", "kind": "withdrawn", "source": HOSTILE, "at": moment(timezone.now() - DAY),
        "wording": "No more", "on_list": "",
    }  # fmt: skip
    for wrong, field in (({"at": ""}, "at"), ({"source": ""}, "source"), ({"on_list": foreign.pk}, "on_list"),
                         ({"at": moment(timezone.now() + DAY)}, "at"), ({"purpose": "x"}, "purpose")):  # fmt: skip
        refused = client.post(url, typed | wrong)
        assert (refused.status_code, list(refused.context["consent"].errors)) == (422, [field])
    assert not Consent.objects.exists()

    assert client.post(url, typed | {"on_list": news.pk}).url == f"/w/acme/contacts/{ana.pk}/"
    assert client.post(url, typed | {"purpose": "tracking"}).status_code == 302
    page = client.get(f"/w/acme/contacts/{ana.pk}/").content.decode()
    for text in ("must not be counted", "Taken back", "&lt;script&gt;", "“No more”", "News"):
        assert text in page
    assert not queries.is_suppressed(ana)
    assert client.post(url, typed).status_code == 302
    assert queries.is_suppressed(ana)
    assert browse("viewer").post(url, typed).status_code == 403
    assert b"Record a consent" not in browse("viewer").get(f"/w/acme/contacts/{ana.pk}/").content


def test_viewers_see_no_address_in_what_was_written_down(browse, workspace, ana, member):
    by = member("approver")
    row = SuppressionFactory(contact=ana, at=timezone.now() - DAY)
    services.lift(
        suppression=row, by=by, reason="ana@example.org wrote", consent_source="Mail of ana@example.org",
        consent_wording="to ana@example.org", agreed_at=timezone.now(),
    )  # fmt: skip
    for path in (f"contacts/{ana.pk}/", f"suppressions/{row.pk}/"):
        assert browse("editor").get(f"/w/acme/{path}").content.decode().count("ana@example.org") > 2
        assert "ana@example.org" not in browse("viewer").get(f"/w/acme/{path}").content.decode()
