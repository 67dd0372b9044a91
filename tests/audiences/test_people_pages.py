"""The page of all people: what each filter leaves, which columns it shows, and what is done with the chosen rows."""

import json
import re
import sys
from datetime import timedelta
from functools import partial
from hashlib import blake2b

import pytest
from django.core import signing
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audiences import rules, services
from audiences.models import (
    BulkAction,
    ConsentBasis,
    Contact,
    ContactColumns,
    Engagement,
    Field,
    PeopleCount,
    Segment,
    Suppression,
    Tag,
    Tagging,
)
from audiences.queries.contacts import People
from audiences.queries.selections import BadSelection, as_rule, read_signed, signed
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db
URL = "/w/acme/contacts/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(browse):
    return browse("editor")


@pytest.fixture
def found(client):
    """Names before the @ of whom the filters leave, in the order of the page."""

    def ask(**filters):
        rows = client.get(URL, filters).context["rows"]
        return [row[1].partition("@")[0] for row in rows]

    return ask


def tagged(name, *contacts):
    tag = Tag.objects.create(workspace=contacts[0].workspace, name=name)
    Tagging.objects.bulk_create(Tagging(tag=tag, contact=contact) for contact in contacts)
    return tag


def make(workspace, name, **values):
    return ContactFactory(workspace=workspace, email=f"{name}@x.test", **values)


def test_people_are_found_by_tag_segment_and_reason(workspace, found):
    ana, ben, cid = (
        make(workspace, "ana", language="fr"),
        make(workspace, "ben", language="fr"),
        make(workspace, "cid"),
    )
    tag = tagged("VIP", ana, cid)
    french = Segment.objects.create(
        workspace=workspace, name="French",
        rule={"join": "all", "rules": [{"kind": "field", "of": "language", "op": "is", "value": ["fr"]}]},
    )  # fmt: skip
    SuppressionFactory(contact=ben, reason="bounced")

    assert found(tag=tag.pk) == ["cid", "ana"]
    assert found(segment=french.pk) == ["ben", "ana"]
    assert found(segment=french.pk, tag=tag.pk) == ["ana"]
    assert found(state="bounced") == ["ben"]
    assert found(state="complained") == []


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"field": "city", "value": "par"}, ["ben", "ana"]),
        ({"field": "city", "value": "pär"}, ["ben", "ana"]),
        ({"field": "size", "value": "38"}, ["ana"]),
        ({"field": "size", "value": "38", "to": "40"}, ["ben", "ana"]),
        ({"field": "size", "to": "38,5"}, ["ana"]),
        ({"field": "born", "value": "1990-02-03"}, ["ben"]),
        ({"field": "born", "value": "1990-01-01", "to": "1990-12-31"}, ["ben"]),
        ({"field": "born", "to": "1990-02-03"}, ["ben", "ana"]),
        ({"field": "pays", "value": "yes"}, ["ana"]),
        ({"field": "pays", "value": "no"}, ["ben"]),
        ({"field": "fit", "value": "M"}, ["ben"]),
        # Without a value: whoever has one.
        ({"field": "fit"}, ["ben", "ana"]),
        ({"field": "size", "value": ""}, ["ben", "ana"]),
        ({"field": "language", "value": "nl"}, ["cid"]),
        ({"field": "@domain", "value": "X.test"}, ["cid", "ben", "ana"]),
        ({"field": "@domain", "value": " @x.test"}, ["cid", "ben", "ana"]),
        # What does not read finds nobody, never more than was meant.
        ({"field": "size", "value": "big"}, []),
        ({"field": "born", "to": "soon"}, []),
        ({"field": "pays", "value": "perhaps"}, []),
        ({"field": "gone", "value": "1"}, []),
    ],
)
def test_people_are_found_by_the_value_of_a_field(workspace, found, filters, names):
    for key, kind in (("size", "number"), ("born", "date"), ("pays", "boolean"), ("fit", "choice")):
        Field.objects.create(
            workspace=workspace, key=key, label=key, kind=kind, choices=["S", "M"] if key == "fit" else []
        )
    make(workspace, "ana", city="Paris", custom={"size": 38, "born": "1989-05-05", "pays": True, "fit": "S"})
    make(workspace, "ben", city="Parma", custom={"size": 40, "born": "1990-02-03", "pays": False, "fit": "M"})
    make(workspace, "cid", language="nl")
    assert found(**filters) == names


def test_what_cannot_be_read_is_said(workspace, client):
    Field.objects.create(workspace=workspace, key="size", label="Size", kind="number")
    make(workspace, "ana")
    page = client.get(URL, {"field": "size", "value": "big"})
    assert "This is no number." in page.content.decode()
    assert page.context["form"]["value"].value() == "big"


@pytest.mark.parametrize(
    ("did", "names"),
    [
        ("opened-in-90", ["ana"]), ("opened-not-90", ["cid", "ben"]), ("clicked-never", ["cid", "ana"]),
        ("clicked-ever", ["ben"]), ("received-in-30", ["ana"]), ("received-not-180", ["cid", "ben"]), ("odd", []),
    ],
)  # fmt: skip
def test_people_are_found_by_what_they_did(workspace, found, did, names):
    now = timezone.now()
    ana, ben = make(workspace, "ana"), make(workspace, "ben")
    make(workspace, "cid")
    Engagement.objects.create(
        contact=ana, received=2, opens=1, last_open_at=now - timedelta(days=40), last_received_at=now - timedelta(days=3)
    )  # fmt: skip
    Engagement.objects.create(
        contact=ben, received=2, opens=1, clicks=1, last_open_at=now - timedelta(days=200)
    )
    assert found(did=did) == names


def test_people_are_found_by_the_day_they_came(workspace, found):
    for name, day in (
        ("ana", "2026-01-10T12:00Z"),
        ("ben", "2026-01-11T00:00Z"),
        ("cid", "2026-01-12T23:59Z"),
    ):
        make(workspace, name, created_at=day)
    assert found(since="2026-01-11") == ["cid", "ben"]
    assert found(until="2026-01-11") == ["ben", "ana"]
    assert found(since="2026-01-11", until="2026-01-11") == ["ben"]
    assert found(since="2026-01-12", until="2026-01-11") == []
    assert found(since="soon", until="0001-01-01") == []


def test_a_segment_that_needs_mending_says_so(workspace, client):
    make(workspace, "ana")
    broken = Segment.objects.create(
        workspace=workspace,
        name="Broken",
        rule={"join": "all", "rules": [{"kind": "tag", "of": 999, "op": "has"}]},
    )
    page = client.get(URL, {"segment": broken.pk})
    assert (page.status_code, page.context["rows"]) == (200, [])
    assert "The tag is gone" in page.content.decode()


def test_filters_survive_paging_and_leave_one_by_one(workspace, client):
    tag = tagged("VIP", *(make(workspace, f"p{number}", city="Paris") for number in range(60)))
    query = {"tag": tag.pk, "field": "city", "value": "Paris", "did": "opened-never"}
    page = client.get(URL, query)
    content = page.content.decode()
    assert (
        f"?tag={tag.pk}&amp;field=city&amp;value=Paris&amp;did=opened-never&amp;before={page.context['older']}"
        in content
    )
    assert [(chip["label"], chip["url"]) for chip in page.context["chips"]] == [
        ("Tag: VIP", "?field=city&value=Paris&did=opened-never"),
        ("Never opened", f"?tag={tag.pk}&field=city&value=Paris"),
        ("City contains “Paris”", f"?tag={tag.pk}&did=opened-never"),
    ]


def test_viewers_may_not_ask_for_parts_of_addresses(browse, workspace):
    make(workspace, "ana", custom={"mail": "ana@secret.test"})
    Field.objects.create(workspace=workspace, key="mail", label="Mail", kind="text")
    viewer = browse("viewer")
    viewer.post(f"{URL}columns/", {"columns": ["field:mail"]})
    for domain in ("nope.test", "x.test"):
        assert viewer.get(URL, {"field": "@domain", "value": domain}).context["rows"] == []
    page = viewer.get(URL)
    assert len(page.context["rows"]) == 1
    assert "ana@secret" not in page.content.decode()
    assert "data-selection" not in page.content.decode()


def test_filters_are_the_same_people_as_a_rule(workspace):
    news = ListFactory(workspace=workspace)
    account = ConnectionFactory(workspace=workspace)
    tag = Tag.objects.create(workspace=workspace, name="VIP")
    city = rules.Condition("field", "city", "contains", "Paris")
    wanted = People(
        workspace, words="ana@x.test", list_id=news.pk, status="pending", state="mailable", connection_id=account.pk,
        language="fr", tag_id=tag.pk, rule=rules.together(city),
    )  # fmt: skip
    assert as_rule(wanted) == (
        rules.read({"join": "all", "rules": [
            {"kind": "list", "of": news.pk, "op": "pending"},
            {"kind": "mailable", "of": "any", "op": "is_not"},
            {"kind": "account", "of": account.pk, "op": "in"},
            {"kind": "field", "of": "language", "op": "is", "value": ["fr"]},
            {"kind": "tag", "of": tag.pk, "op": "has"},
            {"kind": "field", "of": "city", "op": "contains", "value": "Paris"},
        ]}),
        ["the search for “ana@x.test”"],
    )  # fmt: skip
    assert as_rule(People(workspace, words="ana bell")) == (None, ["the search for “ana bell”"])
    assert as_rule(People(workspace)) == (None, [])


def test_what_was_searched_for_stands_in_no_address_of_another_page(workspace, client):
    make(workspace, "ana", language="fr")
    page = client.get(URL, {"q": "ana@x.test", "language": "fr"})
    links = [
        part.split('"')[0]
        for part in page.content.decode().split('href="')
        if "segments/new/" in part.split('"')[0]
    ]
    assert [("fr" in link, "ana" in link) for link in links] == [(True, False)]
    assert "without the search" in page.content.decode()

    data = {"action": "export", "all": "1", "selection": page.context["selection"]}
    reply = client.post(f"{URL}bulk/", data)

    key = reply.url.removeprefix("/w/acme/exports/new/?people=")
    assert (reply.status_code, len(key)) == (302, 12)
    assert client.get(reply.url).context["title"] == "Found by “ana@x.test”, language “fr”"
    for _ in range(5):
        client.post(f"{URL}bulk/", data)
    # Long ago, or of somebody else: no other people are taken instead.
    assert client.get(reply.url).url == URL


def test_a_selection_cannot_be_forged_nor_taken_elsewhere(workspace):
    mine, stranger = make(workspace, "ana"), ContactFactory(workspace=WorkspaceFactory())
    text = signed(People(workspace, ids=(mine.pk, stranger.pk), shows_addresses=False))
    assert read_signed(workspace, text) == People(
        workspace, ids=(mine.pk, stranger.pk), shows_addresses=False
    )
    for bad in (
        "",
        text[:-1],
        text + "x",
        signed(People(stranger.workspace)),
        signing.dumps({"shows_addresses": True}, salt="other"),
    ):
        with pytest.raises(BadSelection):
            read_signed(workspace, bad)


def test_columns_are_each_members_own(browse, workspace):
    Field.objects.create(workspace=workspace, key="pays", label="Pays", kind="boolean")
    Field.objects.create(workspace=workspace, key="born", label="Born", kind="date")
    Field.objects.create(workspace=workspace, key="state", label="Province", kind="text")
    now = timezone.now().replace(year=2026, month=3, day=4, hour=12)
    ana = make(
        workspace, "ana", phone="123", custom={"pays": True, "born": "1990-02-03T00:00:00Z", "state": "Liège"}, created_at=now
    )  # fmt: skip
    make(workspace, "ben")
    tagged("VIP", ana)
    tagged("Press", ana)
    SubscriptionFactory(list=ListFactory(workspace=workspace), contact=ana)
    Engagement.objects.create(contact=ana, last_open_at=now, last_click_at=now)
    mine, other = browse("editor"), browse("viewer")

    wanted = [
        "phone",
        "state",
        "added",
        "tags",
        "lists",
        "last_open",
        "last_click",
        "field:born",
        "field:pays",
        "field:state",
        "nope",
    ]
    reply = mine.post(f"{URL}columns/", {"columns": wanted, "next": f"{URL}?q=ana"})

    assert reply.url == f"{URL}?q=ana"
    cells = mine.get(reply.url).context["rows"][0][4]
    assert cells == [
        ("Phone", "123", ""), ("State", "Mailable", "good"), ("Added", "4\u00a0Mar\u00a02026", ""), ("Tags", "Press, VIP", ""),
        ("Lists", "1", ""), ("Last opened", "4\u00a0Mar\u00a02026", ""), ("Last clicked", "4\u00a0Mar\u00a02026", ""),
        ("Born", "3\u00a0Feb\u00a01990", ""), ("Pays", "Yes", ""), ("Province", "Liège", ""),
    ]  # fmt: skip
    assert [label for label, _, _ in other.get(URL).context["rows"][0][4]] == [
        "Language",
        "City",
        "State",
        "Added",
    ]
    mine.post(f"{URL}columns/", {})
    assert mine.get(URL).context["rows"][0][4] == []
    assert ContactColumns.objects.count() == 1


def test_who_chooses_more_columns_than_there_is_room_for_is_told(workspace, client):
    keys = [f"x{number}" for number in range(13)]
    for key in keys:
        Field.objects.create(workspace=workspace, key=key, label=key)
    make(workspace, "ana")
    assert "up to 12, is yours alone" in client.get(URL).content.decode()

    client.post(f"{URL}columns/", {"columns": [f"field:{key}" for key in keys]})

    page = client.get(URL)
    assert "You chose 13 columns: the first 12 of them are shown." in page.content.decode()
    assert len(page.context["columns"]) == 12


def test_all_columns_and_filters_cost_the_same_for_one_row_and_three(workspace, client):
    Field.objects.create(workspace=workspace, key="pays", label="Pays", kind="boolean")
    tag = Tag.objects.create(workspace=workspace, name="VIP")
    client.post(f"{URL}columns/", {"columns": ["tags", "lists", "state", "last_open", "field:pays", "city"]})
    query = {"tag": tag.pk, "field": "city", "value": "Paris", "did": "opened-never", "since": "2020-01-01"}

    def cost():
        client.get(URL, query)
        with CaptureQueriesContext(database) as captured:
            client.get(URL, query)
        return len(captured)

    def add():
        Tagging.objects.create(tag=tag, contact=ContactFactory(workspace=workspace, city="Paris"))

    add()
    one = cost()
    add()
    add()
    assert cost() == one


def test_how_many_there_are_is_a_stored_figure_with_its_time(workspace, client, monkeypatch):
    # The package has a function of that name.
    module = sys.modules["audiences.queries.contacts"]
    monkeypatch.setattr(module, "COUNT_CAP", 1)
    monkeypatch.setattr(module, "PAGE", 1)
    for name in ("ana", "ben", "cid"):
        make(workspace, name)
    assert services.count_people() == 1
    assert services.count_people() == 0
    stored = PeopleCount.objects.get()
    at = stored.counted_at
    assert stored.people == 3
    assert f"3 people, counted {at:%H:%M}" in client.get(URL).content.decode()

    make(workspace, "dan")
    services.count_people_soon(workspace)
    services.count_people()
    stored.refresh_from_db()
    assert (stored.people, stored.is_stale) == (4, False)
    PeopleCount.objects.update(counted_at=timezone.now() - timedelta(minutes=6))
    assert services.count_people() == 1


# -- What is done with them -----------------------------------------------------------------------------


def choose(client, action, *contacts, **data):
    ids = {"ids": [contact.pk for contact in contacts]} if contacts else {}
    return client.post(f"{URL}bulk/", {"action": action, "next": f"{URL}?q=x", **ids, **data})


def begin(client, shown, headers=None, **data):
    form = shown.context["form"]
    hidden = {name: shown.context[name] for name in ("people", "action")} | {"next": shown.context["back"]}
    return client.post(f"{URL}bulk/begin/", hidden | {"nonce": form["nonce"].value()} | data, headers=headers)


def test_ticked_rows_are_tagged_without_a_script(workspace, client):
    ana, ben = make(workspace, "ana"), make(workspace, "ben")
    shown = choose(client, "tag", ana, ben)
    assert (shown.status_code, shown.context["heading"]) == (200, "Tag 2 people")
    reply = begin(client, shown, tag="VIP")
    assert (reply.status_code, reply.url) == (302, f"{URL}?q=x")
    assert sorted(Tagging.objects.values_list("contact_id", flat=True)) == [ana.pk, ben.pk]
    assert "Tagging 2 people “VIP”: 2 tagged." in client.get(reply.url).content.decode()


def test_with_a_script_the_dialog_closes_and_the_table_is_drawn_anew(workspace, client):
    ana = make(workspace, "ana")
    shown = client.post(
        f"{URL}bulk/", {"action": "tag", "ids": [ana.pk]}, headers=HTMX | {"HX-Target": "bulk_dialog"}
    )
    assert shown.content.decode().strip().startswith('<div id="bulk_dialog"><dialog')
    reply = begin(client, shown, headers=HTMX | {"HX-Target": "bulk_dialog"}, tag="VIP")
    assert reply.status_code == 204
    assert json.loads(reply.headers["HX-Trigger"]) == {
        "toast": {"text": "Tagging 1 person “VIP”: 1 tagged.", "tone": "good", "link": "Look, or undo it",
                  "url": f"/w/acme/bulk/{BulkAction.objects.get().pk}/"},
        "close-dialog": {}, "people-changed": {},
    }  # fmt: skip
    anew = client.get(URL, headers=HTMX | {"HX-Target": "people", "HX-Trigger": "people"}).content.decode()
    assert anew.strip().startswith('<section id="people"')
    assert "data-focus" in anew


def test_all_that_match_are_those_of_the_page_not_of_the_post(workspace, client):
    tag = tagged("VIP", make(workspace, "ana"), make(workspace, "ben"))
    make(workspace, "cid")
    page = client.get(URL, {"tag": tag.pk})
    shown = choose(client, "set_field", all="1", selection=page.context["selection"])
    assert shown.context["total"] == 2
    reply = begin(client, shown, field="city", value="Bern")
    assert reply.status_code == 302
    assert sorted(Contact.objects.values_list("city", flat=True)) == ["", "Bern", "Bern"]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("untag", "There are no tags yet, so nobody has one to take off."),
        ("add_to_list", "There are no lists in use yet. Make one first."),
        ("remove_from_list", "There are no lists in use yet. Make one first."),
    ],
)
def test_where_there_is_nothing_to_choose_from_it_is_said(workspace, client, action, said):
    ana = make(workspace, "ana")
    reply = choose(client, action, ana)
    assert (reply.status_code, reply.url) == (302, f"{URL}?q=x")
    assert said in client.get(reply.url).content.decode()
    shown = client.post(f"{URL}bulk/", {"action": action, "ids": [ana.pk]}, headers=HTMX)
    assert json.loads(shown.headers["HX-Trigger"])["toast"]["text"] == said


def test_what_was_typed_and_refused_stays(workspace, client):
    news = ListFactory(workspace=workspace)
    shown = choose(client, "add_to_list", make(workspace, "ana"))
    reply = begin(client, shown, list=news.pk, consent_source="")
    assert reply.status_code == 422
    assert reply.context["form"]["list"].value() == str(news.pk)
    assert "Where did these people agree to be written to?" in reply.content.decode()
    assert begin(client, reply, list=news.pk, consent_source="Fair").status_code == 302
    assert news.subscriptions.count() == 1


def test_a_value_that_does_not_fit_stays_with_what_would(workspace, client):
    shown = choose(client, "set_field", make(workspace, "ana"))
    reply = begin(client, shown, field="language", value="Klingon")
    assert reply.status_code == 422
    assert reply.context["form"]["value"].value() == "Klingon"
    assert "This is no language. Write it like de, pt-BR or German." in reply.content.decode()


def test_suppressing_many_that_match_asks_for_the_number(workspace, client):
    for number in range(3):
        make(workspace, f"p{number}")
    page = client.get(URL)
    shown = choose(client, "suppress", all="1", selection=page.context["selection"])
    assert "Type 3 to go on" in shown.content.decode()
    assert begin(client, shown, reason="Closed").status_code == 422
    assert begin(client, shown, reason="Closed", typed="4").status_code == 422
    assert not Suppression.objects.exists()
    assert begin(client, shown, reason="Closed", typed="3").status_code == 302
    assert Suppression.objects.count() == 3


@pytest.mark.parametrize(
    "data",
    [
        {"action": "tag"}, {"action": "tag", "ids": ["x", "-1", "9" * 40]}, {"action": "odd", "ids": ["1"]},
        {"action": "tag", "all": "1", "selection": "forged"}, {"action": "tag", "all": "1"},
    ],
)  # fmt: skip
def test_nonsense_goes_back_to_the_people_with_a_sentence(workspace, client, data):
    reply = client.post(f"{URL}bulk/", data)
    assert (reply.status_code, reply.url) == (302, URL)
    toast = client.post(f"{URL}bulk/", data, headers=HTMX | {"HX-Target": "bulk_dialog"})
    assert (toast.status_code, "toast" in toast.headers["HX-Trigger"]) == (204, True)
    assert client.post(f"{URL}bulk/begin/", data | {"people": "forged"}).status_code == 302
    assert not BulkAction.objects.exists()


def test_the_value_asked_for_fits_the_field(workspace, client):
    Field.objects.create(workspace=workspace, key="born", label="Born", kind="date")
    Field.objects.create(workspace=workspace, key="fit", label="Fit", kind="choice", choices=["S", "M"])
    assert 'type="date"' in client.get(f"{URL}bulk/value/", {"field": "born"}).content.decode()
    assert '<option value="M">' in client.get(f"{URL}bulk/value/", {"field": "fit"}).content.decode()
    assert 'type="text"' in client.get(f"{URL}bulk/value/", {"field": "nope"}).content.decode()
    asked = client.get(URL, {"field": "born"}, headers=HTMX | {"HX-Target": "value"}).content.decode()
    assert asked.count('type="date"') == 2


@pytest.fixture
def going(workspace, member, monkeypatch):
    monkeypatch.setattr("audiences.services.bulk.AT_ONCE", 0)
    make(workspace, "ana")
    return services.begin_bulk(
        workspace=workspace,
        by=member("editor"),
        action="tag",
        people=People(workspace),
        arguments={"new_tag": "VIP"},
    )


def test_one_that_goes_on_has_a_page_of_its_own(workspace, client, browse, going):
    url = f"/w/acme/bulk/{going.pk}/"
    page = client.get(url, headers=HTMX | {"HX-Target": "bulk"}).content.decode()
    assert page.strip().startswith('<section id="bulk"')
    assert 'hx-trigger="every 1s"' in page
    assert "0 of 1 people" in page.replace("\u202f", " ")
    assert "Stop" not in browse("viewer").get(url).content.decode()
    assert client.post(f"{url}cancel/").status_code == 302
    assert "stops after the people under way" in client.get(url).content.decode()
    BulkAction.objects.update(state="failed", note="The tag was deleted meanwhile.")
    assert "The tag was deleted meanwhile." in client.get(url).content.decode()
    assert client.post(f"{url}go-on/").status_code == 302
    going.refresh_from_db()
    assert going.state == "running"
    BulkAction.objects.update(state="done", done=1, counts={"tagged": 1, "had_it": 0})
    assert "1 person = 1&nbsp;tagged + 0&nbsp;tagged before" in client.get(url).content.decode()


def test_viewers_see_no_address_in_why_and_whence(workspace, browse, going):
    BulkAction.objects.update(
        arguments=going.arguments | {"reason": "Asked by ben@secret.test"},
        basis=ConsentBasis.objects.create(workspace=workspace, source="Letter of eva@secret.test"),
    )
    page, seen = (
        browse(role).get(f"/w/acme/bulk/{going.pk}/").content.decode() for role in ("editor", "viewer")
    )
    assert ("Asked by ben@secret.test" in page, "Letter of eva@secret.test" in page) == (True, True)
    assert ("Asked by b…@s…" in seen, "Letter of e…@s…" in seen, "@secret" in seen) == (True, True, False)


def test_viewers_do_nothing_to_people(workspace, browse, going):
    viewer = browse("viewer")
    for path in (
        "contacts/bulk/",
        "contacts/bulk/begin/",
        f"bulk/{going.pk}/cancel/",
        f"bulk/{going.pk}/go-on/",
    ):
        assert viewer.post(f"/w/acme/{path}").status_code == 403


def test_an_action_of_another_workspace_is_not_there(browse, going):
    BulkAction.objects.update(workspace=WorkspaceFactory())
    client = browse("editor")
    for reply in (
        client.get(f"/w/acme/bulk/{going.pk}/"), client.post(f"/w/acme/bulk/{going.pk}/cancel/"),
        client.post(f"/w/acme/bulk/{going.pk}/go-on/"),
    ):  # fmt: skip
        assert reply.status_code == 404


def test_hostile_text_in_columns_tags_and_filters_stays_text(workspace, client):
    bad = "<script>alert(1)</script>\"'"
    Field.objects.create(workspace=workspace, key="x", label=bad, kind="text")
    ana = make(workspace, "ana", custom={"x": bad})
    tagged(bad, ana)
    Segment.objects.create(workspace=workspace, name=bad, rule={"join": "all", "rules": []})
    client.post(f"{URL}columns/", {"columns": ["field:x", "tags"]})
    page = client.get(URL, {"field": "x", "value": bad}).content.decode()
    assert "<script>alert" not in page
    shown = choose(client, "tag", ana)
    done = begin(client, shown, tag=bad + "2")
    assert "<script>alert" not in client.get(done.url).content.decode()
    mine = BulkAction.objects.get()
    assert "<script>alert" not in client.get(f"/w/acme/bulk/{mine.pk}/").content.decode()


def test_a_number_that_takes_long_comes_after_its_page(workspace, client, monkeypatch):
    """The page says how many at least and asks once more; then the number is exact, wherever the page says it."""
    module = sys.modules["audiences.queries.contacts"]
    monkeypatch.setattr(module, "PAGE", 2)
    for name in ("ana", "ben", "cid"):
        make(workspace, name, language="fr")
    fast = {name: getattr(module, name) for name in ("capped", "people_meant")}

    def slowly(name, people):
        with database.cursor() as cursor:
            cursor.execute("select pg_sleep(0.1)")
        return fast[name](people)

    for name in fast:
        monkeypatch.setattr(module, name, partial(slowly, name))
    page = client.get(f"{URL}?language=fr").content.decode()
    assert "more than 2 people" in page
    (asked,) = re.findall(r'hx-get="([^"]+)" hx-trigger="load, count-again', page)
    assert asked == f"{URL}count/?language=fr"
    assert client.get(asked).content.decode().strip() == '<span data-number="3">3 people</span>'

    monkeypatch.setattr("audiences.queries.counting.PATIENT_SECONDS", 0.02)
    assert re.fullmatch(
        r'<span data-number="about \d+">about \d+ people</span>', client.get(asked).content.decode().strip()
    )


def test_a_member_has_one_number_counted_at_a_time(workspace, client, browse):
    make(workspace, "ana", language="fr")
    asked = f"{URL}count/?language=fr"
    user = client.get(URL).wsgi_request.user
    key = int.from_bytes(blake2b(f"count:{user.pk}".encode(), digest_size=8).digest(), signed=True)
    other = database.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", [key])
        mine, theirs = client.get(asked), browse("viewer").get(asked)
    finally:
        other.close()

    assert (mine.status_code, mine.headers.get("HX-Trigger"), theirs.status_code) == (204, "count-again", 200)


def test_a_number_that_is_known_is_not_asked_for_again(workspace, client):
    make(workspace, "ana", language="fr")
    assert "count-again" not in client.get(f"{URL}?language=fr").content.decode()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("list=99999", "List: the one that was asked for is gone or archived."),
        ("list=99999&status=unsubscribed", "List: the one that was asked for is gone or archived."),
        ("status=unsubscribed", "Choose a list for “On the list as”."),
        ("tag=abc", "Tag: the one that was asked for is gone or archived."),
        ("state=left", "Mailable or suppressed: “left” is none of the choices."),
        ("since=soon", "Added from: “soon” is no day."),
        ("since=2026-02-01&until=2026-01-01", "“Added from” is after “Added until”: no day is between them."),
        ("field=score&value=abc", "This is no number."),
        ("import=abc", "There is no import “abc”."),
        ("import=99", "is gone"),
        ("bulk=-1", "There is no bulk action “-1”."),
    ],
)
def test_a_filter_that_does_not_hold_finds_nobody_and_says_why(workspace, client, asked, said):
    """An old link must not offer everybody to a bulk action or an export."""
    Field.objects.create(workspace=workspace, key="score", label="Score", kind="number")
    make(workspace, "ana")
    page = client.get(f"{URL}?{asked}")
    assert (page.context["rows"], page.context["number"], "bulk" in page.context) == ([], "", False)
    assert said in page.content.decode()
    if said != "is gone":  # such a chip says by itself what is gone
        assert ": does not hold" in page.content.decode()
    assert client.get(f"{URL}count/?{asked}").status_code == 204

    export = client.get(f"/w/acme/exports/new/?{asked}", follow=True).content.decode()
    assert "Everybody" not in export
    if not asked.startswith("list"):  # the export of a list has an address of its own
        assert said in export


def test_an_export_takes_the_filters_of_the_page(workspace, client):
    make(workspace, "ana", language="fr")
    make(workspace, "ben", language="nl")
    assert client.get("/w/acme/exports/new/?language=fr").context["count"] == 1
