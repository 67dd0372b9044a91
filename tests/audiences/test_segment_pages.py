"""The pages of segments: the list, the builder, one segment."""

import json

import pytest

from audiences.models import Segment, Tag, Tagging
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory, SuppressionFactory, WorkspaceFactory


def post(client, url, values, target=None):
    headers = {"HX-Request": "true", "HX-Target": target} if target else {}
    return client.post(url, values, headers=headers)


def test_rough(browse, workspace):
    news = ListFactory(workspace=workspace, name="News")
    ana = SubscriptionFactory(list=news, contact__language="fr").contact
    SuppressionFactory(contact=SubscriptionFactory(list=news).contact)
    client = browse("editor")
    for path in ("segments/", "segments/new/", f"segments/new/?list={news.pk}"):
        reply = client.get(f"/w/acme/{path}")
        assert reply.status_code == 200, path
    assert b"2 people" in reply.content.replace(b"\xc2\xa0", b" ")
    rule = {"add": json.dumps({"kind": "list", "of": news.pk, "op": ""}), "at": "g1", "find": "news", "g1.join": "all"}
    reply = post(client, "/w/acme/segments/new/", rule, "rule")
    print(reply.content.decode()[:6000])
    reply = post(client, "/w/acme/segments/new/", {"node": "c1 g1", "c1.of": f"list:{news.pk}", "c1.op": "on", "g1.join": "all"}, "standing")
    print(reply.content.decode())
    reply = post(client, "/w/acme/segments/new/", {"find": "language is fr or empty"}, "offers")
    print(reply.content.decode())
    reply = post(client, "/w/acme/segments/new/", {"node": "c1 g1", "c1.of": f"list:{news.pk}", "c1.op": "on", "g1.join": "all", "show": "all"}, "people")
    print(reply.content.decode())
    reply = post(client, "/w/acme/segments/new/", {"node": "c1 g1", "c1.of": f"list:{news.pk}", "c1.op": "on", "g1.join": "all", "why": ana.pk}, "why")
    print(reply.content.decode())
    reply = post(client, "/w/acme/segments/new/", {"node": "c1 g1", "c1.of": f"list:{news.pk}", "c1.op": "on", "g1.join": "all", "save": 1, "name": "Readers"})
    assert reply.status_code == 302
    mine = Segment.objects.get()
    assert mine.mailable_count == 1
    reply = client.get(f"/w/acme/segments/{mine.pk}/")
    print(reply.content.decode()[9000:])
    reply = client.get(f"/w/acme/segments/{mine.pk}/edit/")
    assert reply.status_code == 200
    assert client.get("/w/acme/segments/").status_code == 200
    assert 0
