"""Bulk actions: what becomes of each person, in chunks that a kill leaves whole, and never more mail than before."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import attention
from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry
from accounts.outbox import LeaseLost
from audiences import rules, services
from audiences.bulk import actions, running
from audiences.models import (
    BulkAction,
    Consent,
    Contact,
    Field,
    Import,
    List,
    Subscription,
    Suppression,
    Tag,
    Tagging,
)
from audiences.queries.contacts import People
from tests.audiences.bulk import TASK, ended, people_of
from tests.audiences.importing import begin as begin_import
from tests.audiences.importing import on, preview
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


def test_adding_to_a_list_leaves_out_who_left_and_who_is_suppressed(workspace, begin):
    news = ListFactory(workspace=workspace)
    new, there, pending, left, removed, blocked, by_address = people_of(
        workspace, "new", "there", "pending", "left", "removed", "blocked", "address"
    )
    for contact, status in (
        (there, "subscribed"), (pending, "pending"), (left, "unsubscribed"), (removed, "removed"), (blocked, "removed"),
    ):  # fmt: skip
        SubscriptionFactory(list=news, contact=contact, status=status)
    SuppressionFactory(contact=blocked)
    Suppression.objects.create(workspace=workspace, email=by_address.email, reason="unsubscribed")

    mine = begin("add_to_list", list=news.pk, consent_source="Spring fair")

    assert ended(mine) == (
        "done", 7, 7, {"added": 2, "there": 1, "pending": 1, "left": 1, "suppressed": 2},
    )  # fmt: skip
    assert on(news) == [
        ("blocked@x.test", "removed"), ("left@x.test", "unsubscribed"), ("new@x.test", "subscribed"),
        ("pending@x.test", "pending"), ("removed@x.test", "subscribed"), ("there@x.test", "subscribed"),
    ]  # fmt: skip
    assert [
        (row.contact, row.list, row.kind, row.basis.source) for row in Consent.objects.order_by("contact_id")
    ] == [(new, news, "given", "Spring fair"), (removed, news, "given", "Spring fair")]
    news.refresh_from_db()
    assert news.subscribed_count == 3
    assert ActivityEntry.objects.get().verb == "bulk.done"


def test_taking_off_a_list_keeps_on_record_who_left(workspace, begin):
    news = ListFactory(workspace=workspace)
    for name, status in (("a", "subscribed"), ("b", "pending"), ("c", "unsubscribed"), ("d", "removed")):
        SubscriptionFactory(list=news, contact=people_of(workspace, name)[0], status=status)
    people_of(workspace, "e")

    mine = begin("remove_from_list", list=news.pk)

    assert ended(mine) == ("done", 5, 5, {"removed": 2, "left": 1, "not_there": 2})
    assert on(news) == [
        ("a@x.test", "removed"), ("b@x.test", "removed"), ("c@x.test", "unsubscribed"), ("d@x.test", "removed"),
    ]  # fmt: skip


def test_tags_are_made_put_on_and_taken_off(workspace, begin):
    ana, ben = people_of(workspace, "ana", "ben")

    first = begin("tag", People(workspace, ids=(ana.pk,)), new_tag="  VIP ")
    second = begin("tag", new_tag="vip")

    tag = Tag.objects.get()
    assert (tag.name, ended(first), ended(second)) == (
        "VIP",
        ("done", 1, 1, {"tagged": 1, "had_it": 0}),
        ("done", 2, 2, {"tagged": 1, "had_it": 1}),
    )
    third = begin("untag", People(workspace, ids=(ben.pk,)), tag=tag.pk)
    fourth = begin("untag", tag=tag.pk)
    assert ended(third) == ("done", 1, 1, {"untagged": 1, "had_it_not": 0})
    assert ended(fourth) == ("done", 2, 2, {"untagged": 1, "had_it_not": 1})
    assert not Tagging.objects.exists()


def test_a_tag_is_made_for_many_as_it_is_made_for_one(workspace, begin, monkeypatch):
    people_of(workspace, "ana")

    begin("tag", new_tag=" V\u200bI\u0000P ")
    monkeypatch.setattr("audiences.services.tags.MOST_TAGS", 1)
    with pytest.raises(services.CannotBulk) as refusal:
        begin("tag", new_tag="Guests")

    assert list(Tag.objects.values_list("name", flat=True)) == ["V I P"]
    assert ActivityEntry.objects.filter(verb="tag.added").get().sentence == "Made the tag V I P."
    assert list(refusal.value.fields) == ["tag"]
    assert refusal.value.sentence == "A workspace has 1 tags at most. Delete some that nobody has."


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [("number", "38.5", 38.5), ("number", "38", 38), ("boolean", "no", False), ("date", "2026-02-03", "2026-02-03"),
     ("text", " =1+1 ", "=1+1"), ("choice", "M", "M")],
)  # fmt: skip
def test_a_field_is_set_by_its_kind_and_grows_versions_only_where_it_changes(
    workspace, begin, kind, text, value
):
    Field.objects.create(
        workspace=workspace, key="x", label="X", kind=kind, choices=["M"] if kind == "choice" else []
    )
    ana, ben = people_of(workspace, "ana", "ben", custom={"y": 1})
    Contact.objects.filter(pk=ben.pk).update(custom={"x": value, "y": 1})

    mine = begin("set_field", field="x", value=text)

    assert ended(mine) == ("done", 2, 2, {"changed": 1, "same": 1})
    rows = Contact.objects.order_by("id").values_list("custom", "version")
    assert list(rows) == [({"x": value, "y": 1}, 2), ({"x": value, "y": 1}, 1)]
    empty = begin("set_field", People(workspace, ids=(ana.pk,)), field="x", value="")
    assert ended(empty) == ("done", 1, 1, {"changed": 1, "same": 0})
    ana.refresh_from_db()
    assert ana.custom == {"y": 1}


def test_a_text_has_as_many_letters_as_the_field_takes(workspace, begin):
    field = Field.objects.create(workspace=workspace, key="note", label="Note", kind="text")
    (ana,) = people_of(workspace, "ana")

    begin("set_field", field="note", value="x" * field.max_letters)
    with pytest.raises(services.CannotBulk) as refusal:
        begin("set_field", field="note", value="x" * 2001)

    ana.refresh_from_db()
    assert ana.custom == {"note": "x" * 2000}
    assert refusal.value.fields == {"value": "This field holds 2000 letters at most."}


@pytest.mark.parametrize(
    ("field", "text"),
    [("language", "de"), ("language", "pt-BR"), ("language", "zh-Hant-TW"), ("language", ""),
     ("phone", "+41 (0)44 123 45 67"), ("phone", "044/123.45-67 ext. 12"), ("phone", "(030) 1234567"), ("phone", "")],
)  # fmt: skip
def test_a_language_and_a_phone_are_kept_as_they_are_typed(workspace, begin, field, text):
    (ana,) = people_of(workspace, "ana", language="fr", phone="123")

    begin("set_field", field=field, value=text)

    ana.refresh_from_db()
    assert getattr(ana, field) == text


def test_a_standard_field_is_set_in_its_column(workspace, begin):
    people_of(workspace, "ana", city="Paris")
    people_of(workspace, "ben", city="Bern")
    assert ended(begin("set_field", field="city", value="Bern"))[3] == {"changed": 1, "same": 1}
    assert ended(begin("set_field", field="city", value=""))[3] == {"changed": 2, "same": 0}
    assert set(Contact.objects.values_list("city", flat=True)) == {""}


def test_suppressing_many_tells_the_accounts_that_hold_them(workspace, begin):
    ana, ben = people_of(workspace, "ana", "ben")
    connection = ConnectionFactory(workspace=workspace)
    SuppressionFactory(contact=ben, connection=connection)
    MirrorRow.objects.create(connection=connection, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="1")

    mine = begin("suppress", People(workspace, ids=(ana.pk, ben.pk)), reason="Closed their shop")

    assert ended(mine) == ("done", 2, 2, {"suppressed": 1, "by_hand_too": 1, "suppressed_before": 0})
    rows = (
        Suppression.objects.filter(reason="by_hand")
        .order_by("email")
        .values_list("email", "evidence__reason")
    )
    assert list(rows) == [("ana@x.test", "Closed their shop"), ("ben@x.test", "Closed their shop")]
    assert [(row.task, row.subject, row.connection, row.priority) for row in OutboxEntry.objects.all()] == [
        ("audiences.block", ana, connection, OutboxEntry.Priority.SUPPRESS)
    ]


def test_a_crowd_waits_behind_mails_and_single_leaves(workspace, begin, monkeypatch):
    monkeypatch.setattr("audiences.services.suppressions.CROWD", 1)
    connection = ConnectionFactory(workspace=workspace)
    people = people_of(workspace, "ana", "ben")
    for contact in people:
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.CONTACT, object_id=contact.pk, remote_id=str(contact.pk)
        )
    begin("suppress", People(workspace, ids=tuple(contact.pk for contact in people)), reason="Closed")
    assert [(row.subject, row.priority) for row in OutboxEntry.objects.order_by("id")] == [
        (contact, OutboxEntry.Priority.BULK) for contact in people
    ]


def test_behind_another_writer_nobody_waits(workspace, begin, monkeypatch):
    people_of(workspace, "ana")
    monkeypatch.setattr("audiences.sets.only_writer", lambda workspace: False)
    mine = begin("tag", new_tag="VIP")
    assert ended(mine) == ("running", 1, 0, {})
    run_outbox(TASK)
    assert ended(mine) == ("done", 1, 1, {"tagged": 1, "had_it": 0})


def test_a_sweep_waits_for_no_other_writer(workspace, begin, in_background, by, monkeypatch):
    people_of(workspace, "ana")
    begin("tag", new_tag="VIP")
    running, idle = (preview(begin_import(workspace, by, f"Email\n{name}@x.test\n"), by) for name in "ab")
    services.start_import(mine=running, by=by, version=running.version)
    OutboxEntry.objects.filter(state="waiting").update(state="set_aside")
    Import.objects.filter(pk=idle.pk).update(created_at=timezone.now() - timedelta(days=8))

    def swept():
        return services.end_stuck_bulk(), services.end_stuck_imports(), services.prune_imports()

    with monkeypatch.context() as patch:
        patch.setattr("audiences.sets.only_writer", lambda workspace: False)
        assert swept() == (0, 0, 0)
    assert swept() == (1, 1, 1)


def test_no_address_stays_in_the_log_or_beside_what_is_over(workspace, begin):
    people_of(workspace, "ana")
    mine = begin("set_field", People(workspace, words="ana@x.test"), field="city", value="ana@x.test")
    assert mine.people == {"status": "subscribed", "shows_addresses": True, "ids": []}
    assert "ana@x.test" not in ActivityEntry.objects.get().sentence


@pytest.mark.parametrize(
    ("action", "arguments", "field"),
    [
        ("add_to_list", {"list": "foreign", "consent_source": "Fair"}, "list"),
        ("add_to_list", {"list": "archived", "consent_source": "Fair"}, "list"),
        ("add_to_list", {"list": "mine", "consent_source": "  "}, "consent_source"),
        ("remove_from_list", {}, "list"),
        ("tag", {}, "tag"),
        ("tag", {"new_tag": "x" * 61}, "tag"),
        ("untag", {"tag": 999}, "tag"),
        ("set_field", {"field": "nope", "value": "1"}, "field"),
        ("set_field", {"field": "size", "value": "big"}, "value"),
        ("set_field", {"field": "fit", "value": "XXL"}, "value"),
        ("set_field", {"field": "city", "value": "x" * 121}, "value"),
        ("suppress", {"reason": " "}, "reason"),
        ("suppress", {"reason": "Why", "typed": 2}, "typed"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_field_to_look_at(workspace, begin, action, arguments, field):
    people_of(workspace, "ana")
    lists = {
        "foreign": ListFactory(), "mine": ListFactory(workspace=workspace),
        "archived": ListFactory(workspace=workspace, archived_at=timezone.now()),
    }  # fmt: skip
    Field.objects.create(workspace=workspace, key="size", label="Size", kind="number")
    Field.objects.create(workspace=workspace, key="fit", label="Fit", kind="choice", choices=["S", "M"])
    if "list" in arguments:
        arguments = arguments | {"list": lists[arguments["list"]].pk}

    with pytest.raises(services.CannotBulk) as refusal:
        begin(action, **arguments)

    assert list(refusal.value.fields) == [field]
    assert (BulkAction.objects.count(), Consent.objects.count(), Tag.objects.count()) == (0, 0, 0)


def test_a_long_note_is_cut_to_what_is_kept(workspace, begin, in_background):
    people_of(workspace, "ana")
    mine = begin("tag", new_tag="VIP")
    running.end(mine, "failed", "x" * 600)
    mine.refresh_from_db()
    assert (mine.state, mine.note) == ("failed", "x" * 500)


def test_nobody_is_refused(workspace, begin):
    with pytest.raises(services.CannotBulk, match="Nobody fits"):
        begin("tag", new_tag="x")


def test_suppressing_a_large_part_needs_the_number_typed(workspace, begin):
    people_of(workspace, *(f"p{number}" for number in range(4)))
    assert ended(begin("suppress", typed=4, reason="Closed"))[3] == {
        "suppressed": 4,
        "by_hand_too": 0,
        "suppressed_before": 0,
    }


def test_many_are_done_chunk_by_chunk_in_the_background(workspace, begin, in_background, by):
    people_of(workspace, *(f"p{number}" for number in range(5)))
    mine = begin("tag", new_tag="VIP")
    assert ended(mine) == ("running", 5, 0, {})
    assert [item.title for item in attention.running(workspace)] == ["Tag: 5 people"]
    people_of(workspace, "late")

    run_outbox(TASK)

    assert ended(mine) == ("done", 5, 5, {"tagged": 5, "had_it": 0})
    assert Tagging.objects.count() == 5
    assert attention.running(workspace) == []
    verbs = ActivityEntry.objects.order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["tag.added", "bulk.started", "bulk.done"]


def test_a_filter_that_the_action_itself_empties_reaches_everybody(workspace, begin, in_background):
    news = ListFactory(workspace=workspace)
    for contact in people_of(workspace, *"abcde"):
        SubscriptionFactory(list=news, contact=contact)
    mine = begin("remove_from_list", People(workspace, list_id=news.pk), list=news.pk)
    run_outbox(TASK)
    assert ended(mine) == ("done", 5, 5, {"removed": 5})


def test_a_crash_costs_one_chunk(workspace, begin, in_background, monkeypatch):
    people_of(workspace, *"abcde")
    mine = begin("tag", new_tag="VIP")
    whole, calls = actions.apply, []

    def breaks(action):
        told = whole(action)
        calls.append(told)
        if len(calls) == 2:
            raise OSError("pulled the plug")
        return told

    monkeypatch.setattr(actions, "apply", breaks)
    run_outbox(TASK)
    assert ended(mine) == ("running", 5, 2, {"tagged": 2, "had_it": 0})
    assert Tagging.objects.count() == 2

    OutboxEntry.objects.filter(task=TASK).update(not_before=timezone.now() - timedelta(seconds=1))
    run_outbox(TASK)
    assert ended(mine) == ("done", 5, 5, {"tagged": 5, "had_it": 0})


def test_two_at_once_do_each_chunk_once(workspace, begin, in_background):
    people_of(workspace, *"abcd")
    mine = begin("tag", new_tag="VIP")
    one, two = (running.steps(BulkAction.objects.get(pk=mine.pk)) for _ in range(2))
    next(one)
    with pytest.raises(LeaseLost):
        next(two)
    assert ended(mine) == ("running", 4, 2, {"tagged": 2, "had_it": 0})


def test_cancelling_keeps_what_was_done(workspace, begin, in_background, by, monkeypatch):
    people_of(workspace, *"abcd")
    mine = begin("tag", new_tag="VIP")
    services.cancel_bulk(mine=mine, by=by)
    run_outbox(TASK)
    assert ended(mine) == ("cancelled", 4, 2, {"tagged": 2, "had_it": 0})
    with pytest.raises(services.CannotBulk):
        services.cancel_bulk(mine=mine, by=by)


def test_what_it_needs_is_gone_stops_it_and_a_person_goes_on(workspace, begin, in_background, by):
    news = ListFactory(workspace=workspace, name="News")
    people_of(workspace, *"abc")
    mine = begin("add_to_list", list=news.pk, consent_source="Fair")
    List.objects.update(archived_at=timezone.now())
    run_outbox(TASK)
    assert ended(mine) == ("failed", 3, 0, {})
    assert [(item.title, item.text) for item in attention.needs(workspace)] == [
        ("Add to a list: 3 people", "The list News was archived. Bring it back, then go on.")
    ]

    List.objects.update(archived_at=None)
    services.go_on_with_bulk(mine=mine, by=by)
    run_outbox(TASK)
    assert ended(mine) == ("done", 3, 3, {"added": 3})
    assert attention.needs(workspace) == []
    with pytest.raises(services.CannotBulk):
        services.go_on_with_bulk(mine=mine, by=by)


def test_a_field_of_another_kind_stops_it(workspace, begin, in_background):
    field = Field.objects.create(workspace=workspace, key="size", label="Size", kind="number")
    people_of(workspace, *"abc")
    mine = begin("set_field", field="size", value="38")
    Field.objects.filter(pk=field.pk).update(kind="text")
    run_outbox(TASK)
    assert ended(mine)[0] == "failed"
    assert set(Contact.objects.values_list("version", flat=True)) == {1}


def test_a_selection_that_no_longer_reads_stops_it(workspace, begin, in_background):
    tag = Tag.objects.create(workspace=workspace, name="VIP")
    people = people_of(workspace, *"ab")
    Tagging.objects.create(tag=tag, contact=people[0])
    rule = rules.Group("all", (rules.Condition("tag", tag.pk, "has"),))
    mine = begin("set_field", People(workspace, rule=rule), field="city", value="Bern")
    tag.delete()
    run_outbox(TASK)
    assert ended(mine)[0] == "failed"
    mine.refresh_from_db()
    assert "is gone" in mine.note


def test_work_that_was_set_aside_is_told(workspace, begin, in_background, by):
    people_of(workspace, "ana")
    mine = begin("tag", new_tag="VIP")
    OutboxEntry.objects.filter(task=TASK).update(state="set_aside", note="Internal error")
    assert services.end_stuck_bulk() == 1
    assert ended(mine)[0] == "failed"
    services.cancel_bulk(mine=mine, by=by)
    assert ended(mine)[0] == "cancelled"


def test_pressed_twice_it_is_one_action(workspace, begin):
    people_of(workspace, "ana")
    first, second = begin("tag", new_tag="A", nonce="n1"), begin("tag", new_tag="A", nonce="n1")
    assert (first, BulkAction.objects.count()) == (second, 1)
    assert begin("tag", new_tag="A", nonce="n2") != first


def test_people_of_another_workspace_are_never_meant(workspace, begin):
    stranger = ContactFactory(workspace=WorkspaceFactory())
    mine = people_of(workspace, "ana")[0]
    done = begin("set_field", People(workspace, ids=(mine.pk, stranger.pk)), field="city", value="Bern")
    assert ended(done)[1:] == (1, 1, {"changed": 1, "same": 0})


person = st.tuples(st.sampled_from([None, *Subscription.Status.values]), st.booleans(), st.booleans())
action = st.sampled_from(["add_to_list", "remove_from_list", "tag", "set_field", "suppress"])


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(person, min_size=1, max_size=5), st.lists(action, min_size=1, max_size=4))
def test_nobody_who_left_or_is_suppressed_becomes_mailable(member, known, doing):
    workspace = WorkspaceFactory()
    by = member("editor")
    news = ListFactory(workspace=workspace)
    for status, is_blocked, is_by_address in known:
        contact = ContactFactory(workspace=workspace)
        if status:
            SubscriptionFactory(list=news, contact=contact, status=status)
        if is_blocked:
            SuppressionFactory(
                contact=None if is_by_address else contact, workspace=workspace, email=contact.email
            )

    def out():
        """(contacts who left the list, addresses that are blocked)."""
        left = Subscription.objects.filter(list=news, status="unsubscribed").values_list(
            "contact_id", flat=True
        )
        blocked = Suppression.objects.filter(workspace=workspace, lifted_at=None).values_list(
            "email", flat=True
        )
        return set(left), set(blocked)

    def blocked_on_list():
        emails = Suppression.objects.filter(workspace=workspace, lifted_at=None).values("email")
        mailed = Subscription.objects.filter(list=news, status="subscribed", contact__email__in=emails)
        return set(mailed.values_list("contact_id", flat=True))

    before, mailed = out(), blocked_on_list()
    with_consent = set(
        Subscription.objects.filter(list=news, status="subscribed").values_list("contact_id", flat=True)
    )
    actions_done = []
    for name in doing:
        arguments = {
            "add_to_list": {"list": news.pk}, "remove_from_list": {"list": news.pk}, "tag": {"new_tag": "x"},
            "set_field": {"field": "city", "value": "Bern"}, "suppress": {"reason": "why"},
        }[name]  # fmt: skip
        blocked_before = blocked_on_list()
        done = services.begin_bulk(
            workspace=workspace, by=by, action=name, people=People(workspace), arguments=arguments,
            consent_source="Fair", typed=len(known),
        )  # fmt: skip
        assert (done.state, done.total, sum(done.counts.values())) == ("done", len(known), len(known))
        left, blocked = out()
        assert before[0] <= left
        assert before[1] <= blocked
        assert blocked_on_list() <= mailed or "suppress" in doing
        if done.can_be_undone:
            actions_done.append((done, blocked_before))
    for done, blocked_before in reversed(actions_done):
        mailed = blocked_on_list()
        services.undo_bulk(mine=done, by=by)
        left, blocked = out()
        assert before[0] <= left
        assert before[1] <= blocked
        # Who was on it while suppressed before may be so again: nobody writes to them.
        assert blocked_on_list() <= mailed | blocked_before
    subscribed = set(
        Subscription.objects.filter(list=news, status="subscribed").values_list("contact_id", flat=True)
    )
    proven = set(Consent.objects.filter(list=news, kind="given").values_list("contact_id", flat=True))
    assert subscribed <= with_consent | proven
    assert not Import.objects.exists()
