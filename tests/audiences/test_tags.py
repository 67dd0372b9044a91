"""Tags: one word whatever its case, and nobody loses one unsaid."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry
from audiences import services
from audiences.models import BulkAction, Segment, Tag, Tagging
from audiences.queries import tags as queries
from tests.factories import ContactFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


def tagged(workspace, by, name, *contacts):
    for contact in contacts:
        tag = services.tag_person(contact=contact, by=by, name=name)
    return tag


def has(tag):
    return {"kind": "tag", "of": tag.pk, "op": "has"}


def on(contact):
    return [tag.name for tag in queries.tags_of(contact)]


def test_a_tag_is_one_whatever_its_case(workspace, by):
    ana, ben = ContactFactory(workspace=workspace), ContactFactory(workspace=workspace)
    tagged(workspace, by, "  VIP   guest ", ana)
    tagged(workspace, by, "vip GUEST", ana, ben)
    assert (on(ana), on(ben)) == (["VIP guest"], ["VIP guest"])
    entries = ActivityEntry.objects.filter(verb="contact.tagged").values_list("sentence", flat=True)
    assert [*entries] == ["Tagged a contact VIP guest."] * 2


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "\u0000"])
def test_what_is_no_tag_is_refused(workspace, by, name):
    with pytest.raises(services.CannotTag):
        services.tag_person(contact=ContactFactory(workspace=workspace), by=by, name=name)
    assert not Tag.objects.exists()


def test_a_name_that_is_taken_offers_to_merge(browse, workspace, by):
    ana, ben = ContactFactory(workspace=workspace), ContactFactory(workspace=workspace)
    old, kept = tagged(workspace, by, "Guests", ana, ben), tagged(workspace, by, "VIP", ana)
    inner = {"join": "any", "rules": [has(old), {"kind": "list", "of": old.pk, "op": "on"}]}
    segment = Segment.objects.create(
        workspace=workspace, name="Inner circle", rule={"join": "all", "rules": [has(old), inner]}
    )
    client = browse("editor")
    page = client.post(f"/w/acme/tags/{old.pk}/", {"name": "vip"})
    assert page.status_code == 422
    assert "Merge the two" in page.content.decode()
    client.post(f"/w/acme/tags/{old.pk}/merge/", {"into": kept.pk})
    assert (on(ana), on(ben)) == (["VIP"], ["VIP"])
    segment.refresh_from_db()
    now = has(kept) | {"name": "VIP"}
    inner = {"join": "any", "rules": [now, {"kind": "list", "of": old.pk, "op": "on"}]}
    assert (segment.rule, segment.version) == ({"join": "all", "rules": [now, inner]}, 2)
    assert not Tag.objects.filter(pk=old.pk).exists()


def test_another_spelling_of_its_own_name_is_a_rename(browse, workspace, by):
    tag = tagged(workspace, by, "vip", ContactFactory(workspace=workspace))
    assert browse("editor").post(f"/w/acme/tags/{tag.pk}/", {"name": "VIP"}).url == "/w/acme/tags/"
    tag.refresh_from_db()
    assert tag.name == "VIP"


def test_a_tag_is_deleted_once_nothing_asks_for_it(browse, workspace, by):
    tag = tagged(workspace, by, "VIP", ContactFactory(workspace=workspace))
    segment = Segment.objects.create(
        workspace=workspace, name="S", rule={"join": "all", "rules": [has(tag) | {"name": "VIP"}]}
    )
    client = browse("editor")
    refused = client.post(f"/w/acme/tags/{tag.pk}/delete/")
    assert (refused.status_code, "VIP is asked for by: Segment S" in refused.content.decode()) == (422, True)
    page = client.get(f"/w/acme/tags/{tag.pk}/").content.decode()
    assert ("This tag is in use" in page, "Delete the tag" in page) == (True, False)
    Segment.objects.update(archived_at=timezone.now())
    page = client.get(f"/w/acme/tags/{tag.pk}/").content.decode()
    assert ("<dt>Segment · archived</dt>" in page, "Delete the tag" in page) == (True, True)
    action = BulkAction.objects.create(
        workspace=workspace, action="tag", people={}, arguments={"tag": tag.pk}, until=0
    )
    assert client.post(f"/w/acme/tags/{tag.pk}/delete/").status_code == 422
    action.delete()
    page = client.get(f"/w/acme/tags/{tag.pk}/").content.decode()
    assert "1 person loses it" in page
    client.post(f"/w/acme/tags/{tag.pk}/delete/")
    assert not Tagging.objects.exists()
    client.post(f"/w/acme/segments/{segment.pk}/restore/")
    assert "is gone" in client.get(f"/w/acme/segments/{segment.pk}/").content.decode()


def test_tags_of_a_person_without_leaving_the_page(browse, workspace, by):
    contact = ContactFactory(workspace=workspace)
    tagged(workspace, by, "Visited", ContactFactory(workspace=workspace))
    client, url = browse("editor"), f"/w/acme/contacts/{contact.pk}/"
    swap = {"HX-Request": "true", "HX-Target": "tags"}
    assert "No tags." in client.get(url).content.decode()
    names = client.get(f"{url}tags/suggest/", {"name": "vis"}).content.decode()
    assert names.strip() == '<option value="Visited"></option>'
    answer = client.post(f"{url}tags/", {"name": "<b>"}, headers=swap).content.decode()
    assert "&lt;b&gt;" in answer
    assert "<html" not in answer
    bad = client.post(f"{url}tags/", {"name": " \t"}, headers=swap)
    assert bad.status_code == 422
    client.post(f"{url}tags/{Tag.objects.get(name='<b>').pk}/", headers=swap)
    assert on(contact) == []
    assert client.post(f"{url}tags/", {"name": "plain"}).url == f"{url}#tags"
    assert on(contact) == ["plain"]


def test_roles_and_workspaces(browse, workspace, by):
    contact = ContactFactory(workspace=workspace)
    tag = tagged(workspace, by, "VIP", contact)
    foreign = Tag.objects.create(workspace=WorkspaceFactory(), name="Foreign")
    viewer, editor = browse("viewer"), browse("editor")
    page = viewer.get("/w/acme/tags/").content.decode()
    assert f'href="/w/acme/contacts/?tag={tag.pk}"' in page
    assert "Foreign" not in page
    assert "New tag" not in page
    assert viewer.post("/w/acme/tags/", {"name": "New"}).status_code == 200
    assert viewer.post(f"/w/acme/contacts/{contact.pk}/tags/", {"name": "x"}).status_code == 403
    assert editor.get(f"/w/acme/tags/{foreign.pk}/").status_code == 404
    assert editor.post(f"/w/acme/tags/{tag.pk}/merge/", {"into": foreign.pk}).status_code == 404
    assert editor.post(f"/w/acme/contacts/{contact.pk}/tags/{foreign.pk}/").status_code == 404
    assert not Tag.objects.filter(name="New").exists()


def test_tags_come_in_pages_at_one_number_of_queries(browse, workspace, by, monkeypatch):
    contact, client = ContactFactory(workspace=workspace), browse("editor")
    assert "No tags yet" in client.get("/w/acme/tags/").content.decode()
    tagged(workspace, by, "b", contact)
    with CaptureQueriesContext(database) as one:
        client.get("/w/acme/tags/")
    tagged(workspace, by, "A", contact)
    tagged(workspace, by, "c", contact)
    with CaptureQueriesContext(database) as three:
        client.get("/w/acme/tags/")
    assert len(three) == len(one)
    monkeypatch.setattr(queries, "PAGE", 2)
    first = queries.tags(workspace)
    assert [row.tag.name for row in first.rows] == ["A", "b"]
    assert [row.tag.name for row in queries.tags(workspace, after=first.after).rows] == ["c"]
    assert "No tag holds these words" in client.get("/w/acme/tags/", {"q": "zzz"}).content.decode()
