"""The log of a workspace, and the search."""

import re

import pytest

from accounts import activity
from tests.factories import (
    ConnectionFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh")]


def test_the_log_is_read_page_by_page_and_filtered(browse, workspace, member):
    actor = member("editor")
    for number in range(60):
        activity.record(
            workspace, "list.renamed", f"Renamed list {number}.", actor=actor if number % 2 else None
        )
    client = browse("viewer")

    first = client.get("/w/acme/activity/").content.decode()
    assert "Renamed list 59." in first
    assert "Renamed list 9." not in first
    older = re.search(r"\?before=\d+", first)[0]
    assert "Renamed list 9." in client.get(f"/w/acme/activity/{older}").content.decode()
    mine = client.get(f"/w/acme/activity/?actor={actor.pk}").content.decode()
    assert "Renamed list 59." in mine
    assert "Renamed list 58." not in mine
    assert "Nothing of this kind" in client.get("/w/acme/activity/?kind=campaign").content.decode()


def test_an_admin_has_the_log_verified(browse, workspace):
    activity.record(workspace, "list.renamed", "Renamed.")

    assert "The chain is whole" in browse("admin").get("/w/acme/activity/?verify=1").content.decode()


def test_the_search_finds_connections_and_members_by_part_of_a_name(browse, workspace, member):
    ConnectionFactory(workspace=workspace, name="Newsletter account")
    ConnectionFactory(name="Newsletter elsewhere")
    client = browse("viewer")

    page = client.get("/w/acme/search/?q=sletter").content.decode()
    assert "Newsletter account" in page
    assert "elsewhere" not in page
    assert "Type at least two letters" in client.get("/w/acme/search/?q=n").content.decode()
    assert "Nothing found" in client.get("/w/acme/search/?q=zzzzzz").content.decode()
    assert client.get("/w/acme/search/", {"q": "a\x00b"}).status_code == 200
