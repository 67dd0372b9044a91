"""One order for all: the audience, then the row of the work, then lists by id, then the log. Two workers never wait in a ring."""

import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import outbox
from accounts.models import MirrorKind, MirrorRow, Pull
from accounts.providers.base import Effect
from audiences import services
from audiences.bulk import running as bulk
from audiences.importing import running as importing
from audiences.mirror import contacts
from audiences.models import BulkAction, Import, List, Subscription
from audiences.sets import _key
from tests.audiences.importing import begin as begin_import
from tests.audiences.importing import preview
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db

_LOCKS = re.compile(
    r'(?:update|delete from) "?(\w+)|select .*? from "?(\w+).* for (?:no key )?update', re.DOTALL
)


def held(workspace, work):
    """What is held, in this order, each once."""
    with CaptureQueriesContext(database) as told:
        work()
    found = []
    for query in told:
        text = query["sql"].lower()
        if "advisory_xact_lock" in text:
            found.append("audience" if str(_key(workspace)) in text else "log")
        elif locked := _LOCKS.match(text):
            found.append((locked[1] or locked[2]).removeprefix("audiences_"))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    "end",
    [
        lambda mine: importing._end(mine, Import.State.DONE),
        lambda mine: importing.fail(mine, "No."),
    ],
)
def test_at_the_end_of_an_import(workspace, by, end):
    mine = Import.objects.create(
        workspace=workspace, list=ListFactory(workspace=workspace), name="people.csv", digest="x",
        created_by=by, state="running", counts={"new": 1},
    )  # fmt: skip

    assert held(workspace, lambda: end(mine))[:2] == ["audience", "import"]


@pytest.fixture
def with_a_field(workspace, by):
    """An import that waits to be started and makes a field then."""
    mapping = [{"to": "email", "as": "text"}, {"to": "new", "as": "text"}]
    return preview(begin_import(workspace, by, "Email,Size\nana@x.test,38\n"), by, mapping)


def test_at_the_start_of_an_import(with_a_field, workspace, by):
    def start():
        services.start_import(mine=with_a_field, by=by, version=with_a_field.version)

    assert held(workspace, start)[:2] == ["audience", "import"]


def test_an_import_that_makes_nothing_waits_for_nobody_elses_chunk(workspace, by):
    mine = preview(begin_import(workspace, by, "Email,City\nana@x.test,Bern\n"), by)
    other = preview(begin_import(workspace, by, "Email,City\nben@x.test,Bern\n"), by)

    def start_and_cancel():
        services.start_import(mine=mine, by=by, version=mine.version)
        services.cancel_import(mine=other, by=by)

    assert "audience" not in held(workspace, start_and_cancel)


def test_where_an_import_is_given_up_whose_fields_were_made(with_a_field, workspace, by):
    services.start_import(mine=with_a_field, by=by, version=with_a_field.version)
    importing.fail(with_a_field, "No.")
    with_a_field.refresh_from_db()

    def cancel():
        services.cancel_import(mine=with_a_field, by=by)

    assert held(workspace, cancel)[:2] == ["audience", "import"]


def test_at_the_end_of_a_bulk_action(workspace, by):
    news = ListFactory(workspace=workspace)
    mine = BulkAction.objects.create(
        workspace=workspace,
        action="add_to_list",
        people={},
        arguments={"list": news.pk},
        until=1,
        created_by=by,
    )

    assert held(workspace, lambda: bulk.end(mine, BulkAction.State.DONE)) == [
        "audience", "bulkaction", "list", "log",
    ]  # fmt: skip


def test_where_a_few_people_get_back_what_they_had(workspace, by, begin):
    ContactFactory(workspace=workspace)
    mine = begin("add_to_list", list=ListFactory(workspace=workspace).pk, consent_source="Fair")

    assert held(workspace, lambda: services.undo_bulk(mine=mine, by=by))[-2:] == ["list", "log"]


def test_on_a_last_page_with_nobody_on_it(workspace, account, connection, pull):
    pull()
    long_ago = Pull.objects.get().created_at - timedelta(days=9)
    for number in range(11):  # too many to believe that they are gone: the log says so
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.CONTACT, object_id=number, remote_id=f"gone-{number}",
            version=1, seen_at=long_ago,
        )  # fmt: skip
    MirrorRow.objects.update(seen_at=long_ago)
    connection.refresh_from_db()
    walk = Pull.objects.create(connection=connection, step=3, state="running")

    order = held(workspace, lambda: [*contacts.pull_contacts(walk, connection.open())])

    assert (order[0], "log" in order) == ("audience", True)


def test_lists_are_taken_by_id_before_they_are_counted(workspace):
    for _ in range(2):
        ListFactory(workspace=workspace)
    with CaptureQueriesContext(database) as told:
        services.refresh_counts(workspace=workspace)

    order = [query["sql"] for query in told if "audiences_list" in query["sql"]]
    assert [bool(re.search(r"order by id for no key update$", text)) for text in order] == [True, False]


def test_a_pull_and_a_folder_take_their_lists_first_and_by_id(workspace, by, account, connection, pull):
    tower = account.new_folder("Tower")
    for name in ("News", "Shop"):
        account.new_list(name, tower)
    pull()
    folder = List.objects.first().folder
    account.call("PUT", f"/contacts/folders/{tower}", name="Tour")
    pulled = held(workspace, pull)
    removed = held(workspace, lambda: services.remove_folder(folder=folder, by=by))

    assert removed == ["list", "folder", "log"]
    assert [name for name in pulled if name in ("list", "folder")] == ["list", "folder"]


def test_following_counts_a_list_that_somebody_left_under_another_address(
    account, connection, pull, workspace
):
    folder = account.new_folder("Tower")
    news, shop = account.new_list("News", folder), account.new_list("Shop", folder)
    account.contact("ana@example.test", news, shop)
    pull()
    Pull.objects.update(created_at=timezone.now())
    left = Subscription.objects.get(list__name="News")
    left.status, left.changed_at = "unsubscribed", timezone.now()
    left.save()
    now = SubscriptionFactory(
        contact=ContactFactory(workspace=workspace, email="ana@new.test", first_name="Ana"), list=left.list,
        changed_at=timezone.now() - timedelta(days=9),
    )  # fmt: skip
    List.objects.update(subscribed_count=1)
    account.update("ana@example.test", attributes={"EMAIL": "ana@new.test"})

    outbox.record(task="audiences.follow", subject=connection, connection=connection, effect=Effect.READ)
    run_outbox("audiences.follow")

    now.refresh_from_db()
    assert (now.status, List.objects.get(name="News").subscribed_count) == ("unsubscribed", 0)


def test_following_counts_the_lists_that_changed_and_no_other(account, connection, pull, workspace):
    folder = account.new_folder("Tower")
    news, shop = account.new_list("News", folder), account.new_list("Shop", folder)
    account.contact("ana@example.test", news, shop)
    pull()
    Pull.objects.update(created_at=timezone.now())
    List.objects.update(subscribed_count=7)  # would be put right by a count
    account.update("ana@example.test", unlinkListIds=[news])
    account.contact("ben@example.test", news)

    outbox.record(task="audiences.follow", subject=connection, connection=connection, effect=Effect.READ)
    run_outbox("audiences.follow")

    assert dict(List.objects.values_list("name", "subscribed_count")) == {"News": 1, "Shop": 7}
