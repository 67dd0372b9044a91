"""The same pull from every provider: what it takes over, that it adds up, and that a kill anywhere changes nothing."""

from collections import Counter
from datetime import timedelta
from functools import partial
from itertools import permutations

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts import outbox, pulls
from accounts.models import MirrorKind, MirrorRow, OutboxEntry, Pull
from accounts.providers.brevo import client as brevo_client
from accounts.providers.emailcampaigns import paging as emailcampaigns_paging
from accounts.providers.emailcampaigns import people as emailcampaigns_people
from accounts.providers.especial import audience as especial_audience
from accounts.providers.especial import mapping as especial_mapping
from accounts.providers.leadfox import provider as leadfox_provider
from accounts.providers.mailmojo import paging as mailmojo_paging
from audiences import sets
from audiences.mirror import gathering, lists, merge, walk
from audiences.models import Contact, Field, Gathered, List, Subscription, Suppression
from campaigns.queries.audience import equation_of, people_of
from tests.audiences.conftest import STEPS
from tests.audiences.there import APART, EACH, There, pull
from tests.factories import CampaignFactory
from tests.helpers import run_outbox

PEOPLE = [
    {"email": "Ana@example.com", "fields": {"first_name": "Ana"}, "lists": [0]},
    {"email": "ben+x@example.com", "fields": {"first_name": "Ben"}, "lists": [0, 1]},
    {"email": "cy@example.com", "fields": {"first_name": "Cy"}, "blocked": True, "lists": [1]},
    {"email": "dora@example.com", "fields": {"first_name": "Dora"}, "lists": [0, 1], "left": [1]},
]
# Providers that remember who left a list; with the others such a person is simply not on it.
REMEMBER_LEAVES = {"brevo", "especial", "mailmojo"}
# Why the account refuses Cy, as far as it says so.
REFUSED_AS = {
    "brevo": "blocked",
    "especial": "blocked",
    "mailmojo": "unsubscribed",
    "leadfox": "unsubscribed",
    "emailcampaigns": "unsubscribed",
}


@pytest.fixture(params=EACH)
def there(request, sandbox):
    return There(sandbox, request.param)


@pytest.fixture(params=APART)
def apart(request, sandbox):
    return There(sandbox, request.param)


@pytest.fixture
def connection(there, workspace):
    return there.connect(workspace)


def go_on(connection):
    """Whatever is due of the pull, as workers would after a crash."""
    OutboxEntry.objects.filter(state="claimed").update(leased_until=timezone.now() - timedelta(seconds=1))
    outbox.sweep()
    OutboxEntry.objects.filter(state="waiting").update(not_before=timezone.now(), crashes=0)
    run_outbox(*STEPS)


def totals(pull):
    """Step → its counts, after each was seen to add up."""
    found = {}
    for step, counts in pull.counts.items():
        parts = ("created", "changed", "unchanged", "rejected", "suppressed")
        assert counts.get("read", 0) == sum(counts.get(part, 0) for part in parts), (step, counts)
        found[step.removeprefix("audiences.pull_")] = {
            name: count for name, count in counts.items() if count and name not in ("total", "gathered")
        }
    return found


def memberships():
    return sorted(Subscription.objects.values_list("contact__email", "list__name", "status"))


def name_of(email, there):
    """The first name, or where the account keeps one name for a person, that."""
    contact = Contact.objects.get(email=email)
    return contact.custom["name"] if there.slug == "emailcampaigns" else contact.first_name


def written_rows():
    """The system version of every row that a repeat must leave alone."""
    with database.cursor() as cursor:
        rows = {}
        for table in ("contact", "subscription", "suppression", "field", "list", "folder"):
            cursor.execute(f"select id, xmin::text from audiences_{table} order by id")
            rows[table] = cursor.fetchall()
        # The time of counting is news, the count is not.
        rows["list"] = list(List.objects.order_by("pk").values_list("pk", "version", "subscribed_count"))
        cursor.execute("select id, digest, version, theirs from accounts_mirrorrow order by id")
        rows["mirror"] = [(row[0], bytes(row[1] or b""), *row[2:]) for row in cursor.fetchall()]
        return rows


def mailable(workspace):
    """Addresses that a campaign to all lists would go to."""
    campaign = CampaignFactory(workspace=workspace)
    campaign.lists.set(List.objects.filter(workspace=workspace))
    assert equation_of(campaign).receives == len(people_of(campaign, "receives").people)
    return {email for _, email, *_ in people_of(campaign, "receives").people}


def test_people_lists_leaves_and_fields_are_taken_over(there, connection, workspace):
    there.seed(lists=["News", "Test"], contacts=PEOPLE)

    done = pull(connection)

    assert sorted(Contact.objects.values_list("email", flat=True)) == [
        "ana@example.com",
        "ben+x@example.com",
        "cy@example.com",
        "dora@example.com",
    ]
    left = [("dora@example.com", "Test", "unsubscribed")] if there.slug in REMEMBER_LEAVES else []
    told = {
        ("ana@example.com", "News", "subscribed"),
        ("ben+x@example.com", "News", "subscribed"),
        ("ben+x@example.com", "Test", "subscribed"),
        ("dora@example.com", "News", "subscribed"),
        *left,
    }
    cys = {row for row in memberships() if row[0] == "cy@example.com"}
    assert set(memberships()) - cys == told
    assert {name for _, name, _ in cys} == {"Test"}
    assert list(Suppression.objects.values_list("email", "reason", "connection", "contact__email")) == [
        ("cy@example.com", REFUSED_AS[there.slug], connection.pk, "cy@example.com")
    ]
    assert name_of("ana@example.com", there) == "Ana"
    assert totals(done)["contacts"]["read"] == 4
    assert mailable(workspace) == {"ana@example.com", "ben+x@example.com"} | (
        set() if left else {"dora@example.com"}
    )
    assert not Gathered.objects.exists()


def test_pull_again_changes_nothing_here_or_there(there, connection):
    there.seed(lists=["News", "Test"], contacts=PEOPLE)
    pull(connection)
    here, over_there, calls = written_rows(), there.state(), len(there.calls())

    again = pull(connection)

    assert {
        step: counts.keys() - {"rejected", "rejected_no_address"} for step, counts in totals(again).items()
    } == {step: {"read", "unchanged"} if counts else set() for step, counts in totals(again).items()}
    assert written_rows() == here
    assert there.state() == over_there
    assert {method for method, _ in there.calls()[calls:]} == {"GET"}


def test_a_person_in_three_accounts_is_one_contact(sandbox, workspace):
    slugs = ("especial", "leadfox", "emailcampaigns")
    for slug in slugs:
        account = There(sandbox, slug)
        account.seed(
            lists=[f"News of {slug}"],
            contacts=[{"email": "ana@example.com", "fields": {"first_name": "Ana"}, "lists": [0]}],
        )
        pull(account.connect(workspace))

    ana = Contact.objects.get()
    assert sorted(
        MirrorRow.objects.filter(kind=MirrorKind.CONTACT, object_id=ana.pk).values_list(
            "connection__provider", flat=True
        )
    ) == sorted(slugs)
    assert memberships() == sorted(("ana@example.com", f"News of {slug}", "subscribed") for slug in slugs)


@pytest.mark.parametrize("refusing", EACH)
def test_who_left_anywhere_is_never_mailable_in_any_order_of_pulls(refusing, sandbox, workspace):
    connections = {}
    for slug in EACH:
        account = There(sandbox, slug)
        account.seed(
            lists=["News"],
            contacts=[
                {"email": "ana@example.com", "lists": [0], "blocked": slug == refusing},
                {"email": "ben@example.com", "lists": [0]},
            ],
        )
        connections[slug] = account.connect(workspace)
    others = [slug for slug in EACH if slug != refusing]

    for slug in (others[0], refusing, *others[1:], *reversed(EACH), refusing):
        pull(connections[slug])
        if Suppression.objects.exists() or slug == refusing:
            assert mailable(workspace) == {"ben@example.com"}

    assert list(Suppression.objects.values_list("email", "connection__provider")) == [
        ("ana@example.com", refusing)
    ]


@pytest.mark.parametrize("order", list(permutations(("especial", "mailmojo", "emailcampaigns"))))
def test_who_left_one_list_stays_off_it_in_any_order_of_pulls(order, sandbox, workspace):
    """At Especial and Mailmojo Ana left News; elsewhere she is on it."""
    for slug in order:
        account = There(sandbox, slug)
        left = [0] if slug in REMEMBER_LEAVES else []
        account.seed(
            lists=[f"News of {slug}"], contacts=[{"email": "ana@example.com", "lists": [0], "left": left}]
        )
        connection = account.connect(workspace)
        pull(connection)
        pull(connection)

    assert {(name, status) for _, name, status in memberships()} == {
        ("News of especial", "unsubscribed"),
        ("News of mailmojo", "unsubscribed"),
        ("News of emailcampaigns", "subscribed"),
    }


@pytest.fixture
def small_pages(monkeypatch):
    """Pages of 20 rows wherever the page is ours to choose, a transaction for each, and few rows read twice."""
    monkeypatch.setattr(brevo_client, "CONTACTS_PAGE", 20)
    monkeypatch.setattr(especial_audience, "Pages", partial(especial_audience.Pages, size=20))
    monkeypatch.setattr(leadfox_provider, "Pages", partial(leadfox_provider.Pages, size=20))
    monkeypatch.setattr(mailmojo_paging, "PAGE_ROWS", 20)
    monkeypatch.setattr(mailmojo_paging, "OVERLAP", 3)
    monkeypatch.setattr(emailcampaigns_people, "Walk", partial(emailcampaigns_people.Walk, size=20))
    monkeypatch.setattr(emailcampaigns_paging, "OVERLAP", 3)
    monkeypatch.setattr(walk, "BATCH_ROWS", 1)
    monkeypatch.setattr(gathering, "ROWS", 20)


def dying_each_time(monkeypatch, module, name, *, after):
    """Have the call end the worker once before each time that it works; `after` it did."""
    whole = getattr(module, name)
    deaths = []

    def dies(*args, **kwargs):
        if len(deaths) > Counter(deaths)["lived"] * 2:
            deaths.append("lived")
            return whole(*args, **kwargs)
        deaths.append("died")
        if after:
            whole(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, name, dies)
    return deaths


@pytest.mark.parametrize("moment", ["in", "after"])
def test_a_pull_killed_at_each_page_goes_on_and_adds_up(moment, there, connection, small_pages, monkeypatch):
    there.seed(lists=["News", "Test"], contacts=100)
    # In it the page is written and rolled back, after it the page is there for good.
    points = {"in": [(merge, "merge_staged"), (gathering, "_keep")], "after": [(outbox, "renew")]}[moment]
    deaths = [dying_each_time(monkeypatch, *point, after=True) for point in points]
    pulls.start(connection=connection, by=None)
    kills = 0
    while OutboxEntry.objects.filter(task__in=STEPS).exclude(state__in=["done"]).exists():
        try:
            go_on(connection)
        except KeyboardInterrupt:
            kills += 1
        assert kills < 100

    assert kills == sum(Counter(points)["died"] for points in deaths) >= 5
    done = Pull.objects.get()
    assert totals(done)["contacts"] == {"read": 100, "created": 100}
    assert done.counts["audiences.pull_contacts"].get("gathered") == (120 if there.slug in APART else None)
    assert Contact.objects.count() == 100
    assert Subscription.objects.filter(status="subscribed").count() == 120
    assert MirrorRow.objects.filter(kind=MirrorKind.CONTACT).count() == 100
    assert not Gathered.objects.exists()


def test_nothing_gathered_outlives_its_pull(apart, workspace, small_pages, monkeypatch):
    connection = apart.connect(workspace)
    apart.seed(lists=["News"], contacts=60)
    running = pulls.start(connection=connection, by=None)
    dying_each_time(monkeypatch, merge, "merge_staged", after=False)
    with pytest.raises(KeyboardInterrupt):
        run_outbox(*STEPS)
    assert Gathered.objects.count() == 60

    pulls.abandon(connection=connection, note="Disconnected.")

    assert not Gathered.objects.exists()
    running.refresh_from_db()
    with pytest.raises(outbox.LeaseLost):  # a worker that has not heard of it
        pulls.store_page(running, checkpoint={"cursor": "1"})


def test_words_nobody_knows_put_a_person_nowhere_and_lose_nobody(sandbox, workspace):
    there = There(sandbox, "especial")
    connection = there.connect(workspace)
    there.seed(lists=["News"], contacts=[{"email": "ana@example.com", "lists": [0]}])
    pull(connection)
    for word in ("flagged", "inactive_bounced"):
        other = f"{word}@example.com"
        there.seed(lists=[f"List {word}"], contacts=[{"email": other, "status": word, "lists": [0]}])
    done = pull(connection)

    assert totals(done)["contacts"] == {"read": 3, "created": 2, "unchanged": 1}
    assert memberships() == [("ana@example.com", "News", "subscribed")]
    assert Contact.objects.count() == 3
    assert not Suppression.objects.exists()


def test_who_comes_under_an_unknown_word_is_taken_off_and_has_not_left(sandbox, workspace, monkeypatch):
    there = There(sandbox, "especial")
    connection = there.connect(workspace)
    there.seed(lists=["News"], contacts=[{"email": "ana@example.com", "lists": [0]}])
    pull(connection)
    known = dict(especial_mapping.MEMBERSHIPS)
    del known["active"]
    monkeypatch.setattr(especial_mapping, "MEMBERSHIPS", known)

    assert totals(pull(connection))["contacts"] == {"read": 1, "changed": 1}
    assert memberships() == [("ana@example.com", "News", "removed")]


def test_who_has_not_confirmed_is_pending_and_gets_nothing(sandbox, workspace):
    there = There(sandbox, "especial")
    connection = there.connect(workspace)
    ana = {"email": "ana@example.com", "status": "pending", "lists": [0]}
    news = there.seed(lists=["News"], contacts=[ana])["lists"][0]
    pull(connection)
    assert memberships() == [("ana@example.com", "News", "pending")]
    assert mailable(workspace) == set()

    there.act(kind="confirm", email="ana@example.com", list=news)
    pull(connection)

    assert memberships() == [("ana@example.com", "News", "subscribed")]
    assert mailable(workspace) == {"ana@example.com"}


def test_lists_made_for_deliveries_are_not_walked(apart, workspace, monkeypatch):
    """Who is handed over without a first name comes there as “friend”: nobody's name."""
    connection = apart.connect(workspace)
    made = apart.seed(
        lists=["News"], contacts=[{"email": "ana@example.com", "fields": {"first_name": "Ana"}, "lists": [0]}]
    )["lists"]
    handed = {"email": "ana@example.com", "fields": {"first_name": "friend"}, "lists": [0]}
    working = str(apart.seed(lists=["July · abcdefghijkl"], contacts=[handed])["lists"][0])
    assert sorted((str(made[0]), working)) == [str(made[0]), working]  # the later one would win
    monkeypatch.setattr(lists, "WORKING_LISTS", [lambda connection, records: {working}])

    pull(connection)

    assert name_of("ana@example.com", apart) == "Ana"
    assert memberships() == [("ana@example.com", "News", "subscribed")]


def test_people_without_a_usable_address_are_turned_away_once(sandbox, workspace):
    there = There(sandbox, "emailcampaigns")
    connection = there.connect(workspace)
    long = f"{'a' * 900}@example.com"
    contacts = [
        {"email": "ana@example.com", "lists": [0, 1]},
        {"email": "nobody", "lists": [0, 1]},
        {"email": "", "lists": [0]},
        {"email": long, "lists": [0, 1]},
        {"email": "ſ@example.com", "lists": [1]},
    ]
    there.seed(lists=["News", "Test"], contacts=contacts)

    turned_away = {
        "rejected": 4,
        "rejected_no_address": 1,
        "rejected_malformed": 1,
        "rejected_too_long": 1,
        "rejected_foreign_letters": 1,
    }
    assert totals(pull(connection))["contacts"] == {"read": 5, "created": 1, **turned_away}
    assert totals(pull(connection))["contacts"] == {"read": 5, "unchanged": 1, **turned_away}


def test_addresses_longer_than_an_id_are_people_each(there, connection):
    domain = ".".join(["example" * 7] * 4)
    emails = sorted(f"{'x' * 30}@{domain[:170]}{end}.com" for end in ("aa", "bb"))
    assert min(map(len, emails)) > 200
    there.seed(lists=["News"], contacts=[{"email": email, "lists": [0]} for email in emails])

    assert totals(pull(connection))["contacts"] == {"read": 2, "created": 2}
    assert sorted(Contact.objects.values_list("email", flat=True)) == emails
    assert totals(pull(connection))["contacts"] == {"read": 2, "unchanged": 2}


def test_hostile_values_are_kept_as_text(there, connection):
    name = "<script>\\t\\N\\u0000\t\n{}\"'," + "x" * 400
    there.seed(
        lists=["News"], contacts=[{"email": "ana@example.com", "fields": {"first_name": name}, "lists": [0]}]
    )

    pull(connection)

    assert name_of("ana@example.com", there) == (name if there.slug == "emailcampaigns" else name[:200])


def test_of_fields_that_differ_between_lists_one_counts_and_stays(sandbox, workspace):
    there = There(sandbox, "especial")
    connection = there.connect(workspace)
    for number, city in enumerate(("Gent", "Brugge")):
        fields = {"city": city, f"only_{number}": "x"}
        there.seed(
            lists=[f"List {number}"], contacts=[{"email": "ana@example.com", "fields": fields, "lists": [0]}]
        )

    pull(connection)

    ana = Contact.objects.get()
    assert (ana.city, ana.custom) == ("Brugge", {"only_0": "x", "only_1": "x"})
    assert totals(pull(connection))["contacts"] == {"read": 1, "unchanged": 1}
    assert Field.objects.filter(key="city").count() == 1


def test_values_are_found_by_the_key_they_have_with_each_person(sandbox, workspace):
    """At Leadfox a property has a name for people and a shortcode for programs."""
    there = There(sandbox, "leadfox")
    connection = there.connect(workspace)
    ana = {"email": "ana@example.com", "fields": {"first_name": "Ana", "Shoe size": "38"}, "lists": [0]}
    there.seed(lists=["News"], contacts=[ana])

    pull(connection)

    ana = Contact.objects.get()
    assert (ana.first_name, ana.custom) == ("Ana", {"shoe_size": "38"})


def test_no_transaction_takes_in_more_than_its_share(there, connection, small_pages, monkeypatch):
    """Memory does not grow with the account. Pages are 20 rows here, some of them the same as on the page before."""
    there.seed(lists=["News", "Test"], contacts=500)
    monkeypatch.setattr(walk, "BATCH_ROWS", 60)
    monkeypatch.setattr(gathering, "ROWS", 60)
    sizes = []
    copied = sets.stage

    def counted(name, columns, rows, *, keys):
        rows = list(rows)
        sizes.append(len(rows))
        copied(name, columns, rows, keys=keys)

    monkeypatch.setattr(sets, "stage", counted)

    assert totals(pull(connection))["contacts"] == {"read": 500, "created": 500}
    assert 40 <= max(sizes) < 80
