"""The activity log in words: no braces, no keys, nothing said of what is empty."""

import re

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from accounts import activity
from audiences import services
from audiences.models import Field, Tag
from tests.factories import ContactFactory, ListFactory

pytestmark = pytest.mark.django_db


def told(client):
    """The details of each entry, the newest first."""
    page = client.get("/w/acme/activity/").content.decode()
    found = re.findall(r"<dl.*?</dl>", page, re.DOTALL)
    return [dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", strip_bdi(part), re.DOTALL)) for part in found]


def strip_bdi(html):
    return re.sub("</?bdi>", "", html)


def test_what_is_kept_of_a_change_reads_as_words(browse, workspace):
    client = browse("viewer")
    Field.objects.create(workspace=workspace, key="size", label="Shoe size")
    news, vip = (
        ListFactory(workspace=workspace, name="News"),
        Tag.objects.create(workspace=workspace, name="VIP"),
    )
    on_it = {"join": "all", "rules": [{"kind": "list", "of": news.pk, "op": "on"}]}
    off_it = {"join": "all", "rules": [{"kind": "list", "of": news.pk, "op": "left"}]}
    for before, after in (
        ({"rule": on_it}, {"rule": off_it}),
        ({"rule": {"odd": 1}}, {}),
        ({"version": 1}, {"version": 2, "fields": ["email", "size", "gone"]}),
        ({"tag": vip.pk}, {"list": None, "note": ""}),
        ({}, {"list": news.pk, "import_rows": 2, "resubscribes": False}),
        ({"list": 0}, {"preview": {"new": 1200, "left": 0, "at": None}, "columns": ["a", "b"]}),
        ({}, {"send_at": "2026-11-26T09:30:00+00:00", "audiences.pull_lists": {"read": 4}}),
    ):
        activity.record(workspace, "list.changed", "It changed.", before=before, after=after)

    assert list(reversed(told(client))) == [
        {"Rule, before": "on the list “News”", "Rule, after": "left the list “News”"},
        {"Rule": "cannot be read any more"},
        {"Fields": "Address, Shoe size, gone"},
        {"Tag": "VIP"},
        {"List": "News", "Import rows": "2", "Resubscribes": "No"},
        {"List": "gone by now", "Preview": "new: 1\xa0200, left: 0", "Columns": "a, b"},
        {"Send at": "26 Nov 2026, 09:30 UTC", "Pull lists": "read: 4"},
    ]


def test_the_log_costs_the_same_for_one_change_and_for_three(browse, workspace):
    client = browse("viewer")
    counts = []
    for names in (["A"], ["B", "C"]):
        for name in names:
            mine = ListFactory(workspace=workspace, name=name)
            rule = {"join": "all", "rules": [{"kind": "list", "of": mine.pk, "op": "on"}]}
            activity.record(
                workspace, "segment.changed", name, after={"rule": rule, "list": mine.pk, "fields": ["email"]}
            )
            activity.record(workspace, "contact.edited", name, subject=ContactFactory(workspace=workspace))
        client.get("/w/acme/activity/")
        with CaptureQueriesContext(database) as queries:
            client.get("/w/acme/activity/")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def about(client):
    """(text, address) of what each entry is about, the newest first."""
    lines = client.get("/w/acme/activity/").context["entries"]
    return [tuple(line.subject) if line.subject else None for line in lines]


def test_an_entry_leads_to_the_person_by_name_and_shows_a_viewer_no_address(browse, workspace):
    ana = ContactFactory(workspace=workspace, email="ana@x.test", first_name="Ana", last_name="ana@x.test")
    ben = ContactFactory(workspace=workspace, email="ben@x.test", first_name="", last_name="")
    for subject in (None, ana, ben):
        activity.record(workspace, "contact.edited", "Edited a contact.", subject=subject)
    urls = [f"/w/acme/contacts/{contact.pk}/" for contact in (ben, ana)]

    assert about(browse("editor")) == [("ben@x.test", urls[0]), ("Ana ana@x.test", urls[1]), None]
    client = browse("viewer")
    assert about(client) == [("b…@x…", urls[0]), ("Ana a…@x…", urls[1]), None]
    page = client.get("/w/acme/activity/").content.decode()
    assert f'Edited a contact. <a href="{urls[0]}"><bdi>b…@x…</bdi></a>' in page


def test_an_entry_about_somebody_who_is_gone_says_so_and_leads_nowhere(browse, workspace):
    ana = ContactFactory(workspace=workspace)
    activity.record(workspace, "contact.edited", "Edited a contact.", subject=ana)
    ana.delete()
    client = browse("viewer")

    assert about(client) == [("Somebody who is no longer here", "")]
    assert (
        'Edited a contact. <span class="quiet">Somebody who is no longer here</span>'
        in client.get("/w/acme/activity/").content.decode()
    )


def test_an_entry_about_somebody_who_was_merged_leads_to_who_was_kept(browse, workspace, member):
    by = member("editor")
    first, second, kept = (ContactFactory(workspace=workspace, first_name=name) for name in ("A", "B", "C"))
    for other in (first, second):
        activity.record(workspace, "contact.suppressed", "Suppressed a contact by hand.", subject=other)
    for kept_now, other in ((second, first), (kept, second)):
        kept_now.refresh_from_db()
        services.merge_people(
            kept=kept_now,
            other=other,
            by=by,
            picks={"first_name": "kept"},
            versions=(kept_now.version, other.version),
        )
        kept_now.refresh_from_db()

    assert {tuple(subject) for subject in about(browse("editor"))} == {
        (kept.full_name, f"/w/acme/contacts/{kept.pk}/")
    }
