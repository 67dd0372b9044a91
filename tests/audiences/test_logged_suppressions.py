"""What the activity log says of the audience: which pattern, which person, which bulk action."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audiences import services
from audiences.entries import read_entries
from audiences.models import Suppression
from audiences.queries.contacts import People
from audiences.services.by_hand import suppress_entries
from audiences.services.lifting import lift_pattern
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db


def suppress(workspace, by, text):
    suppress_entries(workspace=workspace, by=by, entries=read_entries(text)[0], reason="Legal")


def lines(browse, role="editor", kind="suppression"):
    """(what, whom, where it leads, details) of each entry, the newest first."""
    found = browse(role).get(f"/w/acme/activity/?kind={kind}").context["entries"]
    return [
        (line.entry.sentence, line.subject and line.subject.text, line.subject and line.subject.url, line.details)
        for line in found
    ]  # fmt: skip


def test_a_pattern_is_named_by_who_added_it_and_by_who_lifted_it(browse, workspace, member):
    suppress(workspace, member("approver"), "*@spam.test")
    pattern = Suppression.objects.get()
    lift_pattern(suppression=pattern, by=member("approver"), reason="Sold")
    url = f"/w/acme/suppressions/{pattern.pk}/"

    expected = [
        ("Lifted a suppressed pattern, as Approver.", "*@spam.test", url, [("People", "0"), ("Reason", "Sold")]),
        ("Suppressed by hand: 1 pattern.", "*@spam.test", url, [("Reason", "Legal")]),
    ]  # fmt: skip
    assert lines(browse) == expected
    assert lines(browse, "viewer") == expected


def test_a_viewer_does_not_read_the_name_in_a_pattern(browse, workspace, by):
    suppress(workspace, by, "anna.berg@*")
    suppress(workspace, by, "carl.berg@*\n*@spam.test\nnew@x.test")

    def said(role):
        return [(sentence, subject, details) for sentence, subject, _, details in lines(browse, role)]

    assert said("editor") == [
        (
            "Suppressed by hand: 1 address, 2 patterns.", None,
            [("Reason", "Legal"), ("Patterns", "all of spam.test, carl.berg@*")],
        ),
        ("Suppressed by hand: 1 pattern.", "anna.berg@*", [("Reason", "Legal")]),
    ]  # fmt: skip
    assert said("viewer") == [
        (
            "Suppressed by hand: 1 address, 2 patterns.", None,
            [("Reason", "Legal"), ("Patterns", "all of spam.test, c…@*…")],
        ),
        ("Suppressed by hand: 1 pattern.", "a…@*…", [("Reason", "Legal")]),
    ]  # fmt: skip


def test_one_address_leads_to_the_person_or_else_to_the_block(browse, workspace, by):
    ana = ContactFactory(workspace=workspace, email="ana@x.test", first_name="Ana", last_name="")
    suppress(workspace, by, "ana@x.test")
    suppress(workspace, by, "new@x.test")
    block = Suppression.objects.get(contact=None)

    assert lines(browse) == [
        ("Suppressed by hand: 1 address.", "new@x.test", f"/w/acme/suppressions/{block.pk}/", [("Reason", "Legal")]),
        ("Suppressed by hand: 1 address.", "Ana", f"/w/acme/contacts/{ana.pk}/", []),
    ]  # fmt: skip


def test_a_bulk_action_leads_to_its_page(browse, workspace, by):
    people = People(workspace, ids=(ContactFactory(workspace=workspace).pk,))
    mine = services.begin_bulk(
        workspace=workspace, by=by, action="suppress", people=people, arguments={"reason": "Legal"}
    )

    (_, text, url, _), = lines(browse, "viewer")  # fmt: skip
    assert (text, url) == ("Open the bulk action", f"/w/acme/bulk/{mine.pk}/")


def test_many_entries_cost_no_more_queries_than_one(browse, workspace, by):
    client = browse("viewer")

    def queries():
        with CaptureQueriesContext(connection) as found:
            client.get("/w/acme/activity/?kind=suppression")
        return len(found)

    suppress(workspace, by, "*@a.test\n*@b.test")
    suppress(workspace, by, "*@c.test")
    queries()
    first = queries()
    for letter in "defg":
        suppress(workspace, by, f"*@{letter}{letter}.test\n*@{letter}.test")
        suppress(workspace, by, f"{letter}@*")
    assert queries() == first
