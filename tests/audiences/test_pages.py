"""The pages of people, lists and suppressions."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry
from audiences import services
from audiences.models import Field, FormerAddress, List, Suppression
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

HOSTILE = "<script>alert(1)</script>\"'\u202e" + "long" * 40


def people(workspace, number, **values):
    return [ContactFactory(workspace=workspace, **values) for _ in range(number)]


def queries_of(client, url):
    client.get(url)
    with CaptureQueriesContext(database) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("path", ["contacts/", "lists/", "suppressions/"])
def test_list_pages_cost_the_same_for_one_row_and_three(path, workspace, browse):
    client = browse()
    connection = ConnectionFactory(workspace=workspace)

    def add():
        mine = ListFactory(workspace=workspace)
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.LIST, object_id=mine.pk, remote_id=str(mine.pk), theirs={}
        )
        contact = SubscriptionFactory(list=mine).contact
        SuppressionFactory(contact=contact, connection=connection)

    add()
    one = queries_of(client, f"/w/acme/{path}")
    add()
    add()
    assert queries_of(client, f"/w/acme/{path}") == one


def test_person_page_costs_the_same_for_one_row_and_three(workspace, browse):
    client = browse()
    contact = ContactFactory(workspace=workspace)

    def add():
        connection = ConnectionFactory(workspace=workspace)
        SubscriptionFactory(list=ListFactory(workspace=workspace), contact=contact)
        SuppressionFactory(contact=contact, connection=connection)
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.CONTACT, object_id=contact.pk, remote_id="7"
        )

    add()
    one = queries_of(client, f"/w/acme/contacts/{contact.pk}/")
    add()
    add()
    assert queries_of(client, f"/w/acme/contacts/{contact.pk}/") == one


@pytest.mark.parametrize(
    "path",
    ["contacts/{contact}/", "contacts/{contact}/suppress/", "lists/{list}/", "lists/{list}/growth/"],
)
def test_what_belongs_to_another_workspace_is_not_there(path, browse, workspace):
    other = WorkspaceFactory()
    url = path.format(contact=ContactFactory(workspace=other).pk, list=ListFactory(workspace=other).pk)
    client = browse()
    reply = client.post(f"/w/acme/{url}") if "suppress" in path else client.get(f"/w/acme/{url}")
    assert reply.status_code == 404


@pytest.mark.parametrize("path", ["contacts/", "contacts/{contact}/", "lists/{list}/", "suppressions/"])
def test_viewers_see_no_address(path, browse, workspace):
    contact = ContactFactory(workspace=workspace, email="ana@secret.test", first_name="Ana")
    mine = SubscriptionFactory(list=ListFactory(workspace=workspace), contact=contact).list
    SuppressionFactory(contact=contact, evidence={"said": "ana@secret.test is gone"})
    MirrorRow.objects.create(
        connection=ConnectionFactory(workspace=workspace), kind=MirrorKind.CONTACT, object_id=contact.pk,
        remote_id=contact.email,
    )  # fmt: skip
    contact.city = "or ana@secret.test"
    contact.save()
    url = f"/w/acme/{path.format(contact=contact.pk, list=mine.pk)}"

    assert b"ana@secret.test" in browse("editor").get(url).content
    seen = browse("viewer").get(url).content.decode()
    assert "ana@secret" not in seen
    assert "a…@s…" in seen


def test_viewers_cannot_guess_an_address_by_searching(browse, workspace):
    ContactFactory(workspace=workspace, email="ana@secret.test", first_name="Ana", last_name="Bell")
    viewer = browse("viewer")
    found_none = viewer.get("/w/acme/contacts/?q=secret").content
    assert (b"Nobody fits" in found_none, b"by the whole address only" in found_none) == (True, True)
    assert b"whole address" not in browse("editor").get("/w/acme/contacts/?q=nobody").content
    assert b"Ana Bell" in viewer.get("/w/acme/contacts/?q=bell").content
    assert b"Ana Bell" in viewer.get("/w/acme/contacts/?q=ana@secret.test").content


def test_hostile_text_stays_text(browse, workspace):
    connection = ConnectionFactory(workspace=workspace, name=HOSTILE[:100])
    contact = ContactFactory(
        workspace=workspace, first_name=HOSTILE[:200], city=HOSTILE[:120], custom={"x": HOSTILE}
    )
    mine = SubscriptionFactory(list=ListFactory(workspace=workspace, name=HOSTILE), contact=contact).list
    SuppressionFactory(contact=contact, connection=connection, evidence={"said": HOSTILE})
    client = browse()
    for path in ("contacts/", f"contacts/{contact.pk}/", "lists/", f"lists/{mine.pk}/", "suppressions/"):
        reply = client.get(f"/w/acme/{path}")
        assert reply.status_code == 200
        assert b"<script>alert" not in reply.content
        assert b"&lt;script&gt;alert" in reply.content


@pytest.mark.parametrize(
    "query",
    ["before=x", "before=9" * 40, "list=abc", "state=odd", "account=-1", "q=%00%00%00", "language=%00"],
)
def test_odd_addresses_of_pages_show_the_page(query, browse, workspace):
    assert browse().get(f"/w/acme/contacts/?{query}").status_code == 200


def test_search_finds_parts_of_address_and_name_and_takes_wildcards_as_they_are(browse, workspace):
    ContactFactory(workspace=workspace, email="ana.bell@tower.test", first_name="Ana", last_name="Bell")
    ContactFactory(workspace=workspace, email="ben@tower.test", first_name="Ben", last_name="100%")
    client = browse()

    def found(words):
        reply = client.get("/w/acme/contacts/", {"q": words})
        return [row[1] for row in reply.context["rows"]]

    assert found("tower") == ["ben@tower.test", "ana.bell@tower.test"]
    assert found("bell ana") == ["ana.bell@tower.test"]
    assert found("100%") == ["ben@tower.test"]
    assert found("%%%") == []
    assert found("an") == ["ben@tower.test", "ana.bell@tower.test"]


def test_search_finds_a_person_by_an_address_they_had_and_says_so(browse, workspace, by):
    ana = ContactFactory(workspace=workspace, email="ana@old.test", first_name="Ana", last_name="Bell")
    SubscriptionFactory(list=ListFactory(workspace=workspace), contact=ana)
    ContactFactory(workspace=workspace, email="ben@new.test")
    FormerAddress.objects.create(
        workspace=workspace, email="later@old.test", contact=ContactFactory(workspace=workspace)
    )
    services.edit_person(contact=ana, by=by, email="ana@new.test", fields={}, seen={}, version=1)
    pages = [
        "contacts/?q=Ana@OLD.test",
        f"lists/{List.objects.get().pk}/?q=ana@old.test",
        "search/?q=ana@old.test",
        "contacts/?q=na@old.",
    ]
    said = {
        role: [browse(role).get(f"/w/acme/{page}").content.decode() for page in pages]
        for role in ("editor", "viewer")
    }

    for html in said["editor"]:
        assert "ana@new.test" in html
        assert "ben@new.test" not in html
    assert ["formerly <bdi>ana@old.test</bdi>" in html for html in said["editor"]] == [
        True,
        True,
        False,
        True,
    ]
    assert "ana@new.test, formerly ana@old.test" in said["editor"][2]
    # Who may not see addresses finds nobody by a part of one.
    assert "Nobody fits" in said["viewer"].pop()
    for html in said["viewer"]:
        assert "Ana Bell" in html
        assert "formerly" not in html
        assert "ana@new" not in html
    for words in ("ana@new.test", "ana"):  # the present address says enough, and so does the name
        assert "formerly" not in browse("editor").get(f"/w/acme/contacts/?q={words}").content.decode()


def test_names_are_found_without_their_accents_and_with_them(browse, workspace):
    for number, (first, last) in enumerate(
        [("Güneş", "Muller"), ("GUNES", "Müller"), ("Ewa", "Łoś"), ("Jo", "STRASSE")]
    ):
        ContactFactory(workspace=workspace, email=f"p{number}@x.test", first_name=first, last_name=last)
    ListFactory(workspace=workspace, name="Zürich")
    workspace.tags.create(name="Zürich")
    client = browse()

    def found(words):
        return [row[1] for row in client.get("/w/acme/contacts/", {"q": words}).context["rows"]]

    both = ["p1@x.test", "p0@x.test"]
    assert [found(words) for words in ("günes", "GUNEŞ", "muller", "MÜLLER", "los", "straße")] == [
        both, both, both, both, ["p2@x.test"], ["p3@x.test"],
    ]  # fmt: skip
    # What LIKE takes for any letter, also wide or as marks alone, is only itself.
    assert [found(words) for words in ("gün_s", "％％％", "＿＿＿", "\u0301\u0301\u0301")] == [[], [], [], []]
    assert [row.mine.name for row in client.get("/w/acme/lists/?q=ZURI").context["rows"]] == ["Zürich"]
    assert [row.tag.name for row in client.get("/w/acme/tags/?q=zuri").context["rows"]] == ["Zürich"]
    assert client.get("/w/acme/search/?q=zurich").content.decode().count("Zürich") == 1


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_a_domain_is_found_by_the_letters_it_is_written_with(browse, workspace, role):
    ana = ContactFactory(workspace=workspace, email="ana@xn--strae-oqa.example")
    SuppressionFactory(contact=ana)
    client = browse(role)

    for page in ("contacts/", "suppressions/"):
        for words in ("ana@straße.example", "@STRASSE.example"):
            found = client.get(f"/w/acme/{page}", {"q": words}).context["rows"]
            assert len(found) == (words[0] == "a"), (page, words)


def test_an_address_somebody_had_is_looked_up_in_this_workspace_alone(browse, workspace):
    FormerAddress.objects.create(
        workspace=WorkspaceFactory(), email="ana@old.test", contact=ContactFactory(workspace=workspace)
    )
    assert browse().get("/w/acme/contacts/?q=ana@old.test").context["rows"] == []


@pytest.mark.parametrize("place", ["contacts/", "suppressions/", "lists/{}/"])
def test_fewer_than_three_letters_are_no_search_and_say_so(browse, workspace, place):
    mine = ListFactory(workspace=workspace)
    contact = ContactFactory(workspace=workspace)
    SubscriptionFactory(list=mine, contact=contact)
    SuppressionFactory(contact=contact)
    client, address = browse(), f"/w/acme/{place.format(mine.pk)}"

    for words in ("%", "_", "zz"):
        page = client.get(address, {"q": words})
        assert len(page.context["rows"]) == 1
        assert (
            "type at least three letters or digits. So far these words leave nothing out."
            in page.content.decode()
        )
        assert not page.context.get("chips")
    assert "at least three" not in client.get(address, {"q": "zzz"}).content.decode()


def test_filters_leave_who_fits(browse, workspace):
    ana = ContactFactory(workspace=workspace, email="ana@x.test", language="fr")
    ben = ContactFactory(workspace=workspace, email="ben@x.test", language="nl")
    mine = SubscriptionFactory(list=ListFactory(workspace=workspace), contact=ana).list
    SuppressionFactory(contact=ben)
    connection = ConnectionFactory(workspace=workspace)
    MirrorRow.objects.create(connection=connection, kind=MirrorKind.CONTACT, object_id=ben.pk, remote_id="1")
    client = browse()

    def found(**filters):
        return [row[1] for row in client.get("/w/acme/contacts/", filters).context["rows"]]

    assert found(language="fr") == ["ana@x.test"]
    assert found(state="suppressed") == ["ben@x.test"]
    assert found(state="mailable") == ["ana@x.test"]
    assert found(list=mine.pk) == ["ana@x.test"]
    assert found(list=mine.pk, status="unsubscribed") == []
    assert found(account=connection.pk) == ["ben@x.test"]
    assert found(list=mine.pk, language="fr", q="ana") == ["ana@x.test"]


def test_pages_go_on_where_the_last_one_ended(browse, workspace):
    made = people(workspace, 60)
    client = browse()
    first = client.get("/w/acme/contacts/").context
    second = client.get("/w/acme/contacts/", {"before": first["older"]}).context
    shown = [row[1] for row in [*first["rows"], *second["rows"]]]
    assert shown == [contact.email for contact in reversed(made)]
    assert second["older"] is None


def test_suppressing_by_hand_is_logged_and_says_why(browse, workspace):
    contact = ContactFactory(workspace=workspace)
    client = browse("editor")
    url = f"/w/acme/contacts/{contact.pk}/"

    assert client.post(f"{url}suppress/", {"reason": ""}).status_code == 422
    assert client.post(f"{url}suppress/", {"reason": "Asked by phone"}).status_code == 302

    row = Suppression.objects.get()
    assert (row.contact, row.reason, row.evidence) == (contact, "by_hand", {"reason": "Asked by phone"})
    assert ActivityEntry.objects.get().verb == "contact.suppressed"
    page = client.get(url).content.decode()
    assert "May not be written to since" in page
    assert "Asked by phone" in page
    assert client.post(f"{url}suppress/", {"reason": "Again"}).status_code == 422


def test_viewers_may_not_suppress(browse, workspace):
    contact = ContactFactory(workspace=workspace)
    assert (
        browse("viewer").post(f"/w/acme/contacts/{contact.pk}/suppress/", {"reason": "x"}).status_code == 403
    )
    assert not Suppression.objects.exists()
    assert not OutboxEntry.objects.exists()


def test_htmx_asks_for_the_people_alone(browse, workspace):
    people(workspace, 1)
    reply = browse().get("/w/acme/contacts/", headers={"HX-Request": "true", "HX-Target": "people"})
    assert reply.content.strip().startswith(b'<section id="people"')


def test_empty_pages_say_what_to_do(browse, workspace):
    client = browse()
    assert b"Connect an account" in client.get("/w/acme/contacts/").content
    assert b"Connect an account" in client.get("/w/acme/lists/").content
    assert b"Nobody is suppressed" in client.get("/w/acme/suppressions/").content


def test_dates_of_a_person_read_as_dates(browse, workspace):
    Field.objects.create(workspace=workspace, key="born", label="Birthday", kind=Field.Kind.DATE)
    contact = ContactFactory(workspace=workspace, custom={"born": "1982-11-15T00:00:00.000Z"})
    words = browse("viewer").get(f"/w/{workspace.slug}/contacts/{contact.pk}/").content.decode()
    assert "15 Nov 1982" in words
    assert "00:00:00" not in words


def test_who_left_by_our_page_left_by_the_link_in_a_campaign(browse, workspace):
    campaign = CampaignFactory(workspace=workspace, name="November news")
    contact = ContactFactory(workspace=workspace)
    evidence = {"event": "unsubscribed", "campaign_id": campaign.pk, "said": "by our page"}
    SuppressionFactory(contact=contact, evidence=evidence)

    page = " ".join(browse("viewer").get(f"/w/acme/contacts/{contact.pk}/").content.decode().split())
    assert "left, by the link in “November news”." in page
    for text in (page, browse("viewer").get("/w/acme/suppressions/").content.decode()):
        assert "The person left by the link in “November news”" in text
        assert "by our page" not in text
        assert "event “" not in text


def lead(client, contact):
    page = client.get(f"/w/acme/contacts/{contact.pk}/").content.decode()
    found = page[page.index('<p class="page-header__lead">') :].partition("</p>")[0]
    return " ".join(strip_tags(found).split())


def test_who_is_caught_by_a_pattern_reads_so_on_their_page(browse, workspace):
    account = ConnectionFactory(workspace=workspace, name="Brevo")
    for connection, says in (
        (None, "caught by the pattern *@x.test."),
        (account, "caught by the pattern *@x.test of Brevo."),
    ):
        contact = ContactFactory(workspace=workspace)
        SuppressionFactory(
            contact=contact, reason="by_hand", connection=connection, evidence={"pattern": "*@x.test"}
        )
        assert lead(browse("editor"), contact).endswith(f"suppressed by hand, {says}")
    assert "*…@x…" in lead(browse("viewer"), contact)


def test_who_left_a_list_is_told_apart_from_whom_nothing_speaks_against(browse, workspace):
    contact, client = ContactFactory(workspace=workspace), browse("viewer")
    assert (
        lead(client, contact) == "May be written to: nobody reported a leave, a complaint or a dead address."
    )

    said = []
    for name in "ABCD":
        left = ListFactory(workspace=workspace, name=name)
        SubscriptionFactory(contact=contact, list=left, status="unsubscribed")
        said.append(lead(client, contact))
    assert said == [
        "Not suppressed. Left the list A: gets nothing sent to that list.",
        "Not suppressed. Left the lists A and B: gets nothing sent to them.",
        "Not suppressed. Left the lists A, B and C: gets nothing sent to them.",
        "Not suppressed. Left 4 lists: gets nothing sent to them.",
    ]


def test_a_person_without_a_name_is_called_by_the_address_once(browse, workspace):
    for name, crumbs in (("", 1), ("Ana", 2)):
        contact = ContactFactory(workspace=workspace, first_name=name, last_name="")
        page = browse("editor").get(f"/w/acme/contacts/{contact.pk}/").content.decode()
        head = page[page.index('class="breadcrumbs"') : page.index('class="page-header__lead"')]
        assert (head.count(contact.email), head.count("<li")) == (1, crumbs)


def test_fields_stand_in_one_order_everywhere(browse, workspace):
    for label in ("birthday", "Vip", "Birthday", "Zip"):
        Field.objects.create(workspace=workspace, key=f"x{label}", label=label)
    custom = {f"x{label}": "1" for label in ("Vip", "Zip", "birthday", "Birthday")}
    contact = ContactFactory(workspace=workspace, first_name="A", last_name="B", custom=custom)
    client = browse("editor")

    new = client.get("/w/acme/contacts/new/").context["form"]
    edit = client.get(f"/w/acme/contacts/{contact.pk}/edit/").context["form"]
    shown = client.get(f"/w/acme/contacts/{contact.pk}/").context["person"].fields
    order = ["birthday", "Birthday", "Vip", "Zip"]
    assert [field.label for field in new.person_fields()][-4:] == order
    assert [field.label for field in edit.person_fields()][-4:] == order
    assert [label for label, _ in shown][-4:] == order


def test_a_campaign_of_another_workspace_is_not_named(browse, workspace):
    campaign = CampaignFactory(workspace=WorkspaceFactory(), name="Foreign")
    contact = ContactFactory(workspace=workspace)
    SuppressionFactory(contact=contact, evidence={"campaign_id": campaign.pk, "said": "by our page"})

    page = browse().get(f"/w/acme/contacts/{contact.pk}/").content.decode()
    assert "The person left by the link in a mail" in page
    assert "Foreign" not in page


@pytest.mark.parametrize(
    ("slug", "status", "says"),
    [
        ("leadfox", "ready", "Leadfox cannot be told."),
        ("leadfox", "disconnected", "Not asked: disconnected or gone there"),
        ("brevo", "ready", "Not asked: disconnected or gone there"),
    ],
)
def test_an_account_that_cannot_be_told_of_a_block_says_so(browse, workspace, slug, status, says):
    connection = ConnectionFactory(workspace=workspace, provider=slug, status=status)
    contact = ContactFactory(workspace=workspace)
    SuppressionFactory(contact=contact)
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.CONTACT, object_id=contact.pk, remote_id="7"
    )

    page = browse().get(f"/w/acme/contacts/{contact.pk}/").content.decode()
    assert says in page
    assert ("unsubscribe them in Leadfox too" in page) == (says == "Leadfox cannot be told.")
