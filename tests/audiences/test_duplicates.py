"""People who are likely here twice: which rules find them, what is kept of what people decide."""

import threading

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry, OutboxEntry
from accounts.outbox import LeaseLost
from audiences import services
from audiences.models import Contact, DuplicatePair, DuplicateSearch, Field, Subscription
from audiences.services import duplicates as finding
from tests.audiences import importing
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory, WorkspaceFactory
from tests.helpers import run_outbox


@pytest.fixture
def person(workspace):
    def make(email, name="", **values):
        first, _, last = name.partition(" ")
        return ContactFactory(workspace=workspace, email=email, first_name=first, last_name=last, **values)

    return make


@pytest.fixture
def look(workspace, member):
    """`look()` searches to the end and answers {(address, address): reasons}."""

    def run():
        services.look_for_duplicates(workspace=workspace, by=member())
        run_outbox(finding.TASK)
        pairs = DuplicatePair.objects.filter(dismissed_at=None).select_related("contact_a", "contact_b")
        return {(pair.contact_a.email, pair.contact_b.email): pair.reasons for pair in pairs}

    return run


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana.bell@gmail.com", "anabell@gmail.com"),
        ("a.n.a@gmail.com", "ana+news@googlemail.com"),
        ("ana@tower.test", "ana+shop@tower.test"),
        ("ana+a@tower.test", "ana+b@tower.test"),
    ],
)
def test_variants_of_one_mailbox_are_found(person, look, one, other):
    person(one)
    person(other)
    assert look() == {(one, other): ["mailbox"]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana.bell@tower.test", "anabell@tower.test"),
        ("+a@tower.test", "+b@tower.test"),
        ("ana@a.test", "ana@b.test"),
    ],
)
def test_other_mailboxes_are_not_one(person, look, one, other):
    person(one)
    person(other)
    assert look() == {}


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ({"name": "Zoë Ménard"}, {"name": "zoe MENARD"}, None),
        ({"name": "Anne-Marie Bell", "city": "Köln"}, {"name": "anne marie_ Bell", "city": "Köln"}, None),
        ({"name": "Anne-Marie Bell", "city": "Köln"}, {"name": "Annemarie Bell", "city": "koln"}, "name_city"),
        ({"name": "Анна Петрова", "city": "Sofia"}, {"name": "Иван Иванов", "city": "Sofia"}, None),
        ({"name": "Анна Петрова", "city": "Sofia"}, {"name": "анна петрова", "city": "sofia"}, "name_city"),
        ({"name": "Ana", "city": "Bern"}, {"name": "Ana", "city": "Bern"}, None),
        ({"name": "Ana Bell", "city": ""}, {"name": "Ana Bell", "city": ""}, None),
        ({"phone": "+32 471 12 34 56"}, {"phone": "0032471123456"}, "phone"),
        ({"phone": "12345"}, {"phone": "12345"}, None),
        ({"phone": "none"}, {"phone": "none"}, None),
        ({"name": "Ana Bell", "custom": {"born": "1980-02-03"}}, {"name": "Ana Bell", "custom": {"born": "1980-02-03T00:00:00Z"}}, "name_birthday"),
        ({"name": "Ana Bell", "custom": {"born": ""}}, {"name": "Ana Bell", "custom": {"born": ""}}, None),
    ],
)  # fmt: skip
def test_names_phones_cities_and_birthdays_are_compared_as_people_write_them(
    workspace, person, look, one, other, reason
):
    Field.objects.create(workspace=workspace, key="born", label="Birthday", kind=Field.Kind.DATE)
    person("one@a.test", **one)
    person("other@b.test", **other)
    assert look() == ({("one@a.test", "other@b.test"): [reason]} if reason else {})


def test_a_pair_carries_all_its_reasons_once(person, look):
    person("ana@a.test", "Ana Bell", phone="0471 123 456", city="Ghent")
    person("ana@b.test", "Ana Bell", phone="0471-123-456", city="Ghent")
    found = {("ana@a.test", "ana@b.test"): ["name_local", "phone", "name_city"]}
    assert look() == found
    assert look() == found


def test_what_a_crowd_shares_is_no_reason(person, look):
    for number in range(finding.MOST_ALIKE + 1):
        person(f"p{number}@a.test", phone="02 555 00 00")
    assert look() == {}


def test_people_of_another_workspace_are_nobodys_duplicates(person, look):
    ContactFactory(workspace=WorkspaceFactory(), email="ana+x@tower.test")
    person("ana@tower.test")
    assert look() == {}


def test_looking_again_forgets_what_is_no_longer_so_and_keeps_what_was_decided(
    person, look, workspace, member
):
    person("ana@a.test")
    moved = person("ana+x@a.test")
    person("ben@a.test")
    person("ben+x@a.test")
    look()
    ben = DuplicatePair.objects.get(contact_a__email="ben@a.test")
    services.dismiss_pair(pair=ben, by=member())
    moved.email = "elsewhere@a.test"
    moved.save()

    assert look() == {}

    assert DuplicatePair.objects.get() == ben
    search = DuplicateSearch.objects.get()
    assert (search.run, search.found, search.is_capped) == (2, 0, False)


def test_more_pairs_than_are_kept_come_up_when_others_are_settled(person, look, member, monkeypatch):
    monkeypatch.setattr(finding, "MOST_PAIRS", 1)
    for name in ("ana", "ben"):
        person(f"{name}@a.test")
        person(f"{name}+x@a.test")
    assert list(look()) == [("ana@a.test", "ana+x@a.test")]
    assert DuplicateSearch.objects.get().is_capped

    services.dismiss_pair(pair=DuplicatePair.objects.get(), by=member())
    assert list(look()) == [("ben@a.test", "ben+x@a.test")]


def test_a_search_that_was_cut_off_goes_on_where_it_was(person, look, workspace, member, monkeypatch):
    person("ana@a.test", "Ana Bell", city="Ghent")
    person("ana@b.test", "Ana Bell", city="Ghent")
    services.look_for_duplicates(workspace=workspace, by=member())
    entry = OutboxEntry.objects.get(task=finding.TASK)
    OutboxEntry.objects.update(state="claimed", fence=1)
    entry.refresh_from_db()
    search, calls = DuplicateSearch.objects.get(), []

    def renew(entry):
        calls.append(entry)
        if len(calls) == 3:
            raise LeaseLost

    monkeypatch.setattr(finding.outbox, "renew", renew)
    with pytest.raises(LeaseLost):
        finding.find_duplicates(entry)
    search.refresh_from_db()
    assert (search.step, search.finished_at) == (2, None)

    finding.find_duplicates(entry)
    search.refresh_from_db()
    assert (search.step, search.found) == (5, 1)
    assert DuplicatePair.objects.get().reasons == ["name_local", "name_city"]


def test_a_rule_that_somebody_else_has_applied_meanwhile_is_not_applied_twice(
    person, workspace, member, monkeypatch
):
    person("ana@a.test")
    person("ana+x@a.test")
    services.look_for_duplicates(workspace=workspace, by=member())
    entry, apply = OutboxEntry.objects.get(task=finding.TASK), finding._apply
    monkeypatch.setattr(finding.outbox, "renew", lambda entry: None)

    def apply_late(search, rule):
        found = apply(search, rule)
        DuplicateSearch.objects.update(step=1)
        return found

    monkeypatch.setattr(finding, "_apply", apply_late)
    with pytest.raises(LeaseLost):
        finding.find_duplicates(entry)
    assert not DuplicatePair.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_is_erased_while_the_search_reads_is_in_no_pair(person, workspace, member, monkeypatch):
    gone, *_ = (person(f"ana{more}@a.test") for more in ("", "+x", "+y"))
    services.look_for_duplicates(workspace=workspace, by=member())
    entry, deleted = OutboxEntry.objects.get(task=finding.TASK), threading.Event()
    monkeypatch.setattr(finding.outbox, "renew", lambda entry: None)

    def erase():
        try:
            with transaction.atomic(), database.cursor() as cursor:
                Contact.objects.get(pk=gone.pk).delete()
                deleted.set()
                cursor.execute(_UNTIL_SOMEBODY_WAITS)
        finally:
            database.close()

    thread = threading.Thread(target=erase)
    thread.start()
    assert deleted.wait(10)
    finding.find_duplicates(entry)
    thread.join()
    pair = DuplicatePair.objects.select_related("contact_a", "contact_b").get()
    assert {pair.contact_a.email, pair.contact_b.email} == {"ana+x@a.test", "ana+y@a.test"}


_UNTIL_SOMEBODY_WAITS = """
do $$ begin
    for turn in 1..500 loop
        perform pg_stat_clear_snapshot();
        exit when exists (
            select 1 from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like '%audiences_duplicatepair%'
        );
        perform pg_sleep(0.01);
    end loop;
end $$
"""


def test_a_pair_keeps_nobody_from_being_rolled_back(workspace, member, look, person):
    person("ana@a.test")
    by = member()
    mine = importing.bring(workspace, by, "email\nana+x@a.test\n")
    assert list(look()) == [("ana@a.test", "ana+x@a.test")]

    importing.undo(mine, by)

    assert list(Contact.objects.values_list("email", flat=True)) == ["ana@a.test"]
    assert not DuplicatePair.objects.exists()


# -- The pages


def test_an_editor_looks_decides_and_takes_it_back(browse, workspace, person):
    one, other = person("ana@a.test"), person("ana+x@a.test")
    client = browse("editor")
    url = "/w/acme/contacts/duplicates/"
    assert "Nobody has looked for duplicates yet" in client.get(url).content.decode()

    client.post(f"{url}look/")
    assert client.get(url).context["looking"].is_moving
    reply = client.post(f"{url}look/", follow=True)
    assert "under way already" in reply.content.decode()
    run_outbox(finding.TASK)

    page = client.get(url).content.decode()
    assert "1 pair, looked for" in page.replace("\xa0", " ")
    assert "The same mailbox: only dots or what follows a + differ" in page
    pair = DuplicatePair.objects.get()
    assert (pair.contact_a, pair.contact_b) == (one, other)

    client.post(f"{url}{pair.pk}/dismiss/")
    client.post(f"{url}{pair.pk}/dismiss/")
    assert client.get(url).context["rows"] == []
    assert [row.pair for row in client.get(f"{url}?show=dismissed").context["rows"]] == [pair]
    assert DuplicateSearch.objects.get().found == 0

    client.post(f"{url}{pair.pk}/bring-back/")
    assert [row.pair for row in client.get(url).context["rows"]] == [pair]
    assert list(ActivityEntry.objects.order_by("id").values_list("verb", flat=True)) == [
        "duplicates.looked", "duplicates.dismissed", "duplicates.brought_back",
    ]  # fmt: skip


def test_a_list_shows_the_pairs_of_whom_both_are_on_it(browse, workspace, person, look):
    mine, other = ListFactory(workspace=workspace), ListFactory(workspace=workspace)
    for name, statuses in (
        ("ana", ("subscribed", "subscribed")),
        ("ben", ("subscribed", "unsubscribed")),
        ("cleo", ()),
    ):
        both = [person(f"{name}@a.test"), person(f"{name}+x@a.test")]
        for contact, status in zip(both, statuses, strict=False):
            SubscriptionFactory(list=mine, contact=contact, status=Subscription.Status(status))
            SubscriptionFactory(list=other, contact=contact)
    look()
    context = browse().get(f"/w/acme/contacts/duplicates/?list={mine.pk}").context
    assert [row.one.address for row in context["rows"]] == ["ana@a.test"]
    assert context["count"].replace("\xa0", " ") == "1 pair"


def test_viewers_see_pairs_without_addresses_and_decide_nothing(browse, person, look):
    person("ana@secret.test")
    person("ana+x@secret.test")
    look()
    viewer = browse("viewer")
    page = viewer.get("/w/acme/contacts/duplicates/").content.decode()
    assert "a…@s…" in page
    assert "secret" not in page
    pair = DuplicatePair.objects.get()
    for path in ("look/", f"{pair.pk}/dismiss/", f"{pair.pk}/bring-back/"):
        assert viewer.post(f"/w/acme/contacts/duplicates/{path}").status_code == 403


def test_pairs_and_lists_of_another_workspace_are_not_there(browse, workspace):
    other = WorkspaceFactory()
    one, two = ContactFactory(workspace=other), ContactFactory(workspace=other)
    pair = DuplicatePair.objects.create(
        workspace=other, contact_a=one, contact_b=two, reasons=["phone"], rank=2, run=1
    )
    client = browse()
    assert client.post(f"/w/acme/contacts/duplicates/{pair.pk}/dismiss/").status_code == 404
    assert (
        client.get(f"/w/acme/contacts/duplicates/?list={ListFactory(workspace=other).pk}").status_code == 404
    )
    assert client.get("/w/acme/contacts/duplicates/").context["rows"] == []


def test_the_page_of_pairs_costs_the_same_for_one_and_three(browse, workspace):
    DuplicateSearch.objects.create(workspace=workspace, found=3, finished_at=timezone.now())
    client = browse()
    url = "/w/acme/contacts/duplicates/"

    def add():
        one, two = ContactFactory(workspace=workspace), ContactFactory(workspace=workspace)
        DuplicatePair.objects.create(
            workspace=workspace, contact_a=one, contact_b=two, reasons=["phone"], rank=2, run=1
        )

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


def test_pages_of_pairs_go_on_where_the_last_one_ended(browse, workspace, monkeypatch):
    DuplicateSearch.objects.create(workspace=workspace, found=3, finished_at=timezone.now())
    first = ContactFactory(workspace=workspace)
    pairs = [
        DuplicatePair.objects.create(
            workspace=workspace, contact_a=first, contact_b=ContactFactory(workspace=workspace), reasons=["phone"], rank=2, run=1
        )
        for _ in range(52)
    ]  # fmt: skip
    client = browse()
    url = "/w/acme/contacts/duplicates/"
    one = client.get(url).context
    two = client.get(url, {"after": one["after"]}).context
    assert [row.pair for row in [*one["rows"], *two["rows"]]] == pairs
