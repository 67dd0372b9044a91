"""The pages of suppressions and consents: by hand, found, opened; roles, foreign workspaces, hostile text."""

import re
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry
from audiences import queries, services
from audiences.models import Consent, Contact, FormerAddress, Suppression
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


def test_an_address_that_somebody_had_before_counts_them_once_as_the_deed_does(browse, workspace, ana):
    ben = ContactFactory(workspace=workspace, email="ben@example.org")
    # Somebody new has one of them.
    ContactFactory(workspace=workspace, email="taken@old.test")
    for contact, email in ((ana, "ana@old.test"), (ana, "a@old.test"), (ben, "taken@old.test")):
        FormerAddress.objects.create(workspace=workspace, contact=contact, email=email)
    typed = {"entries": "ana@old.test\na@old.test\nana@example.org\ntaken@old.test", "reason": "Legal"}
    client = browse("editor")

    page = client.post(ADD, typed)

    found = page.context["found"]
    assert [(people, known) for _, people, known, _ in found.rows] == [(1, 0), (1, 0), (1, 0), (1, 0)]
    assert (found.people, found.new) == (2, 2)
    # A pattern catches nobody by an address they had.
    assert client.post(ADD, typed | {"entries": "a@*"}).context["found"].people == 0
    client.post(ADD, typed | {"previewed": page.context["previewed"]})
    assert (queries.is_suppressed(ana), queries.is_suppressed(ben)) == (True, False)


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
    assert "Not done yet: 4 things need a look" in page.content.decode()
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
