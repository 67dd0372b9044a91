"""A pull against the sandbox over a real socket."""

from django.db import connection as connection_to_database

from accounts.models import MirrorKind, MirrorRow
from audiences.models import Contact, Field, List, Subscription, Suppression


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
