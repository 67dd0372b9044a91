"""Segments: saved, changed, counted, used; who is in one and why."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts.models import ActivityEntry, OutboxEntry
from audiences import rules, uses
from audiences.models import BulkAction, Engagement, FieldChange, Import, Segment
from audiences.queries import segments as queries
from audiences.queries.contacts import People, contacts
from audiences.services import segments as services
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox


@pytest.fixture
def make(workspace):
    """`make("Readers", ("list", 7, "on"))` saves a segment of all these conditions."""

    def saved(name, *conditions, **values):
        return services.create_segment(
            workspace=workspace, name=name, description="", by=None, rule=all_of(*conditions), **values
        )

    return saved


def all_of(*conditions):
    return rules.read({"join": "all", "rules": [told(*one) for one in conditions]})


def told(kind, of, op, *value):
    return {"kind": kind, "of": of, "op": op} | ({"value": value[0]} if value else {})


def change(segment, *conditions, name=None, version=None):
    return services.change_segment(
        segment=segment, name=name or segment.name, description="", rule=all_of(*conditions),
        version=version or segment.version, by=None,
    )  # fmt: skip


CITY = ("field", "city", "filled")


# Saving


def test_saving_keeps_the_names_of_its_things_and_counts_whom_one_may_write_to(make, news, workspace):
    SuppressionFactory(contact=SubscriptionFactory(list=news).contact)
    SubscriptionFactory(list=news)

    segment = make("Readers", ("list", news.pk, "on"))

    assert segment.rule["rules"] == [{"kind": "list", "of": news.pk, "op": "on", "name": "News"}]
    assert (segment.mailable_count, segment.counted_at is not None, segment.version) == (1, True, 1)
    assert [entry.sentence for entry in ActivityEntry.objects.all()] == [
        "Made the segment “Readers”: on the list “News”"
    ]


def test_two_segments_in_use_never_share_a_name(make, workspace):
    first = make("Readers", CITY)
    with pytest.raises(services.CannotSave, match="has this name") as refusal:
        make("readers", CITY)
    assert refusal.value.fields == {"name": "Another segment has this name."}
    services.archive_segment(segment=first, by=None)
    second = make("READERS", CITY)
    with pytest.raises(services.CannotSave, match="has this name"):
        services.restore_segment(segment=first, by=None)
    with pytest.raises(services.CannotSave, match="has this name"):
        change(make("Others", CITY), CITY, name="Readers")
    assert set(Segment.objects.filter(archived_at=None).values_list("name", flat=True)) == {
        "READERS",
        "Others",
    }
    assert second.version == 1


def test_a_rule_without_a_condition_is_not_everybody_by_accident(make):
    with pytest.raises(services.CannotSave, match="at least one condition"):
        make("All")


def test_a_rule_over_what_is_gone_is_not_saved(make, workspace):
    foreign = ListFactory(workspace=WorkspaceFactory())
    with pytest.raises(services.CannotSave, match="The list is gone"):
        make("Readers", ("list", foreign.pk, "on"))


def test_a_second_editor_is_told_and_nothing_is_overwritten(make):
    segment = make("Readers", CITY)
    change(segment, ("field", "city", "empty"))
    with pytest.raises(services.ChangedMeanwhile) as refusal:
        change(segment, ("field", "phone", "filled"), version=1)
    assert refusal.value.theirs.version == 2
    assert Segment.objects.get().rule["rules"][0]["op"] == "empty"


def test_saving_what_is_there_already_changes_nothing(make):
    segment = make("Readers", CITY)
    again = change(Segment.objects.get(), CITY)
    assert (again.version, again.updated_at) == (1, segment.updated_at)
    assert ActivityEntry.objects.count() == 1


def test_segments_never_go_round_in_a_circle(make):
    inner = make("Inner", CITY)
    outer = make("Outer", ("segment", inner.pk, "in"))
    with pytest.raises(services.CannotSave, match="would use itself"):
        change(inner, ("segment", outer.pk, "not_in"))
    with pytest.raises(services.CannotSave, match="would use itself"):
        change(inner, ("segment", inner.pk, "in"))


def test_segments_stand_five_deep_in_each_other_at_most(make, workspace):
    inner = make("0", CITY)
    for depth in range(1, 6):
        inner = make(str(depth), ("segment", inner.pk, "in"))
    (found,) = queries.told(workspace, [inner], shows_addresses=True)
    assert (found.missing, inner.mailable_count) == ([], 0)
    with pytest.raises(services.CannotSave, match="5 deep into each other at most"):
        make("6", ("segment", inner.pk, "in"))


def test_the_log_holds_no_address_that_a_rule_compares_with(make):
    segment = make("Ana", ("field", "@email", "is", ["ana@secret.test"]))
    change(segment, ("field", "@email", "is_not", ["ana@secret.test"]))
    entries = ActivityEntry.objects.all()
    assert [entry.sentence for entry in entries.order_by("id")] == [
        "Made the segment “Ana”: Address is “a…@s…”", "Changed the segment “Ana”: Address is not “a…@s…”"
    ]  # fmt: skip
    assert "ana@secret" not in str([(entry.before, entry.after) for entry in entries])


def test_a_duplicate_has_a_name_of_its_own(make):
    segment = make("Readers", CITY)
    names = [services.duplicate_segment(segment=segment, by=None).name for _ in range(2)]
    assert names == ["Readers (copy)", "Readers (copy 2)"]


def test_archive_and_bring_back_twice_do_no_harm(make):
    segment = make("Readers", CITY)
    for _ in range(2):
        services.archive_segment(segment=segment, by=None)
    for _ in range(2):
        services.restore_segment(segment=segment, by=None)
    verbs = list(ActivityEntry.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["segment.created", "segment.archived", "segment.restored"]


def test_two_saves_of_one_person_at_once_make_one_segment(workspace, by, monkeypatch):
    own = services._have_free_name
    saved = {"workspace": workspace, "name": "Readers", "description": "", "by": by, "rule": all_of(CITY)}

    def passed_by_both(*args, **named):
        own(*args, **named)
        monkeypatch.setattr(services, "_have_free_name", own)
        services.create_segment(**saved)

    monkeypatch.setattr(services, "_have_free_name", passed_by_both)

    assert services.create_segment(**saved) == Segment.objects.get()
    with pytest.raises(services.CannotSave, match="Another segment has this name"):
        services.create_segment(**saved | {"description": "Another one"})


# Counting


def test_what_takes_too_long_is_counted_in_the_background(make, news, monkeypatch):
    SubscriptionFactory(list=news)
    monkeypatch.setattr(services, "COUNT_SECONDS", 0.02)
    own = services.reached
    monkeypatch.setattr(services, "reached", lambda _: slow())
    segment = make("Readers", ("list", news.pk, "on"))
    assert services.count_segment(segment=segment) is False
    assert (segment.mailable_count, OutboxEntry.objects.count()) == (None, 1)

    monkeypatch.setattr(services, "reached", own)
    assert run_outbox() == ["audiences.count_segment"]
    assert Segment.objects.get().mailable_count == 1


def test_stored_counts_are_renewed_the_oldest_first_a_few_at_a_time(make, news, monkeypatch):
    made = [make(f"Readers {hours}", ("list", news.pk, "on")) for hours in range(5)]
    for hours, segment in enumerate(made):
        segment.counted_at = timezone.now() - timedelta(hours=hours)
        segment.save()
    services.archive_segment(segment=made[4], by=None)
    SubscriptionFactory(list=news)
    monkeypatch.setattr(services, "RENEWED_AT_ONCE", 1)

    assert [services.renew_counts(), services.renew_counts()] == [1, 0]  # the first is still to be done
    assert list(OutboxEntry.objects.values_list("subject_id", flat=True)) == [made[3].pk]
    run_outbox()
    for _ in range(3):
        services.renew_counts()
        run_outbox()

    counts = Segment.objects.order_by("pk").values_list("mailable_count", flat=True)
    assert list(counts) == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("what", ["import", "by_hand", "roll_back", "bulk", "small_bulk", "field"])
def test_counts_are_renewed_soon_after_many_people_changed(make, news, workspace, what):
    now = timezone.now()
    segment = make("Readers", ("list", news.pk, "on"))
    Segment.objects.update(counted_at=now - timedelta(minutes=9))
    assert services.renew_counts() == 0

    ended = {"workspace": workspace, "finished_at": now - timedelta(minutes=5)}
    if "bulk" in what:
        BulkAction.objects.create(
            **ended,
            action="suppress",
            arguments={},
            people={},
            until=0,
            state="done",
            done=200 + (what == "bulk"),
        )
    elif what == "field":
        FieldChange.objects.create(**ended, action="clear", arguments={}, state="done")
    else:
        state, source = (
            ("undone" if what == "roll_back" else "done"),
            ("by_hand" if what == "by_hand" else "file"),
        )
        Import.objects.create(**ended, name="a.csv", state=state, source=source)
    SubscriptionFactory(list=news)

    is_many = what not in ("by_hand", "small_bulk")
    assert services.renew_counts() == is_many
    run_outbox()
    segment.refresh_from_db()
    assert (segment.mailable_count, services.renew_counts()) == (is_many, 0)


def test_what_changed_in_another_workspace_and_how_many_segments_there_are_costs_nothing(
    make, news, django_assert_num_queries
):
    for name in ("A", "B"):
        make(name, ("list", news.pk, "on"))
    BulkAction.objects.create(
        workspace=WorkspaceFactory(), action="suppress", arguments={}, people={}, until=0, done=1000,
        finished_at=timezone.now(),
    )  # fmt: skip

    with django_assert_num_queries(5) as done:
        assert services.renew_counts() == 0
    assert "finished_at" not in done.captured_queries[-1]["sql"]


def test_a_count_is_as_old_as_what_it_saw(make, news, workspace, monkeypatch):
    segment = make("Readers", ("list", news.pk, "on"))

    def reached(people):
        Import.objects.create(
            workspace=workspace, name="a.csv", state="done", source="file", finished_at=timezone.now()
        )
        return 0, 0, 0

    monkeypatch.setattr(services, "reached", reached)
    services.count_segment(segment=segment)

    assert services.renew_counts() == 1


def test_what_cannot_be_counted_is_tried_once_an_hour(make, news, workspace):
    segment = make("Readers", ("list", news.pk, "on"))
    news.delete()
    services.count_segment(segment=segment)

    assert [services.renew_counts(), run_outbox(), services.renew_counts()] == [
        1,
        ["audiences.count_segment"],
        0,
    ]
    OutboxEntry.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert services.renew_counts() == 1


def test_a_background_count_that_takes_too_long_keeps_the_last_one(make, news, monkeypatch):
    segment = make("Readers", ("list", news.pk, "on"))
    Segment.objects.update(counted_at=timezone.now() - timedelta(hours=2))
    monkeypatch.setattr(services, "LONGEST_SECONDS", 0.02)
    monkeypatch.setattr(services, "reached", lambda _: slow())

    services.renew_counts()
    run_outbox()

    segment.refresh_from_db()
    assert (segment.mailable_count, timezone.now() - segment.counted_at > timedelta(hours=1)) == (0, True)


def test_a_count_too_slow_to_wait_for_is_said_roughly(workspace, monkeypatch):
    ContactFactory(workspace=workspace)
    monkeypatch.setattr(queries, "split", lambda _: slow())
    people = People(workspace, rule=all_of(CITY))
    assert queries.count(people, seconds=0.02) == queries.Count(0, "exact")
    monkeypatch.setattr(queries, "capped", lambda _: queries.COUNT_CAP + 1)
    assert queries.count(people, seconds=0.02) == queries.Count(queries.COUNT_CAP, "more")
    monkeypatch.setattr(queries, "estimate", lambda _: 980_000)
    monkeypatch.setattr(queries, "capped", lambda _: slow())
    assert queries.count(people, seconds=0.02) == queries.Count(980_000, "about")


def slow():
    with database.cursor() as cursor:
        cursor.execute("select pg_sleep(20)")


def test_the_time_limit_ends_with_the_count(workspace):
    queries.count(People(workspace, rule=all_of(CITY)))
    with database.cursor() as cursor:
        cursor.execute("show statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_the_count_equals_the_members(make, news, workspace):
    for _ in range(3):
        SubscriptionFactory(list=news)
    SuppressionFactory(contact=SubscriptionFactory(list=news).contact)
    ContactFactory(workspace=workspace)
    people = People(workspace, rule=all_of(("list", news.pk, "on")))
    count = queries.count(people)
    assert (count.all, count.mailable, count.suppressed) == (4, 3, 1)
    assert len(contacts(people).rows) == 4


def test_ten_at_random_are_of_those_who_fit(workspace, news, monkeypatch):
    fitting = {SubscriptionFactory(list=news).contact_id for _ in range(3)}
    ContactFactory(workspace=workspace)
    people = People(workspace, rule=all_of(("list", news.pk, "on")))
    assert {row.id for row in queries.sample(people).rows} == fitting
    assert len(queries.sample(people, most=2).rows) == 2
    monkeypatch.setattr(queries, "SAMPLE_SECONDS", 0)
    assert queries.sample(People(workspace, rule=all_of(("field", "city", "is", ["nowhere"])))).rows == []


# Why


def test_why_tells_each_condition_of_a_person(workspace, news):
    ana = SubscriptionFactory(list=news, contact__language="fr").contact
    Engagement.objects.create(contact=ana, clicks=1, last_click_at=timezone.now() - timedelta(days=100))
    rule = rules.read({"join": "all", "rules": [
        told("list", news.pk, "on"),
        {"join": "any", "rules": [told("engagement", "clicked", "in_last", 90), told("field", "language", "is", ["fr"])]},
        {"join": "none", "rules": [told("mailable", "any", "is")]},
    ]})  # fmt: skip
    found = queries.why(ana, rule, rules.Known.of(workspace, rule), shows_addresses=True)
    assert found.is_met
    assert [(one.said, one.is_met, [inner.is_met for inner in one.rules]) for one in found.rules] == [
        ("on the list “News”", True, []),
        ("clicked in a campaign in the last 90 days or Language is “fr”", True, [False, True]),
        ("none of (suppressed)", True, [False]),
    ]


def test_why_agrees_with_the_members(workspace, news):
    rule = all_of(("list", news.pk, "on"), ("field", "language", "is", ["fr"]))
    people = [
        SubscriptionFactory(list=news, contact__language="fr").contact,
        SubscriptionFactory(list=news).contact,
        ContactFactory(workspace=workspace, language="fr"),
    ]
    known = rules.Known.of(workspace, rule)
    met = [queries.why(one, rule, known, shows_addresses=True).is_met for one in people]
    members = {row.id for row in contacts(People(workspace, rule=rule)).rows}
    assert met == [one.pk in members for one in people] == [True, False, False]


# Using


def test_who_uses_a_thing_is_named(make, news, workspace):
    inner = make("Inner", ("list", news.pk, "on"), ("list", news.pk, "on"), ("field", "city", "filled"))
    outer = make("Outer", ("segment", inner.pk, "in"))
    services.archive_segment(segment=outer, by=None)
    campaign = CampaignFactory(workspace=workspace, name="November")
    campaign.segments.add(inner)

    assert uses.of(workspace, "list", [news.pk, 999]) == {
        news.pk: [
            uses.Use("Segment", "Inner", inner.get_absolute_url(), once_archived="goes on asking for it")
        ]
    }
    assert [use.name for use in uses.of(workspace, "field", ["city"])["city"]] == ["Inner"]
    assert {(use.kind, use.name, use.note) for use in uses.of(workspace, "segment", [inner.pk])[inner.pk]} == {
        ("Segment", "Outer", "Archived"), ("Campaign", "November", "Draft"),
    }  # fmt: skip
    assert uses.of(WorkspaceFactory(), "list", [news.pk]) == {}


def test_what_was_deleted_is_named_also_through_other_segments(make, news, workspace):
    inner = make("Inner", ("list", news.pk, "on"))
    outer = make("Outer", ("segment", inner.pk, "in"))
    other = make("Other", CITY)
    news.delete()
    found = queries.told(workspace, [inner, outer, other], shows_addresses=True)
    assert [one.missing for one in found] == [["The list “News” is gone"], ["The list “News” is gone"], []]
    services.count_segment(segment=outer)
    assert Segment.objects.get(pk=outer.pk).mailable_count is None


def test_a_rule_that_no_longer_reads_breaks_no_page(make, workspace):
    inner = make("Inner", CITY)
    outer = make("Outer", ("segment", inner.pk, "in"))
    Segment.objects.filter(pk=inner.pk).update(rule={"join": "all", "rules": [{"kind": "lost", "of": 1}]})
    inner.refresh_from_db()
    found = queries.told(workspace, [inner, outer], shows_addresses=True)
    assert [one.missing for one in found] == [
        ["The rule can no longer be read"], ["The segment “Inner” is gone"]
    ]  # fmt: skip


def test_each_way_an_account_receives_people_is_said_once(workspace):
    for slug, name in (("brevo", "A"), ("especial", "B"), ("leadfox", "C"), ("emailcampaigns", "D")):
        ConnectionFactory(workspace=workspace, provider=slug, name=name)
    ConnectionFactory(workspace=workspace, name="E", status="disconnected")
    found = [
        ("".join(row.name for row in rows), how.split(",")[0].split(":")[0])
        for how, rows in queries.receiving(workspace)
    ]
    assert found == [
        ("AB", "A list is made for each delivery"), ("C", "A list is made for each delivery"),
        ("D", "A group is made for each delivery"), ("E", "Disconnected"),
    ]  # fmt: skip


# Values


def test_values_come_from_people_or_from_the_field(workspace):
    workspace.fields.create(key="size", label="Size", kind="choice", choices=["S", "M"])
    workspace.fields.create(key="shoe", label="Shoe")
    for city, shoe in (("Bern", "42"), ("Bern", "43"), ("", "43"), ("Chur", "")):
        ContactFactory(
            workspace=workspace,
            city=city,
            language="fr",
            custom={"shoe": shoe},
            email=f"{city or 'x'}{shoe}@mail.test",
        )
    ContactFactory(city="Elsewhere")
    found = {
        of: queries.values_of(workspace, of)
        for of in ("city", "shoe", "size", "language", "@domain", "@email", "'--")
    }
    assert found == {
        "city": ["Bern", "Chur"], "shoe": ["43", "42"], "size": ["S", "M"], "language": ["fr"],
        "@domain": ["mail.test"], "@email": [], "'--": [],
    }  # fmt: skip
