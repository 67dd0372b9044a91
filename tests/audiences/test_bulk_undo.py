"""Bulk actions taken back: whoever was changed by it, where that is still as it left it, and nobody against their word."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry
from audiences import services
from audiences.bulk import running, undoing, words
from audiences.models import (
    BulkAction,
    BulkChange,
    Consent,
    ConsentBasis,
    Contact,
    Field,
    Subscription,
    Suppression,
    Tag,
    Tagging,
)
from audiences.queries.contacts import People, split
from tests.audiences.bulk import TASK, ended, people_of
from tests.audiences.erasing import erase
from tests.audiences.importing import bring, on
from tests.audiences.importing import undo as undo_import
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def undo(by):
    def do(mine):
        services.undo_bulk(mine=mine, by=by)
        mine.refresh_from_db()
        return mine.state, mine.undone

    return do


def test_a_field_gets_its_values_back_where_they_are_still_its_own(workspace, begin, undo):
    Field.objects.create(workspace=workspace, key="size", label="Size", kind="number")
    _, ben, cleo, dan = people_of(workspace, "ana", "ben", "cleo", "dan", custom={"y": 1})
    Contact.objects.filter(pk=ben.pk).update(custom={"size": 40, "y": 1})
    Contact.objects.filter(pk=dan.pk).update(custom={"size": 38, "y": 1})
    mine = begin("set_field", field="size", value="38")
    Contact.objects.filter(pk=cleo.pk).update(custom={"size": 41, "y": 1})

    assert undo(mine) == ("undone", {"back": 2, "kept": 1})

    rows = Contact.objects.order_by("id").values_list("custom", "version")
    assert list(rows) == [
        ({"y": 1}, 3), ({"size": 40, "y": 1}, 3), ({"size": 41, "y": 1}, 2), ({"size": 38, "y": 1}, 1),
    ]  # fmt: skip
    assert list(BulkChange.objects.exclude(kept=[]).values_list("contact_id", "kept")) == [
        (cleo.pk, ["size"])
    ]
    assert ActivityEntry.objects.latest("id").sentence == (
        "Undid: set Size of 4 people to “38”. 2 people have the former values back. Of 1 person it had changed since, and stays."
    )


def test_a_standard_field_and_one_that_was_emptied_come_back(workspace, begin, undo):
    Field.objects.create(workspace=workspace, key="fit", label="Fit", kind="text")
    people_of(workspace, "ana", city="Bern", custom={"fit": "M"})
    people_of(workspace, "ben", custom={})
    city, fit = begin("set_field", field="city", value="Oslo"), begin("set_field", field="fit", value="")

    assert (undo(city), undo(fit)) == (
        ("undone", {"back": 2, "kept": 0}), ("undone", {"back": 1, "kept": 0}),
    )  # fmt: skip
    assert list(Contact.objects.order_by("id").values_list("city", "custom")) == [
        ("Bern", {"fit": "M"}), ("", {}),
    ]  # fmt: skip


def test_tags_go_from_those_they_were_put_on_and_come_back_to_those_they_were_taken_from(
    workspace, begin, undo, by
):
    had, _, anew, off, gone = people_of(workspace, "had", "got", "anew", "off", "gone")
    tag = Tag.objects.create(workspace=workspace, name="VIP")
    Tagging.objects.create(tag=tag, contact=had)
    mine = begin("tag", new_tag="VIP")
    for contact in (anew, off):
        services.untag_person(contact=contact, by=by, tag=tag)
    services.tag_person(contact=anew, by=by, name="VIP")
    gone.delete()

    assert undo(mine) == ("undone", {"back": 1, "kept": 2})
    assert set(Tagging.objects.values_list("contact__email", flat=True)) == {"had@x.test", "anew@x.test"}

    taken = begin("untag", tag=tag.pk)
    services.tag_person(contact=had, by=by, name="VIP")
    assert undo(taken) == ("undone", {"back": 1, "kept": 1})
    assert set(Tagging.objects.values_list("contact__email", flat=True)) == {"had@x.test", "anew@x.test"}


def test_who_was_added_to_a_list_goes_off_it_and_the_consent_counts_no_more(workspace, begin, undo):
    news = ListFactory(workspace=workspace)
    new, told, removed, there, left = people_of(workspace, "new", "told", "removed", "there", "left")
    for contact, status in ((removed, "removed"), (there, "subscribed")):
        SubscriptionFactory(list=news, contact=contact, status=status)
    MirrorRow.objects.create(
        connection=ConnectionFactory(workspace=workspace), kind=MirrorKind.CONTACT, object_id=told.pk, remote_id="1"
    )  # fmt: skip
    mine = begin("add_to_list", list=news.pk, consent_source="Fair")
    Subscription.objects.filter(contact=left).update(status="unsubscribed", evidence={"page": 1})

    assert undo(mine) == ("undone", {"back": 3, "kept": 1})

    assert on(news) == [
        ("left@x.test", "unsubscribed"), ("removed@x.test", "removed"), ("there@x.test", "subscribed"),
        ("told@x.test", "removed"),
    ]  # fmt: skip
    undone = Consent.objects.filter(kind="undone", list=news).order_by("contact_id")
    assert [(row.contact, row.basis) for row in undone] == [
        (contact, mine.basis) for contact in (new, told, removed, left)
    ]  # fmt: skip
    news.refresh_from_db()
    assert news.subscribed_count == 1


def test_who_was_taken_off_a_list_is_on_it_again_but_not_over_a_leave_or_a_block(workspace, begin, undo, by):
    news = ListFactory(workspace=workspace)
    names = ("back", "pending", "left", "blocked", "by_address", "withdrew", "added")
    people = dict(zip(names, people_of(workspace, *names), strict=True))
    for name, contact in people.items():
        status = "pending" if name == "pending" else "subscribed"
        SubscriptionFactory(list=news, contact=contact, status=status, evidence={"import": 7})
    mine = begin("remove_from_list", list=news.pk)
    Subscription.objects.filter(contact=people["left"]).update(status="unsubscribed")
    SuppressionFactory(contact=people["blocked"])
    SuppressionFactory(contact=None, workspace=workspace, email=people["by_address"].email)
    basis = ConsentBasis.objects.create(workspace=workspace, source="Phone")
    Consent.objects.create(contact=people["withdrew"], kind="withdrawn", at=timezone.now(), basis=basis)
    Subscription.objects.filter(contact=people["added"]).update(status="subscribed", evidence={"bulk": 0})

    assert undo(mine) == ("undone", {"back": 2, "kept": 5})

    assert dict(on(news)) == {
        "back@x.test": "subscribed", "pending@x.test": "pending", "left@x.test": "unsubscribed",
        "blocked@x.test": "removed", "by_address@x.test": "removed", "withdrew@x.test": "removed",
        "added@x.test": "subscribed",
    }  # fmt: skip
    assert Subscription.objects.get(contact=people["back"]).evidence == {"import": 7}


def test_who_was_suppressed_before_they_were_taken_off_is_on_the_list_again_as_before(workspace, begin, undo):
    news = ListFactory(workspace=workspace)
    before, again, by_address = people_of(workspace, "before", "again", "by_address")
    for contact in (before, again, by_address):
        SubscriptionFactory(list=news, contact=contact)
    blocks = [SuppressionFactory(contact=contact) for contact in (before, again)]
    SuppressionFactory(contact=None, workspace=workspace, email=by_address.email)
    Suppression.objects.update(at=timezone.now() - timedelta(days=1))
    mine = begin("remove_from_list", list=news.pk)
    # What stood is told anew.
    Suppression.objects.filter(pk=blocks[1].pk).update(at=timezone.now())

    assert undo(mine) == ("undone", {"back": 1, "kept": 2})

    assert dict(on(news)) == {
        "before@x.test": "subscribed", "again@x.test": "removed", "by_address@x.test": "removed",
    }  # fmt: skip
    assert split(People(workspace, list_id=news.pk)) == (1, 0)


def test_who_was_taken_off_stays_off_when_what_put_them_on_was_taken_back(workspace, begin, undo, by):
    news = ListFactory(workspace=workspace)
    people_of(workspace, "ana")
    by_file = bring(workspace, by, "Email\nana@x.test\nnew@x.test\n", on_list=news)
    off = begin("remove_from_list", list=news.pk)
    back = undo_import(by_file, by)

    assert (back.state, back.undone["lists"], back.undone["kept"]) == ("undone", 0, 2)
    assert not Consent.objects.standing().exists()
    assert undo(off) == ("undone", {"back": 0, "kept": 2})
    assert on(news) == [("ana@x.test", "removed"), ("new@x.test", "removed")]

    added = begin("add_to_list", list=news.pk, consent_source="Fair")
    off = begin("remove_from_list", list=news.pk)
    assert undo(added) == ("undone", {"back": 0, "kept": 2})
    assert not Consent.objects.standing().exists()
    assert undo(off) == ("undone", {"back": 0, "kept": 2})


def test_a_consent_is_undone_with_the_action_once_whatever_became_of_the_membership(workspace, begin, undo):
    news = ListFactory(workspace=workspace)
    (ana,) = people_of(workspace, "ana")
    added = begin("add_to_list", list=news.pk, consent_source="Fair")
    Subscription.objects.update(status="unsubscribed", evidence={"page": 1})

    assert undo(added) == ("undone", {"back": 0, "kept": 1})

    assert list(Consent.objects.order_by("id").values_list("contact", "basis", "list", "kind")) == [
        (ana.pk, added.basis_id, news.pk, kind) for kind in ("given", "undone")
    ]
    assert on(news) == [("ana@x.test", "unsubscribed")]


def test_many_are_undone_in_chunks_that_a_crash_leaves_whole(
    workspace, begin, in_background, undo, monkeypatch
):
    people_of(workspace, *"abcde")
    mine = begin("tag", new_tag="VIP")
    run_outbox(TASK)
    whole, calls = undoing.take_back, []

    def breaks(*args, **values):
        calls.append(whole(*args, **values))
        if len(calls) == 2:
            raise OSError("pulled the plug")
        return calls[-1]

    monkeypatch.setattr(undoing, "take_back", breaks)
    assert undo(mine) == ("undoing", {})
    run_outbox(TASK)
    assert Tagging.objects.count() == 3
    with pytest.raises(services.CannotBulk):
        undo(mine)

    OutboxEntry.objects.filter(task=TASK).update(not_before=timezone.now() - timedelta(seconds=1))
    run_outbox(TASK)
    mine.refresh_from_db()
    assert (mine.state, mine.undone, Tagging.objects.count()) == ("undone", {"back": 5, "kept": 0}, 0)


@pytest.mark.parametrize("state", [{"state": "undoing"}, {"state": "failed", "failed_in": "undoing"}])
def test_nobody_is_merged_while_what_was_done_to_them_is_being_undone(state, workspace, begin, by):
    """Before and after their own turn; others may be."""
    ana, ben = people_of(workspace, "ana", "ben")
    mine = begin("tag", new_tag="VIP")
    BulkAction.objects.filter(pk=mine.pk).update(**state)
    cleo, dan = people_of(workspace, "cleo", "dan")

    def merge(kept, other):
        return services.merge_people(kept=kept, other=other, by=by, picks={}, versions=(1, 1))

    for pair in ((ana, ben), (cleo, ana), (ana, cleo)):
        with pytest.raises(services.CannotMerge) as refusal:
            merge(*pair)
        assert refusal.value.sentence == (
            "A bulk action is being undone for one of the two. Merge once that has ended."
        )
    assert merge(cleo, dan) == cleo
    BulkAction.objects.filter(pk=mine.pk).update(state="undone", failed_in="")
    assert merge(ana, ben) == ana


def test_what_was_done_until_it_stopped_is_undone(workspace, begin, in_background, by, undo):
    people_of(workspace, *"abcd")
    mine = begin("tag", new_tag="VIP")
    services.cancel_bulk(mine=mine, by=by)
    run_outbox(TASK)
    undo(mine)
    run_outbox(TASK)
    mine.refresh_from_db()
    assert (mine.state, mine.undone, Tagging.objects.count()) == ("undone", {"back": 2, "kept": 0}, 0)


def test_what_undoing_needs_is_gone_stops_it_and_a_person_goes_on(workspace, begin, in_background, by, undo):
    news = ListFactory(workspace=workspace, name="News")
    for contact in people_of(workspace, *"abc"):
        SubscriptionFactory(list=news, contact=contact)
    mine = begin("remove_from_list", list=news.pk)
    run_outbox(TASK)
    undo(mine)
    services.archive_lists(workspace=workspace, by=by, list_ids=[news.pk])
    run_outbox(TASK)
    assert ended(mine)[0] == "failed"
    assert mine.note == "The list News was archived. Bring it back, then go on."

    services.bring_back_lists(workspace=workspace, by=by, list_ids=[news.pk])
    services.go_on_with_bulk(mine=mine, by=by)
    run_outbox(TASK)
    mine.refresh_from_db()
    assert (mine.state, mine.undone) == ("undone", {"back": 3, "kept": 0})


def test_one_that_stopped_while_it_was_undone_goes_on_or_is_left_at_that(
    workspace, begin, in_background, by, undo, browse
):
    people_of(workspace, *"abc")
    mine = begin("tag", new_tag="VIP")
    run_outbox(TASK)
    undo(mine)
    Tag.objects.all().delete()
    run_outbox(TASK)
    assert (ended(mine)[0], mine.note) == ("failed", "The tag was deleted meanwhile.")
    page = browse("editor").get(f"/w/acme/bulk/{mine.pk}/").content.decode()
    assert (f"{mine.pk}/undo/" in page, f"{mine.pk}/go-on/" in page) == (False, True)
    with pytest.raises(services.CannotBulk):
        undo(mine)

    services.cancel_bulk(mine=mine, by=by)

    assert ended(mine)[0] == "undone"


@pytest.mark.parametrize("why", ["deleted", "other kind"])
def test_a_field_that_is_another_one_now_is_left_alone(workspace, begin, undo, why):
    field = Field.objects.create(workspace=workspace, key="size", label="Size", kind="number")
    people_of(workspace, "ana")
    mine = begin("set_field", field="size", value="38")
    field.delete() if why == "deleted" else Field.objects.update(kind="text")

    with pytest.raises(running.actions.CannotGoOn):
        undo(mine)

    assert (ended(mine)[0], Contact.objects.get().custom) == ("done", {"size": 38})


@pytest.fixture
def other(member):
    """Another member than the one who began it."""
    return member("editor")


def logged():
    found = ActivityEntry.objects.filter(verb__startswith="bulk.").order_by("id")
    return list(found.values_list("verb", "actor"))


def test_the_log_names_who_took_it_back_and_not_who_did_it(workspace, begin, by, other):
    people_of(workspace, "ana")
    mine = begin("tag", new_tag="VIP")

    services.undo_bulk(mine=mine, by=other)

    assert logged() == [("bulk.done", by.pk), ("bulk.undone", other.pk)]


def test_the_log_names_who_began_to_take_it_back_in_the_background(
    workspace, begin, in_background, by, other
):
    people_of(workspace, "ana")
    mine = begin("tag", new_tag="VIP")
    run_outbox(TASK)

    services.undo_bulk(mine=mine, by=other)
    run_outbox(TASK)

    assert logged()[1:] == [("bulk.done", by.pk), ("bulk.undo", other.pk), ("bulk.undone", None)]


def test_the_journal_goes_after_a_month_and_nothing_is_undone_without_it(workspace, begin, undo):
    people_of(workspace, "ana")
    mine, blocks = begin("tag", new_tag="VIP"), begin("suppress", reason="Closed", typed=1)
    assert (BulkChange.objects.count(), services.prune_bulk()) == (2, 0)
    BulkAction.objects.update(finished_at=timezone.now() - timedelta(days=31))

    assert services.prune_bulk() == 2

    assert not BulkChange.objects.exists()
    for one in (mine, blocks):
        with pytest.raises(services.CannotBulk, match="can no longer be undone"):
            undo(one)


def test_a_long_journal_goes_a_bit_at_a_time_and_nothing_is_undone_meanwhile(
    workspace, begin, undo, by, monkeypatch
):
    monkeypatch.setattr("audiences.journal.FORGOTTEN", 2)
    monkeypatch.setattr("audiences.services.bulk.PRUNED_AT_ONCE", 1)
    people_of(workspace, *"abc")
    mine = begin("tag", new_tag="VIP")
    BulkAction.objects.update(finished_at=timezone.now() - timedelta(days=31))

    assert (services.prune_bulk(), BulkChange.objects.count()) == (0, 1)
    with pytest.raises(services.CannotBulk, match="can no longer be undone"):
        undo(mine)
    assert (services.prune_bulk(), BulkChange.objects.count()) == (1, 0)
    assert services.prune_bulk() == 0


def test_pruning_waits_for_nobody(begin, workspace):
    people_of(workspace, "ana")
    begin("tag", new_tag="VIP")
    BulkAction.objects.update(finished_at=timezone.now() - timedelta(days=31))

    with CaptureQueriesContext(database) as told:
        services.prune_bulk()

    held = [query["sql"] for query in told if "FOR UPDATE" in query["sql"].upper()]
    assert [text.upper().rstrip(" )").endswith("SKIP LOCKED") for text in held] == [True] * 3


def test_what_stopped_over_a_month_ago_is_not_gone_on_with(workspace, begin, in_background, by, browse):
    people_of(workspace, *"abc")
    mine = begin("tag", new_tag="VIP")
    Tag.objects.all().delete()
    run_outbox(TASK)
    BulkAction.objects.update(finished_at=timezone.now() - timedelta(days=31))

    with pytest.raises(services.CannotBulk, match="more than 30 days ago"):
        services.go_on_with_bulk(mine=mine, by=by)

    page = browse("editor").get(f"/w/acme/bulk/{mine.pk}/").content.decode()
    assert (ended(mine)[0], "Leave it at that" in page, "Go on" in page) == ("failed", True, False)


def test_nothing_of_an_erased_person_stays_in_the_journal(workspace, begin, by):
    ana, ben = people_of(workspace, "ana", "ben", city="Bern")
    begin("set_field", field="city", value="Oslo")
    stranger = ContactFactory(workspace=WorkspaceFactory(), email="ana@x.test")
    BulkChange.objects.create(of=BulkAction.objects.get(), contact_id=stranger.pk)

    erase(workspace, by, ana.email)

    assert list(BulkChange.objects.values_list("contact_id", flat=True)) == [ben.pk, stranger.pk]


def test_its_page_undoes_it_and_says_who_stays(workspace, browse, begin):
    ana, _ = people_of(workspace, "ana", "ben")
    mine = begin("set_field", field="city", value="Oslo")
    Contact.objects.filter(pk=ana.pk).update(city="Bergen")
    client, url = browse("editor"), f"/w/acme/bulk/{mine.pk}/"
    assert f"{url}undo/" in client.get(url).content.decode()

    page = client.post(f"{url}undo/", follow=True).content.decode()

    assert "1 person has the former value back. Of 1 person it had changed since, and stays." in page
    assert "ana@x.test" in page
    assert "ben@x.test" not in page
    assert f"{url}undo/" not in page
    assert "ana@x.test" not in browse("viewer").get(url).content.decode()


def test_undoing_says_what_is_so_of_those_it_reached(workspace, begin, undo):
    news, vip = ListFactory(workspace=workspace), Tag.objects.create(workspace=workspace, name="VIP")
    ana, ben = people_of(workspace, "ana", "ben")
    MirrorRow.objects.create(
        connection=ConnectionFactory(workspace=workspace), kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="1"
    )  # fmt: skip
    added = begin("add_to_list", list=news.pk, consent_source="Fair")
    undo(added)
    tagged = begin("tag", new_tag="VIP")
    undo(tagged)
    SubscriptionFactory(list=news, contact=ben)
    Tagging.objects.create(tag=vip, contact=ben)
    taken_off, untagged = begin("remove_from_list", list=news.pk), begin("untag", tag=vip.pk)
    undo(taken_off)
    undo(untagged)

    assert [words.undone(mine) for mine in (added, tagged, taken_off, untagged)] == [
        "2 people are off the list again.", "2 people no longer have the tag.",
        "1 person is on the list as before.", "1 person has the tag again.",
    ]  # fmt: skip


def test_viewers_undo_nothing(workspace, browse, begin):
    people_of(workspace, "ana")
    mine = begin("tag", new_tag="VIP")
    client, url = browse("viewer"), f"/w/acme/bulk/{mine.pk}/"

    assert f"{url}undo/" not in client.get(url).content.decode()
    assert client.post(f"{url}undo/").status_code == 403
    assert Tagging.objects.count() == 1


def test_what_changed_nobody_offers_no_way_back(workspace, browse, begin):
    people_of(workspace, "ana")
    offered = [
        browse("editor").get(f"/w/acme/bulk/{begin('tag', new_tag='VIP').pk}/").context["may_undo"]
        for _ in range(2)
    ]
    assert offered == [True, False]


def test_who_was_not_added_for_a_block_is_not_among_the_added(workspace, browse, begin):
    _, ben = people_of(workspace, "ana", "ben")
    SuppressionFactory(workspace=workspace, contact=ben, email=ben.email, reason="by_hand")
    news = ListFactory(workspace=workspace)
    mine = begin("add_to_list", list=news.pk, consent_source="Fair")
    figures = browse("editor").get(f"/w/acme/bulk/{mine.pk}/").context["figures"]
    assert {figure["label"]: (figure["count"], figure["url"]) for figure in figures if figure["count"]} == {
        "Added": (1, f"/w/acme/contacts/?bulk={mine.pk}"),
        "Suppressed": (1, f"/w/acme/contacts/?bulk={mine.pk}&outcome=suppressed"),
    }


def test_whoever_is_suppressed_again_keeps_what_was_said_first(workspace, begin):
    (ana,) = people_of(workspace, "ana")
    for reason in ("first", "other", "first"):
        begin("suppress", People(workspace, ids=(ana.pk,)), reason=reason)
    evidence = Suppression.objects.values_list("evidence__reason", flat=True)
    assert list(evidence) == ["first; other"]
