"""Lists and folders: made, changed, sorted, archived; how they grow; what uses them."""

import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry, MirrorKind, MirrorRow, Pull
from audiences import queries, services, uses
from audiences.models import Folder, Import, List, Segment, Suppression
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)


def told(reply):
    return [str(message) for message in reply.context["messages"]]


def verbs():
    return list(ActivityEntry.objects.order_by("id").values_list("verb", flat=True))


# -- Making and changing


def test_a_list_is_made_with_its_folder(browse, workspace):
    reply = browse("editor").post(
        "/w/acme/lists/new/",
        {"name": "  Spring   fair ", "description": "Met us there", "new_folder": "Fairs"},
    )

    mine = List.objects.get()
    assert reply.url == f"/w/acme/lists/{mine.pk}/"
    assert (mine.name, mine.description, mine.folder.name) == ("Spring fair", "Met us there", "Fairs")
    assert verbs() == ["folder.made", "list.made"]


def test_a_second_list_of_a_name_is_made_only_when_that_is_meant(browse, workspace):
    ListFactory(workspace=workspace, name="News")
    client = browse("editor")

    reply = client.post("/w/acme/lists/new/", {"name": "news", "description": "Kept"})
    assert reply.status_code == 422
    assert "Another list has this name already" in reply.content.decode()
    assert "Kept" in reply.content.decode()
    assert List.objects.count() == 1
    folder = Folder.objects.create(workspace=workspace, name="Fairs")
    twice = client.post("/w/acme/lists/new/", {"name": "news", "folder": folder.pk, "new_folder": "Else"})
    assert sorted(twice.context["form"].errors) == ["is_twin", "new_folder"]

    assert client.post("/w/acme/lists/new/", {"name": "news", "is_twin": "on"}).status_code == 302
    assert List.objects.count() == 2


@pytest.mark.parametrize("typed", [{"name": ""}, {"name": "x" * 201}, {"name": "A", "folder": "999999"}])
def test_what_is_typed_wrong_makes_no_list(browse, workspace, typed):
    assert browse("editor").post("/w/acme/lists/new/", typed).status_code == 422
    assert not List.objects.exists()


def test_two_people_cannot_overwrite_each_other(browse, workspace, member):
    mine = ListFactory(workspace=workspace, name="News")
    client = browse("editor")
    services.change_list(mine=mine, by=member(), version=1, name="Morning news")

    reply = client.post(f"/w/acme/lists/{mine.pk}/edit/", {"name": "Evening news", "version": "1"})
    assert reply.status_code == 422
    page = reply.content.decode()
    assert "it is called “Morning news”" in page
    assert 'value="Evening news"' in page

    again = client.post(
        f"/w/acme/lists/{mine.pk}/edit/", {"name": "Evening news", "version": reply.context["version"]}
    )
    assert again.status_code == 302
    mine.refresh_from_db()
    assert (mine.name, mine.version) == ("Evening news", 3)


def test_a_form_that_was_wrong_first_still_meets_the_change_of_another(browse, workspace, member):
    mine = ListFactory(workspace=workspace, name="News")
    client = browse("editor")
    services.change_list(mine=mine, by=member(), version=1, name="Morning news")

    reply = client.post(f"/w/acme/lists/{mine.pk}/edit/", {"name": "", "version": "1"})
    assert reply.context["version"] == 1


def test_saving_nothing_new_writes_nothing(workspace, member):
    mine = ListFactory(workspace=workspace, name="News")
    services.change_list(mine=mine, by=member(), version=1, name="News")
    assert (List.objects.get().version, verbs()) == (1, [])


@pytest.mark.parametrize(
    "path", ["lists/new/", "lists/{}/edit/", "lists/change/", "lists/folders/", "lists/folders/{}/remove/"]
)
def test_viewers_change_no_list(browse, workspace, path):
    mine = ListFactory(workspace=workspace, folder=Folder.objects.create(workspace=workspace, name="A"))
    url = f"/w/acme/{path.format(mine.folder_id if 'folders' in path else mine.pk)}"
    reply = browse("viewer").post(url, {"name": "B", "ids": mine.pk, "action": "archive"})
    assert reply.status_code == 403
    assert (Folder.objects.get().name, List.objects.get().archived_at) == ("A", None)


def test_lists_and_folders_of_another_workspace_stay_as_they_are(browse, workspace):
    other = WorkspaceFactory()
    theirs = ListFactory(workspace=other, folder=Folder.objects.create(workspace=other, name="A"))
    client = browse()
    for path in (
        f"lists/{theirs.pk}/edit/",
        f"lists/folders/{theirs.folder_id}/rename/",
        f"lists/folders/{theirs.folder_id}/remove/",
        f"lists/{theirs.pk}/growth/joined/",
    ):
        method = client.get if "growth" in path else client.post
        assert method(f"/w/acme/{path}", {"name": "B"}).status_code == 404
    for action in ("archive", "move"):
        client.post("/w/acme/lists/change/", {"ids": theirs.pk, "action": action, "folder": theirs.folder_id})
    assert List.objects.get().archived_at is None
    mine = ListFactory(workspace=workspace)
    client.post("/w/acme/lists/change/", {"ids": mine.pk, "action": "move", "folder": theirs.folder_id})
    mine.refresh_from_db()
    assert mine.folder is None


# -- Archiving and sorting


def test_ticked_lists_are_archived_and_come_back(browse, workspace):
    one, two = ListFactory(workspace=workspace), ListFactory(workspace=workspace)
    client = browse("editor")

    reply = client.post(
        "/w/acme/lists/change/",
        {"ids": [one.pk, two.pk], "action": "archive", "next": "/w/acme/lists/?sort=-name"},
    )
    assert reply.url == "/w/acme/lists/?sort=-name"
    assert client.get("/w/acme/lists/").context["rows"] == []
    archived = client.get("/w/acme/lists/?show=archived").context["rows"]
    assert [row.mine for row in archived] == [one, two]

    client.post("/w/acme/lists/change/", {"ids": [one.pk], "action": "bring_back"})
    assert [row.mine for row in client.get("/w/acme/lists/").context["rows"]] == [one]
    assert verbs() == ["list.archived", "list.archived", "list.brought_back"]


def test_a_list_in_use_is_archived_only_after_its_uses_were_named(browse, workspace):
    used, idle = ListFactory(workspace=workspace, name="Used"), ListFactory(workspace=workspace, name="Idle")
    campaign = CampaignFactory(workspace=workspace, name="November news", status="scheduled")
    draft = CampaignFactory(workspace=workspace, name="A draft")
    sent = CampaignFactory(workspace=workspace, name="Long gone", status="sent")
    for one in (campaign, draft, sent):
        one.lists.add(used)
    client = browse("editor")

    reply = client.post("/w/acme/lists/change/", {"ids": [used.pk, idle.pk], "action": "archive"})
    page = reply.content.decode()
    assert reply.status_code == 200
    assert f'href="{campaign.get_absolute_url()}"' in page.replace("/w/acme", "")
    assert (
        'A draft</bdi></a></dd><dd class="quiet small">Cannot go out before this is taken out of it' in page
    )
    assert 'November news</bdi></a></dd><dd class="quiet small">Still goes as it was released' in page
    assert "Long gone" not in page
    assert not List.objects.exclude(archived_at=None).exists()

    client.post("/w/acme/lists/change/", {"ids": [used.pk], "action": "archive", "confirmed": "yes"})
    assert list(List.objects.exclude(archived_at=None)) == [used]


def test_a_list_that_only_a_draft_uses_is_archived_after_the_draft_was_named(browse, workspace):
    used = ListFactory(workspace=workspace, name="Newsletter")
    CampaignFactory(workspace=workspace, name="December letter").lists.add(used)
    client = browse("editor")

    page = client.post("/w/acme/lists/change/", {"ids": [used.pk], "action": "archive"}).content.decode()
    assert "December letter" in page
    assert List.objects.get().archived_at is None

    reply = client.post(
        "/w/acme/lists/change/", {"ids": [used.pk], "action": "archive", "confirmed": "yes"}, follow=True
    )
    assert told(reply) == ["Archived 1 list. Bring it back at any time."]


def test_an_open_import_counts_as_a_use(workspace):
    mine = ListFactory(workspace=workspace)
    kept = Import.objects.create(workspace=workspace, name="a.csv", list=mine, digest="a", state="ready")
    Import.objects.create(workspace=workspace, name="b.csv", list=mine, digest="b", state="done")
    assert [(use.kind, use.name, use.url) for use in uses.of(workspace, "list", [mine.pk])[mine.pk]] == [
        ("Import", "a.csv", kept.get_absolute_url())
    ]


def test_a_segment_over_a_list_counts_as_a_use(workspace):
    mine, other = ListFactory(workspace=workspace), ListFactory(workspace=workspace)

    def segment(name, *conditions, **values):
        rule = {"join": "all", "rules": [{"join": "any", "rules": list(conditions)}]}
        return Segment.objects.create(workspace=workspace, name=name, **{"rule": rule} | values)

    on = {"kind": "list", "of": mine.pk, "op": "on"}
    segment("Deep", {"kind": "list", "of": other.pk, "op": "left"}, on)
    segment("A tag of the same number", {"kind": "tag", "of": mine.pk, "op": "has"})
    segment("Archived", on, archived_at=timezone.now())
    segment("Broken", rule={"odd": 1})

    used = uses.of(workspace, "list", [mine.pk, other.pk])
    told = [(of, use.kind, use.name, use.is_archived) for of in sorted(used) for use in used[of]]
    assert told == [
        (mine.pk, "Segment", "Archived", True), (mine.pk, "Segment", "Deep", False),
        (other.pk, "Segment", "Deep", False),
    ]  # fmt: skip


def test_lists_move_to_a_folder_and_out_of_it(browse, workspace):
    folder = Folder.objects.create(workspace=workspace, name="Fairs")
    one, two = (
        ListFactory(workspace=workspace, name="One"),
        ListFactory(workspace=workspace, name="Two", folder=folder),
    )
    client = browse("editor")

    client.post("/w/acme/lists/change/", {"ids": [one.pk, two.pk], "action": "move", "folder": folder.pk})
    inside = client.get(f"/w/acme/lists/?folder={folder.pk}").context["rows"]
    assert [row.mine for row in inside] == [one, two]
    assert verbs() == ["list.moved"]

    client.post("/w/acme/lists/change/", {"ids": [two.pk], "action": "move", "folder": "none"})
    assert [row.mine for row in client.get("/w/acme/lists/?folder=none").context["rows"]] == [two]


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"action": "archive"},
        {"ids": ["x", "9" * 30], "action": "archive"},
        {"ids": ["1"], "action": "burn"},
    ],
)
def test_doing_nothing_to_lists_says_so(browse, workspace, posted):
    reply = browse("editor").post("/w/acme/lists/change/", posted, follow=True)
    assert told(reply) == ["Nothing was done: tick the lists, then say what is to become of them."]


@pytest.mark.parametrize(
    ("sort", "names"),
    [("name", "abc"), ("-name", "cba"), ("people", "bca"), ("-people", "acb"), ("odd", "abc")],
)
def test_lists_are_sorted_and_paged_by_what_the_address_says(browse, workspace, monkeypatch, sort, names):
    for name, count in (("a", 30), ("b", 1), ("c", 1)):
        ListFactory(workspace=workspace, name=name, subscribed_count=count)
    monkeypatch.setattr(sys.modules["audiences.queries.lists"], "PAGE", 2)
    client = browse("viewer")

    first = client.get("/w/acme/lists/", {"sort": sort}).context
    second = client.get("/w/acme/lists/", {"sort": sort, "after": first["after"]}).context
    assert "".join(row.mine.name for row in [*first["rows"], *second["rows"]]) == names
    assert second["after"] == ""


def test_lists_of_one_name_stand_in_the_order_of_their_accounts(browse, workspace, monkeypatch):
    zurich, arles = (ConnectionFactory(workspace=workspace, name=name) for name in ("Zurich", "Arles"))
    made = [ListFactory(workspace=workspace, name="News") for _ in range(5)]
    for mine, connection in zip(made, (zurich, arles, zurich, arles), strict=False):
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.LIST, object_id=mine.pk, remote_id=f"{mine.pk}"
        )
    monkeypatch.setattr(sys.modules["audiences.queries.lists"], "PAGE", 2)
    client, seen, after = browse("viewer"), [], ""
    for _ in range(3):
        page = client.get("/w/acme/lists/", {"after": after}).context
        seen += [row.mine for row in page["rows"]]
        after = page["after"]

    assert (seen, after) == ([made[4], made[1], made[3], made[0], made[2]], "")
    menu = client.get("/w/acme/contacts/").context["form"].fields["list"].choices
    assert [pk for pk, _ in menu][1:] == [mine.pk for mine in seen]


@pytest.mark.parametrize(
    "query",
    [
        "after=%00x%1f9",
        "after=x%1f1&sort=people",
        "after=x%1fa%1f1",
        "after=3%1f%00%1f1&sort=people",
        "folder=abc",
        "folder=99",
        "show=x",
    ],
)
def test_odd_addresses_of_lists_show_the_page(browse, workspace, query):
    assert browse().get(f"/w/acme/lists/?{query}").status_code == 200


def test_a_filter_that_does_not_hold_shows_no_list_and_says_so(browse, workspace):
    ListFactory(workspace=workspace)
    page = browse().get("/w/acme/lists/?folder=99&sort=x").context

    assert (page["rows"], page["notes"]) == ([], ["Folder: “99” is none of the choices."])
    assert [chip["label"] for chip in page["chips"]] == ["Folder: does not hold"]


# -- Folders


def test_folders_are_made_renamed_and_removed_without_their_lists(browse, workspace):
    client = browse("editor")
    client.post("/w/acme/lists/folders/", {"name": "Fairs"})
    folder = Folder.objects.get()
    mine = ListFactory(workspace=workspace, folder=folder)

    client.post(f"/w/acme/lists/folders/{folder.pk}/rename/", {"name": "Markets", "version": "1"})
    assert Folder.objects.get().name == "Markets"

    client.post(f"/w/acme/lists/folders/{folder.pk}/remove/")
    mine.refresh_from_db()
    assert (Folder.objects.count(), mine.folder, mine.version) == (0, None, 2)
    assert verbs() == ["folder.made", "folder.renamed", "folder.removed"]


def test_a_folder_keeps_its_name_when_it_is_taken_or_somebody_was_faster(browse, workspace):
    folder = Folder.objects.create(workspace=workspace, name="Fairs", version=2)
    Folder.objects.create(workspace=workspace, name="Shops")
    client = browse("editor")
    url = f"/w/acme/lists/folders/{folder.pk}/rename/"

    assert (
        "Another folder has this name already"
        in client.post(url, {"name": "Shops", "version": "2"}).content.decode()
    )
    assert (
        "Somebody changed this folder"
        in client.post(url, {"name": "Markets", "version": "1"}).content.decode()
    )
    assert client.post("/w/acme/lists/folders/", {"name": "Shops"}).status_code == 422
    assert sorted(Folder.objects.values_list("name", flat=True)) == ["Fairs", "Shops"]


def test_a_folder_removed_here_does_not_come_back_with_the_next_pull(
    workspace, account, connection, pull, member
):
    there = account.new_folder("Fairs")
    account.new_list("Spring", there)
    pull()
    services.remove_folder(folder=Folder.objects.get(name="Fairs"), by=member())
    account.new_list("Autumn", there)

    pull()

    assert not Folder.objects.filter(name="Fairs").exists()
    assert sorted(List.objects.values_list("name", "folder")) == [("Autumn", None), ("Spring", None)]


# -- Growth

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def grown(workspace, monkeypatch):
    """A list with one person of each fate, a day apart from the next."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    mine = ListFactory(workspace=workspace)

    def on(day, status="subscribed", changed=None):
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        changed = at if changed is None else datetime(2026, 11, changed, 12, tzinfo=UTC)
        return SubscriptionFactory(list=mine, status=status, created_at=at, changed_at=changed).contact

    def lost(contact, day, reason, **values):
        SuppressionFactory(
            contact=contact, reason=reason, at=datetime(2026, 11, day, 12, tzinfo=UTC), **values
        )

    on(1)
    on(2, "unsubscribed", 5)
    on(2, "removed", 6)
    on(3, "pending")
    on(4, "unsubscribed", 3)  # had left before it was read here
    left = on(5)
    lost(left, 7, Suppression.Reason.UNSUBSCRIBED)
    lost(left, 9, Suppression.Reason.BOUNCED, connection=ConnectionFactory(workspace=workspace))
    lost(on(5), 8, Suppression.Reason.BOUNCED)
    lost(on(5), 8, Suppression.Reason.BY_HAND)
    lost(on(5), 8, Suppression.Reason.COMPLAINED, lifted_at=NOW)
    lost(ContactFactory(workspace=workspace), 8, Suppression.Reason.UNSUBSCRIBED)  # on no list
    return mine


def test_growth_counts_everybody_once_on_their_day(grown):
    found = queries.growth(grown, span="30")
    days = {
        day.day: tuple(counts.values())
        for day, counts in found.rows
        if day.month == 11 and any(counts.values())
    }
    assert days == {
        1: (1, 0, 0, 0), 2: (2, 0, 0, 0), 3: (0, 1, 0, 0), 5: (4, 1, 0, 0), 6: (0, 0, 1, 0), 7: (0, 1, 0, 0),
        8: (0, 0, 0, 1),
    }  # fmt: skip
    assert (found.unit, len(found.rows), found.rows[-1][0].isoformat()) == ("day", 30, "2026-11-20")
    assert found.totals == {"joined": 7, "left": 3, "removed": 1, "bounced": 1}


def test_who_was_on_a_list_when_it_was_first_read_is_no_growth(browse, grown, workspace):
    connection = ConnectionFactory(workspace=workspace)
    List.objects.filter(pk=grown.pk).update(created_at=datetime(2026, 11, 1, 11, tzinfo=UTC))
    grown.refresh_from_db()
    MirrorRow.objects.create(connection=connection, kind=MirrorKind.LIST, object_id=grown.pk, remote_id="7")
    Pull.objects.create(
        connection=connection, state="done", created_at=datetime(2026, 11, 1, 10, tzinfo=UTC),
        finished_at=datetime(2026, 11, 2, 13, tzinfo=UTC),
    )  # fmt: skip

    found = queries.growth(grown, span="30")

    assert (found.totals, found.stock) == ({"joined": 4, "left": 3, "removed": 1, "bounced": 1}, 3)
    page = browse().get(f"/w/acme/lists/{grown.pk}/growth/?span=30").content.decode()
    assert "3 people were on it when it was first read from an account" in page.replace("\xa0", " ")


@pytest.mark.parametrize("kind", ["joined", "left", "removed", "bounced"])
def test_a_number_of_growth_opens_the_people_it_counts(browse, grown, kind):
    client = browse()
    rows = client.get(f"/w/acme/lists/{grown.pk}/growth/{kind}/?span=30").context["rows"]
    assert len(rows) == queries.growth(grown, span="30").totals[kind]
    assert rows == sorted(rows, key=lambda row: -int(row[0].split("/")[-2]))


def test_days_begin_at_midnight_in_the_zone_of_the_workspace(workspace, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    workspace.time_zone = "Pacific/Auckland"
    workspace.save()
    mine = ListFactory(workspace=workspace)
    SubscriptionFactory(list=mine, created_at=datetime(2026, 11, 9, 11, 30, tzinfo=UTC))
    found = queries.growth(mine, span="30")
    assert [day.isoformat() for day, counts in found.rows if counts["joined"]] == ["2026-11-10"]
    assert found.rows[-1][0].isoformat() == "2026-11-21"


@pytest.mark.parametrize(
    ("span", "ago", "unit", "most"),
    [("365", 300, "week", 53), ("all", 60, "day", 61), ("all", 1500, "month", 50)],
)
def test_long_spans_are_told_by_week_or_month(workspace, monkeypatch, span, ago, unit, most):
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    mine = ListFactory(workspace=workspace)
    SubscriptionFactory(list=mine, created_at=NOW - timedelta(days=ago))
    found = queries.growth(mine, span=span)
    assert (found.unit, found.totals["joined"]) == (unit, 1)
    assert len(found.rows) == most


def test_growth_of_nobody_is_no_error(browse, workspace):
    mine = ListFactory(workspace=workspace)
    client = browse("viewer")
    for query in ("", "?span=all", "?span=odd"):
        assert client.get(f"/w/acme/lists/{mine.pk}/growth/{query}").status_code == 200
    assert client.get(f"/w/acme/lists/{mine.pk}/growth/odd/").status_code == 404


# -- Accounts


def test_a_list_says_what_each_account_makes_of_it(browse, workspace):
    folder = Folder.objects.create(workspace=workspace, name="Fairs")
    mine = ListFactory(workspace=workspace, name="News", subscribed_count=5)
    there = ConnectionFactory(workspace=workspace, name="A")

    def mirror(connection, kind, object_id, remote_id, **theirs):
        return MirrorRow.objects.create(
            connection=connection, kind=kind, object_id=object_id, remote_id=remote_id, theirs=theirs
        )

    mirror(there, MirrorKind.FOLDER, folder.pk, "9", name="Fairs")
    mirror(there, MirrorKind.LIST, mine.pk, "1", name="Old news", size=7, folder_remote_id="9")
    in_step = ConnectionFactory(workspace=workspace, name="B")
    mirror(in_step, MirrorKind.LIST, mine.pk, "2", name="News", size=5)
    gone = mirror(
        ConnectionFactory(workspace=workspace, name="C"), MirrorKind.LIST, mine.pk, "3", name="News"
    )
    MirrorRow.objects.filter(pk=gone.pk).update(gone_at=NOW)

    found = queries.list_in_accounts(mine)
    assert [(one.name, one.people, one.differences) for one in found] == [
        ("Old news", 7, ["It is called “Old news” there.", "It stands in the folder “Fairs” there."]),
        ("News", 5, []),
        ("News", None, []),
    ]
    page = " ".join(browse().get(f"/w/acme/lists/{mine.pk}/").content.decode().split())
    assert "7 people there, 5 here." in page
    assert page.count("in step") == 1
    List.objects.update(subscribed_count=4)
    page = " ".join(browse().get(f"/w/acme/lists/{mine.pk}/").content.decode().split())
    assert "5 people there, 4 here." in page
    assert "in step" not in page
    assert "gone there" in page


def test_the_page_of_a_list_costs_the_same_for_one_account_and_use_and_three(browse, workspace):
    client = browse()
    mine = ListFactory(workspace=workspace)
    url = f"/w/acme/lists/{mine.pk}/"

    def add():
        connection = ConnectionFactory(workspace=workspace)
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.LIST, object_id=mine.pk, remote_id="1", theirs={}
        )
        CampaignFactory(workspace=workspace, connection=connection).lists.add(mine)
        SubscriptionFactory(list=mine)

    def queries_now():
        client.get(url)
        with CaptureQueriesContext(database) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    add()
    one = queries_now()
    add()
    add()
    assert queries_now() == one
