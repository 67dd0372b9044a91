"""A pull against the sandbox over a real socket."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db import connection as connection_to_database
from django.utils import timezone

from accounts import outbox
from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry, Pull
from accounts.providers.brevo import client as brevo_client
from audiences.mirror import lists, merge, walk
from audiences.models import Contact, Field, List, Subscription, Suppression
from tests.audiences.conftest import STEPS, Account
from tests.factories import ConnectionFactory
from tests.helpers import run_outbox


def counts(pull, step="audiences.pull_contacts"):
    return {name: count for name, count in pull.counts[step].items() if count and name != "total"}


def test_pull_takes_over_people_lists_and_fields(account, connection, pull):
    folder = account.new_folder("Tower")
    news = account.new_list("News", folder)
    account.contact("Ana@Example.test", news, FIRSTNAME="Ana", LASTNAME="Bell")
    account.contact("ben@example.test", FIRSTNAME="Ben")

    done = pull()

    assert counts(done) == {"read": 2, "created": 2}
    ana = Contact.objects.get(email="ana@example.test")
    assert (ana.first_name, ana.last_name) == ("Ana", "Bell")
    assert [(s.list.name, s.status) for s in ana.subscriptions.all()] == [("News", "subscribed")]
    mine = List.objects.get(name="News")
    assert (mine.folder.name, mine.subscribed_count) == ("Tower", 1)
    assert Field.objects.filter(key="first_name").exists()
    assert MirrorRow.objects.filter(kind=MirrorKind.CONTACT).count() == 2


def test_pull_again_writes_nothing(account, connection, pull):
    news = account.new_list("News", account.new_folder("Tower"))
    for n in range(5):
        account.contact(f"p{n}@example.test", news, FIRSTNAME=f"P{n}")
    account.update("p4@example.test", emailBlacklisted=True)
    pull()
    before = written_rows()

    again = pull()

    assert counts(again) == {"read": 5, "unchanged": 5}
    assert written_rows() == before


def test_counts_add_up_for_every_kind_of_person(account, connection, pull):
    news = account.new_list("News", account.new_folder("Tower"))
    for name in ("same", "other", "leaves"):
        account.contact(f"{name}@example.test", news, FIRSTNAME=name)
    pull()
    account.contact("new@example.test", news)
    account.contact("blocked@example.test", news)
    account.update("blocked@example.test", emailBlacklisted=True)
    account.update("leaves@example.test", emailBlacklisted=True)
    account.update("other@example.test", attributes={"FIRSTNAME": "Else"})
    account.call("POST", "/contacts", attributes={"SMS": "+32470000001"})

    done = pull()

    assert counts(done) == {
        "read": 6, "created": 1, "changed": 1, "unchanged": 1, "suppressed": 2, "rejected": 1, "rejected_no_address": 1,
    }  # fmt: skip
    assert Contact.objects.get(email="other@example.test").first_name == "Else"


def test_nobody_unblocked_over_there_is_unblocked_here(account, connection, pull):
    account.contact("ana@example.test")
    account.update("ana@example.test", emailBlacklisted=True)
    pull()
    account.update("ana@example.test", emailBlacklisted=False)

    pull()

    suppression = Suppression.objects.get()
    assert (suppression.contact.email, suppression.lifted_at) == ("ana@example.test", None)
    mirror = MirrorRow.objects.get(kind=MirrorKind.CONTACT)
    assert mirror.theirs["blocked"] is False


def test_membership_ends_and_comes_back_by_the_accounts_word(account, connection, pull):
    news = account.new_list("News", account.new_folder("Tower"))
    account.contact("ana@example.test", news)
    pull()
    account.update("ana@example.test", unlinkListIds=[news])
    pull()
    assert Subscription.objects.get().status == "removed"
    account.update("ana@example.test", listIds=[news])
    pull()
    assert Subscription.objects.get().status == "subscribed"


def test_who_left_a_list_there_has_left_it_here_and_stays_off(account, connection, pull, sandbox):
    news = account.new_list("News", account.new_folder("Tower"))
    account.contact("ana@example.test", news)
    pull()
    sandbox.control(
        "act",
        provider="brevo",
        account="sandbox-test",
        kind="leave_list",
        email="ana@example.test",
        list=news,
    )

    pull()

    assert Subscription.objects.get().status == "unsubscribed"
    assert List.objects.get(name="News").subscribed_count == 0


def written_rows():
    """The system version of every row a repeat must leave alone."""
    with connection_to_database.cursor() as cursor:
        rows = {}
        for table in ("contact", "subscription", "suppression", "field", "list", "folder"):
            columns = "id, xmin::text" if table != "list" else "id, version::text"
            cursor.execute(f"select {columns} from audiences_{table} order by id")
            rows[table] = cursor.fetchall()
        return rows


def test_pull_writes_nothing_over_there(account, connection, pull):
    account.contact("ana@example.test")
    account.update("ana@example.test", emailBlacklisted=True)
    before = len(account.calls())
    pull()
    assert {method for method, _ in account.calls()[before:]} == {"GET"}


@pytest.fixture
def small_pages(monkeypatch):
    """Pages of 20 rows, and a transaction for each."""
    monkeypatch.setattr(brevo_client, "CONTACTS_PAGE", 20)
    monkeypatch.setattr(walk, "BATCH_ROWS", 1)


@pytest.fixture
def hundred(account, sandbox):
    sandbox.control("seed", provider="brevo", account="sandbox-test", contacts=100)
    return account


def everything():
    return [
        sorted(Contact.objects.values_list("email", "first_name", "version")),
        sorted(Subscription.objects.values_list("contact__email", "list__name", "status")),
        sorted(Suppression.objects.values_list("email", "reason")),
    ]


@pytest.mark.parametrize("page", range(1, 9))
def test_a_pull_killed_between_or_in_pages_goes_on_and_adds_up(
    page, hundred, connection, pull, small_pages, monkeypatch
):
    whole = merge.merge_contacts
    calls = 0

    def dies_once(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == page:
            whole(*args, **kwargs)  # rolled back with the page
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    monkeypatch.setattr(merge, "merge_contacts", dies_once)
    with pytest.raises(KeyboardInterrupt):
        pull()
    assert 20 * (page - 1) >= Contact.objects.count() >= 10 * (page - 1)

    # The lease runs out, the sweep frees the entry.
    OutboxEntry.objects.filter(state="claimed").update(leased_until=timezone.now() - timedelta(seconds=1))
    outbox.sweep()
    OutboxEntry.objects.filter(state="waiting").update(not_before=timezone.now())
    run_outbox(*STEPS)

    running = Pull.objects.get()
    assert counts(running) == {"read": 100, "created": 100}
    assert Contact.objects.count() == 100


def test_a_lost_database_connection_in_the_middle_is_an_attempt(
    hundred, connection, pull, small_pages, monkeypatch
):
    whole = merge.merge_contacts
    calls = 0

    def breaks_once(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OperationalError("server closed the connection unexpectedly")
        return whole(*args, **kwargs)

    monkeypatch.setattr(merge, "merge_contacts", breaks_once)
    pull()
    entry = OutboxEntry.objects.get(task="audiences.pull_contacts")
    assert (entry.state, entry.attempts, entry.crashes) == ("waiting", 1, 0)

    Pull.objects.update(state="running")
    OutboxEntry.objects.filter(state="waiting").update(not_before=timezone.now())
    run_outbox(*STEPS)

    assert counts(Pull.objects.get()) == {"read": 100, "created": 100}


def test_pages_that_overlap_count_everybody_once(hundred, connection, pull, small_pages):
    for number in range(5):
        hundred.call("POST", "/contacts", attributes={"SMS": f"+3247000000{number}"})
    assert counts(pull()) == {"read": 105, "created": 100, "rejected": 5, "rejected_no_address": 5}
    assert counts(pull()) == {"read": 105, "unchanged": 100, "rejected": 5, "rejected_no_address": 5}


def test_who_is_gone_is_marked_after_two_complete_walks_and_kept(hundred, connection, pull):
    pull()
    hundred.call("DELETE", f"/contacts/{Contact.objects.first().email}")
    pull()
    assert not MirrorRow.objects.exclude(gone_at=None).exists()
    pull()
    gone = MirrorRow.objects.exclude(gone_at=None).get()
    assert Contact.objects.filter(pk=gone.object_id).exists()


def test_many_gone_at_once_are_noted_not_believed(hundred, connection, pull):
    pull()
    for contact in Contact.objects.all()[:11]:
        hundred.call("DELETE", f"/contacts/{contact.email}")
    pull()
    pull()
    assert not MirrorRow.objects.exclude(gone_at=None).exists()
    assert (
        "no longer shows 11 of 100 contacts" in ActivityEntry.objects.get(verb="pull.removals_held").sentence
    )


def test_names_of_fields_in_several_languages_fill_the_typed_columns(account, connection, pull):
    for name in ("PRENOM", "NOMBRE", "VILLE", "JOB_TITLE"):
        account.call("POST", f"/contacts/attributes/normal/{name}", type="text")
    account.contact(
        "ana@example.test", PRENOM="Ana", VILLE="Liège", JOB_TITLE="Bell founder", LASTNAME="Cloche"
    )
    pull()
    ana = Contact.objects.get()
    # FIRSTNAME comes first in the account and takes the column; the other names are fields of their own.
    assert (ana.last_name, ana.city) == ("Cloche", "Liège")
    assert ana.custom == {"prenom": "Ana", "job_title": "Bell founder"}


def test_a_second_account_fills_gaps_and_overwrites_nothing(account, connection, pull, sandbox, workspace):
    sandbox.control("seed", provider="brevo", account="sandbox-second", limits="off", lists=0, contacts=0)
    other = ConnectionFactory(workspace=workspace, base_url=sandbox.base_url(), api_key="sandbox-second")
    account.contact("ana@example.test", FIRSTNAME="Ana")
    Account(sandbox, "second").contact("ana@example.test", FIRSTNAME="Anna", LASTNAME="Bell")
    pull()
    pull(other)
    ana = Contact.objects.get()
    assert (ana.first_name, ana.last_name, ana.version) == ("Ana", "Bell", 2)


def test_hostile_and_long_values_are_kept_as_text(account, connection, pull):
    name = "<script>\\t\\N\t\n{}\"'," + "x" * 400
    account.contact("ana@example.test", FIRSTNAME=name)
    pull()
    assert Contact.objects.get().first_name == name[:200]


def test_lists_made_for_a_delivery_are_nobodys_lists(account, connection, pull, monkeypatch):
    made = account.new_list("Spring · abcdefghijkl", account.new_folder("Tower"))
    monkeypatch.setattr(lists, "WORKING_LISTS", [lambda connection, records: {str(made)}])
    pull()
    assert not List.objects.filter(name__startswith="Spring").exists()


def test_a_list_renamed_over_there_is_renamed_here_unless_it_was_here_too(account, connection, pull):
    news = account.new_list("News", account.new_folder("Tower"))
    pull()
    account.call("PUT", f"/contacts/lists/{news}", name="Bells")
    pull()
    mine = List.objects.get(name="Bells")
    List.objects.filter(pk=mine.pk).update(name="Ours", version=mine.version + 1)
    account.call("PUT", f"/contacts/lists/{news}", name="Theirs")
    pull()
    mine.refresh_from_db()
    assert mine.name == "Ours"
    assert MirrorRow.objects.get(kind=MirrorKind.LIST, object_id=mine.pk).theirs["name"] == "Theirs"
