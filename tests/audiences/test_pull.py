"""A pull against the sandbox over a real socket."""

from accounts.models import MirrorKind, MirrorRow
from audiences.models import Contact, Field, List


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
