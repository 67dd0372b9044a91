"""What an import and its roll back say they do, in numbers that open their people."""

import sys

import pytest
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow
from accounts.refusals import CannotDo
from audiences import services
from audiences.models import Contact, Import, Tag, Tagging
from audiences.queries import foreseen
from tests.audiences.importing import begin, bring, preview, start, undo, work
from tests.factories import ConnectionFactory, ContactFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


def test_the_button_counts_everybody_who_is_written(browse, workspace, by, news):
    for email in ("left@x.test", "same@x.test"):
        SubscriptionFactory(
            list=news, contact=ContactFactory(workspace=workspace, email=email, city="Bern"),
            status="unsubscribed", changed_at=timezone.now(),
        )  # fmt: skip
    ContactFactory(workspace=workspace, email="old@x.test", city="Bern")
    text = "Email,City\nnew@x.test,Basel\nold@x.test,Basel\nleft@x.test,Basel\nsame@x.test,Bern\n"
    mine = preview(begin(workspace, by, text), by, on_list=news)
    page = browse("editor").get(f"/w/acme/imports/{mine.pk}/")
    assert (mine.preview, page.context["to_import"]) == (
        {"read": 4, "new": 1, "changed": 1, "left": 2, "left_changed": 1}, 3,
    )  # fmt: skip
    content = page.content.decode()
    assert "1 person who left the list stays off it; their fields follow the file." in content
    assert "Rows left out" not in content
    start(mine, by)
    assert (mine.state, mine.counts) == (Import.State.DONE, mine.preview)


def test_rows_of_who_left_have_a_download_of_their_own(browse, workspace, by, news):
    SubscriptionFactory(
        list=news, contact=ContactFactory(workspace=workspace, email="left@x.test"), status="unsubscribed"
    )
    mine = bring(workspace, by, "Email,City\nleft@x.test,Basel\nnobody,Bern\n", on_list=news)
    client, url = browse("editor"), f"/w/acme/imports/{mine.pk}/"
    page = client.get(f"{url}?show=left")
    assert (page.context["left_out"], f"{url}rejects/?show=left" in page.content.decode()) == (1, True)
    files = [client.get(f"{url}rejects/{query}") for query in ("", "?show=left", "?show=odd")]
    assert [
        [line.partition(b",")[0] for line in b"".join(file.streaming_content).splitlines()[1:]]
        for file in files
    ] == [[b"3"], [b"2"], [b"3"]]
    assert 'filename="people-left.csv"' in files[1].headers["Content-Disposition"]


def test_pressed_again_the_import_says_where_it_is(workspace, by):
    mine = preview(begin(workspace, by, "Email\nana@x.test\n"), by)
    version = mine.version
    services.start_import(mine=mine, by=by, version=version)
    with pytest.raises(CannotDo, match=r"^It is being imported already\.$"):
        services.start_import(mine=mine, by=by, version=version)
    work()
    with pytest.raises(CannotDo, match=r"^It is imported already\.$"):
        services.start_import(mine=mine, by=by, version=version)


def test_a_file_without_a_row_to_take_is_not_ready_to_import(browse, workspace, by):
    mine = preview(begin(workspace, by, "Email,City\nnobody,Bern\nno one,\n"), by)
    client = browse("editor")
    assert "Ready to import" not in (listed := client.get("/w/acme/imports/").content.decode())
    assert "Nothing to import" in listed
    page = client.get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert "No row of this file can be imported as it stands." in page
    assert 'id="start"' not in page


def test_a_cancelled_import_keeps_no_number_that_leads_nowhere(browse, workspace, by):
    mine = preview(begin(workspace, by, "Email\nana@x.test\n"), by)
    services.cancel_import(mine=mine, by=by)
    page = browse("editor").get(f"/w/acme/imports/{mine.pk}/?show=new").content.decode()
    assert "Nothing was imported" in page
    for gone in ("What would become of", "?show=new", "rows are kept"):
        assert gone not in page


@pytest.fixture
def changed(workspace, by, news):
    """An import after which one who came with it was edited and is held by an account, and one who was here edited."""
    ContactFactory(workspace=workspace, email="old@x.test", city="Bern")
    ContactFactory(workspace=workspace, email="here@x.test", city="Bern")
    mine = bring(
        workspace,
        by,
        "Email,City\nold@x.test,Basel\nhere@x.test,Basel\nmade@x.test,Basel\nnew@x.test,\n",
        on_list=news,
    )
    Contact.objects.filter(email="old@x.test").update(city="Chur", version=3)
    made = Contact.objects.get(email="made@x.test")
    Contact.objects.filter(pk=made.pk).update(first_name="Else", version=2)
    MirrorRow.objects.create(
        connection=ConnectionFactory(workspace=workspace),
        kind=MirrorKind.CONTACT,
        object_id=made.pk,
        remote_id="1",
    )
    return mine


def test_the_dialog_says_what_a_roll_back_then_does(browse, by, changed):
    context = browse("editor").get(f"/w/acme/imports/{changed.pk}/").context
    assert (context["undo_text"], context["undo_action"]) == (
        "1 person whom nothing else keeps here goes again; 1 person who came with it and changed since or came with a later file too is only"
        " taken off the list; 2 people get back the fields and lists they had. What changed after the import stays as it is, and"
        " is listed.",
        "Roll back 4 people",
    )
    undo(changed, by)
    assert [changed.undone[name] for name in ("people", "off", "lists")] == [1, 1, 2]


def test_who_carries_something_of_others_is_not_promised_to_go(browse, workspace, by):
    mine = bring(workspace, by, "Email\n" + "".join(f"p{number}@x.test\n" for number in range(5)))
    tag = Tag.objects.create(workspace=workspace, name="VIP")
    for contact in Contact.objects.order_by("email")[:2]:
        Tagging.objects.create(tag=tag, contact=contact)

    context = browse("editor").get(f"/w/acme/imports/{mine.pk}/").context

    assert (context["undo_text"].partition(". ")[0], context["undo_action"]) == (
        "3 people whom nothing else keeps here go again; 2 people who came with it and changed since or came with a later file too stay",
        "Roll back 3 people",
    )
    undo(mine, by)
    assert (mine.undone["people"], mine.undone["kept"], Contact.objects.count()) == (3, 2, 2)


def test_of_many_the_dialog_says_honestly_that_some_stay(browse, by, changed, monkeypatch):
    monkeypatch.setattr(foreseen, "MOST_FORESEEN", 3)
    context = browse("editor").get(f"/w/acme/imports/{changed.pk}/").context
    assert (
        context["undo_text"].startswith(
            "Of the 4 people it brought or changed, those who came with it go again unless"
        ),
        (context["undo_action"]),
    ) == (True, "Roll back the import")


def test_a_roll_back_tells_all_it_did_and_each_number_opens_its_people(browse, by, changed):
    undo(changed, by)
    client = browse("editor")
    url = f"/w/acme/imports/{changed.pk}/"
    parts = client.get(url).context["undone_parts"]
    people = {
        part["name"]: [row[1:] for row in client.get(url + part["url"].partition("#")[0]).context["undone"]]
        for part in parts
    }
    assert changed.undone == {"people": 1, "fields": 1, "lists": 2, "off": 1, "kept": 2}
    assert people == {
        "fields": [("here@x.test", "City")],
        "lists": [("old@x.test", "the list News"), ("here@x.test", "the list News")],
        "off": [("made@x.test", "the list News")],
        "kept": [("old@x.test", "City")],
    }
    # Who came with it, changed and went off the list is told of once.
    assert [(part["name"], part["count"]) for part in parts] == [
        ("fields", 1), ("lists", 2), ("off", 1), ("kept", 1),
    ]  # fmt: skip
    assert "made@x.test" not in browse("viewer").get(url).content.decode()


def test_people_behind_a_number_of_a_roll_back_come_in_pages(browse, by, changed, monkeypatch):
    monkeypatch.setattr(sys.modules["audiences.queries.undone"], "PAGE", 1)
    undo(changed, by)
    client, url = browse("editor"), f"/w/acme/imports/{changed.pk}/?back=lists"
    first = client.get(url).context
    second = client.get(f"{url}&back_after={first['undone_after']}").context
    assert [row[1] for row in (*first["undone"], *second["undone"])] == ["old@x.test", "here@x.test"]
    assert (second["undone_after"], second["undone_is_further"]) == (None, True)


def links(client, mine, **query):
    context = client.get(f"/w/acme/imports/{mine.pk}/", query).context
    return context["people_url"], context["these_url"]


def test_a_link_to_the_people_is_there_as_long_as_it_finds_somebody(browse, workspace, by):
    ContactFactory(workspace=workspace, email="old@x.test", city="Bern")
    mine = bring(workspace, by, "Email,City\nold@x.test,Basel\nnew@x.test,\nnobody,\n")
    client, url = browse("editor"), f"/w/acme/contacts/?import={mine.pk}"
    assert links(client, mine, show="new") == (url, f"{url}&outcome=new")
    assert links(client, mine, show="invalid") == (url, "")
    undo(mine, by)
    assert links(client, mine, show="new") == (url, "")
    assert links(client, mine, show="changed") == (url, f"{url}&outcome=changed")
    Contact.objects.all().delete()
    assert links(client, mine, show="changed") == ("", "")
