"""Lists of one name are told apart wherever one is chosen or named."""

from datetime import UTC, datetime

import pytest

from accounts.models import MirrorKind, MirrorRow
from audiences import rules
from audiences.list_names import ListLabels, told_apart
from audiences.models import Folder
from tests.factories import CampaignFactory, ConnectionFactory, ContactFactory, ListFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)


def held_by(connection, *lists):
    for mine in lists:
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.LIST, object_id=mine.pk, remote_id=str(mine.pk)
        )


@pytest.fixture
def twins(workspace):
    """Two of one name, and one that has a namesake elsewhere and in the archive only."""
    first, second, alone = (
        ListFactory(workspace=workspace, name=name) for name in ("News", "News", "Guests")
    )
    ListFactory(workspace=workspace, name="Guests", archived_at=AT)
    ListFactory(workspace=WorkspaceFactory(), name="Guests")
    for name, mine in (("Club", first), ("Shop", second)):
        held_by(ConnectionFactory(workspace=workspace, name=name), mine)
    return first, second, alone


def test_accounts_tell_them_apart(workspace, twins, django_assert_num_queries):
    first, second, alone = twins
    label, sized = ListLabels(workspace), ListLabels(workspace, sizes=True)

    with django_assert_num_queries(2):
        labels = [label(mine) for mine in twins]

    assert labels == ["\u2068News\u2069 · Club", "\u2068News\u2069 · Shop", "Guests"]
    assert told_apart(workspace) == {first.pk: "Club", second.pk: "Shop"}
    assert sized(alone) == "\u2068Guests\u2069 (0)"


def test_then_the_folder_and_at_last_the_moment_it_was_made(workspace):
    club = ConnectionFactory(workspace=workspace, name="Club")
    folder = Folder.objects.create(workspace=workspace, name="Old")
    plain, filed = (ListFactory(workspace=workspace, name="News", folder=place) for place in (None, folder))
    held_by(club, plain, filed)
    early, late = (
        ListFactory(workspace=workspace, name="Guests", created_at=AT.replace(minute=minute))
        for minute in (5, 6)
    )

    assert told_apart(workspace) == {
        plain.pk: "Club", filed.pk: "Club · Old", early.pk: "made 21 Nov 2026, 10:05", late.pk: "made 21 Nov 2026, 10:06",
    }  # fmt: skip


def test_names_that_occur_once_cost_one_query(workspace, django_assert_num_queries):
    ListFactory(workspace=workspace)
    with django_assert_num_queries(1):
        assert told_apart(workspace) == {}


def test_every_menu_and_every_sentence_tells_them_apart(workspace, twins, browse, by, campaign_path):
    first, _, _ = twins
    client, ana = browse("editor"), ContactFactory(workspace=workspace)
    rule = rules.Condition("list", first.pk, "on")
    bulk = {"action": "add_to_list", "ids": [ana.pk]}

    pages = {
        "filters": client.get("/w/acme/contacts/"),
        "bulk": client.post("/w/acme/contacts/bulk/", bulk),
        "combine": client.get("/w/acme/lists/combine/"),
        "by hand": client.get("/w/acme/contacts/new/"),
        "person": client.get(f"/w/acme/contacts/{ana.pk}/"),
        "segments": client.get("/w/acme/segments/new/"),
        "compose": client.get(campaign_path),
    }

    told = {name: "News\u2069 · Club" in page.content.decode() for name, page in pages.items()}
    assert told == dict.fromkeys(pages, True)
    known = rules.Known.of(workspace, rule)
    assert rules.sentence(rule, known) == "on the list “\u2068News\u2069 · Club”"
    chip = client.get("/w/acme/contacts/", {"list": first.pk}).content.decode()
    assert "\u2068News\u2069 · Club: Subscribed" in chip
    assert "Guests ·" not in chip


@pytest.fixture
def campaign_path(workspace):
    return f"/w/acme/campaigns/{CampaignFactory(workspace=workspace).pk}/compose/"
