"""Two contacts that are one person: everything moves, the stricter side wins, the sums stay true."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry
from audiences import services
from audiences.models import (
    Consent,
    ConsentBasis,
    Contact,
    DuplicatePair,
    Engagement,
    FormerAddress,
    Subscription,
    Suppression,
    Tagging,
)
from audiences.queries.merging import field_choices, kept_instead, outcome
from campaigns.models import Delivery, Recipient
from reporting.models import Event, Seen
from tests.audiences.importing import bring
from tests.audiences.test_editing import read
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    MembershipFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(workspace):
    return (
        ContactFactory(workspace=workspace, email="kept@x.test", first_name="Ana", last_name="", city=""),
        ContactFactory(
            workspace=workspace, email="other@x.test", first_name="Anna", last_name="Bell", city=""
        ),
    )


def merged(kept, other, by, **picks):
    kept, other = (Contact.objects.get(pk=one.pk) for one in (kept, other))
    return services.merge_people(
        kept=kept, other=other, by=by, picks=picks, versions=(kept.version, other.version)
    )


def delivery_of(campaign, state=Delivery.State.SENT):
    return Delivery.objects.create(
        campaign=campaign, connection=campaign.connection, state=state, subject="S", html="<p>", sender_name="N",
        sender_email="n@x.test", fingerprint="f", send_at=timezone.now(), zone="UTC", content_hash="h",
    )  # fmt: skip


def recipient(delivery, contact, **more):
    return Recipient.objects.create(
        delivery=delivery, contact=contact, email=contact.email, planned_on=timezone.localdate().replace(day=1),
        state=Recipient.State.DELIVERED, **more,
    )  # fmt: skip


def test_everything_of_the_other_moves(pair, by, workspace):
    kept, other = pair
    news, shop = ListFactory(workspace=workspace, name="News"), ListFactory(workspace=workspace, name="Shop")
    SubscriptionFactory(list=news, contact=kept)
    SubscriptionFactory(list=news, contact=other, status="unsubscribed")
    SubscriptionFactory(list=shop, contact=other)
    basis = ConsentBasis.objects.create(workspace=workspace, source="Fair")
    said = timezone.now() - timedelta(days=9)
    Consent.objects.create(contact=other, basis=basis, list=shop, at=said, created_at=said)
    services.tag_person(contact=kept, by=by, name="both")
    for name in ("both", "new"):
        services.tag_person(contact=other, by=by, name=name)
    Engagement.objects.create(contact=kept, received=1, opens=2, last_open_at=said)
    Engagement.objects.create(contact=other, received=3, opens=1, last_open_at=said + timedelta(days=1))
    third = ContactFactory(workspace=workspace)
    for one, two in ((kept, other), (other, third)):
        DuplicatePair.objects.create(
            workspace=workspace, contact_a=one, contact_b=two, reasons=["phone"], rank=1, run=1
        )
    told = outcome(kept, other, {})
    assert [(m.name, m.kept, m.other, m.after) for m in told.memberships] == [
        ("News", "Subscribed", "Unsubscribed", "unsubscribed"), ("Shop", "", "Subscribed", "subscribed"),
    ]  # fmt: skip
    assert (told.new_tags, told.blocks) == (["new"], [])
    merged(kept, other, by)
    with database.cursor() as cursor:  # what is checked at the end of the transaction
        cursor.execute("set constraints all immediate")
    people = Contact.objects.exclude(pk=third.pk)
    assert [*people.values_list("email", "first_name", "last_name", "version")] == [
        ("kept@x.test", "Anna", "Bell", 2)
    ]
    assert [(pair.contact_a, pair.contact_b) for pair in DuplicatePair.objects.all()] == []
    assert sorted(Subscription.objects.values_list("list__name", "status", "contact")) == [
        ("News", "unsubscribed", kept.pk), ("Shop", "subscribed", kept.pk),
    ]  # fmt: skip
    consent = Consent.objects.get()
    assert (consent.contact_id, consent.list, consent.at, consent.created_at) == (kept.pk, shop, said, said)
    assert sorted(Tagging.objects.values_list("tag__name", "contact")) == [
        ("both", kept.pk),
        ("new", kept.pk),
    ]
    engagement = Engagement.objects.get()
    assert (engagement.received, engagement.opens, engagement.last_open_at) == (
        4,
        3,
        said + timedelta(days=1),
    )
    shop.refresh_from_db()
    assert shop.subscribed_count == 1
    entry = ActivityEntry.objects.get(verb="contact.merged")
    assert (entry.before, entry.after) == (
        {"other": other.pk},
        {"version": 2, "fields": ["first_name", "last_name"]},
    )
    assert "x.test" not in entry.sentence


def test_the_newer_value_stays_unless_somebody_chooses(pair, by, workspace):
    kept, other = pair
    Contact.objects.filter(pk=kept.pk).update(
        updated_at=timezone.now() + timedelta(hours=1), custom={"vip": True}
    )
    Contact.objects.filter(pk=other.pk).update(custom={"vip": False, "size": 0})
    kept.refresh_from_db()
    other.refresh_from_db()
    assert {c.key: c.pick for c in field_choices(kept, other, {})} == {
        "first_name": "kept", "last_name": "other", "vip": "kept", "size": "other",
    }  # fmt: skip
    merged(kept, other, by, vip="other", last_name="kept")
    kept.refresh_from_db()
    assert (kept.first_name, kept.last_name, kept.custom) == ("Ana", "", {"vip": False, "size": 0})


def test_whoever_left_under_either_address_left(pair, by, workspace):
    kept, other = pair
    connection = ConnectionFactory(workspace=workspace)
    MirrorRow.objects.create(connection=connection, kind=MirrorKind.CONTACT, object_id=kept.pk, remote_id="1")
    SuppressionFactory(contact=other, reason="complained")
    assert [block.reason for block in outcome(kept, other, {}).blocks] == ["complained"]
    merged(kept, other, by)
    assert sorted(Suppression.objects.filter(lifted_at=None).values_list("email", "reason", "contact")) == [
        ("kept@x.test", "complained", kept.pk), ("other@x.test", "complained", None),
    ]  # fmt: skip
    assert (
        OutboxEntry.objects.filter(task="audiences.block", connection=connection, subject_id=kept.pk).count()
        == 1
    )


@pytest.mark.parametrize("first", ["kept", "other"])
def test_of_two_blocks_of_one_source_the_worse_reason_and_the_later_time_hold(first, pair, by, workspace):
    kept, other = pair if first == "kept" else reversed(pair)
    early, late = timezone.now() - timedelta(days=9), timezone.now() - timedelta(days=1)
    SuppressionFactory(contact=kept, reason="bounced", at=late, evidence={"pattern": "*@x.test"})
    SuppressionFactory(contact=other, reason="complained", at=early, evidence={"said": "no"})
    # Of the same source, under an address they had before.
    SuppressionFactory(contact=other, reason="blocked", at=early, email="third@x.test")
    kept, other = pair
    merged(kept, other, by)
    row = Suppression.objects.get(contact=kept, email=kept.email)
    assert (row.reason, row.at, row.evidence) == (
        "complained", late, {"said": "no", "merged_from": other.pk},
    )  # fmt: skip


def test_what_was_said_of_a_block_stands_once_however_often_it_is_carried_over(pair, by):
    kept, other = pair
    for contact, reason in ((kept, "A letter"), (other, "A call")):
        SuppressionFactory(contact=contact, reason="by_hand", evidence={"reason": reason})
    kept = merged(kept, other, by)

    services.edit_person(contact=kept, by=by, email="other@x.test", fields={}, seen={}, version=kept.version)

    # The address that went into them is theirs again.
    said = Suppression.objects.get(email="other@x.test", contact=kept).evidence
    assert (sorted(said["reason"].split("; ")), "merged" in said) == (["A call", "A letter"], False)


def test_whom_one_pattern_caught_twice_stays_caught_by_it_alone(pair, by):
    kept, other = pair
    for contact in pair:
        SuppressionFactory(contact=contact, reason="by_hand", evidence={"pattern": "*@x.test"})
    merged(kept, other, by)
    assert Suppression.objects.get(contact=kept).evidence == {"pattern": "*@x.test", "merged_from": other.pk}


def test_nothing_makes_a_second_person_of_the_other_address(pair, by, workspace):
    kept, other = pair
    connection = ConnectionFactory(workspace=workspace)
    for number, contact in enumerate(pair):
        read(connection, contact.email, remote_id=str(number))
    merged(kept, other, by)
    row = Suppression.objects.get()
    assert (row.email, row.contact, row.reason, row.evidence) == (
        "other@x.test",
        None,
        "by_hand",
        {"merged": kept.pk},
    )
    assert read(connection, "other@x.test", remote_id="1")["created"] == 0
    made = bring(workspace, by, "Email\nother@x.test\n")
    assert made.counts == {"suppressed": 1, "read": 1}
    assert [*Contact.objects.values_list("email", flat=True)] == ["kept@x.test"]
    assert not Suppression.objects.filter(contact=kept).exists()
    services.suppress(
        workspace=workspace,
        email="other@x.test",
        reason="unsubscribed",
        connection=None,
        at=timezone.now(),
        evidence={},
    )
    assert Suppression.objects.get(contact=kept).reason == "unsubscribed"


def test_what_accounts_hold_goes_with_the_person(pair, by, workspace):
    kept, other = pair
    both, one, gone = (ConnectionFactory(workspace=workspace, name=name) for name in ("both", "one", "gone"))

    def row(connection, contact, **more):
        return MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.CONTACT, object_id=contact.pk,
            remote_id=f"{contact.pk}", **more,
        )  # fmt: skip

    row(both, kept), row(both, other), row(one, other)
    row(gone, kept, gone_at=timezone.now()), row(gone, other)
    merged(kept, other, by)
    rows = MirrorRow.objects.filter(kind=MirrorKind.CONTACT).values_list(
        "connection__name", "object_id", "remote_id"
    )
    assert sorted(rows) == [
        ("both", kept.pk, str(kept.pk)), ("gone", kept.pk, str(other.pk)), ("one", kept.pk, str(other.pk)),
    ]  # fmt: skip


def test_the_sums_of_deliveries_stay_true(pair, by, workspace):
    kept, other = pair
    shared, alone = (delivery_of(CampaignFactory(workspace=workspace)) for _ in range(2))
    recipient(shared, kept), recipient(shared, other), recipient(alone, other)
    now = timezone.now()
    for number, (delivery, contact) in enumerate(((shared, kept), (shared, other), (alone, other))):
        Seen.objects.create(
            delivery=delivery, contact=contact, kind="opened", first_at=now - timedelta(hours=number)
        )
        Event.objects.create(
            workspace=workspace, connection=delivery.connection, delivery=delivery, contact=contact, kind="opened",
            at=now, key=bytes([number] * 16),
        )  # fmt: skip
    merged(kept, other, by)
    rows = Recipient.objects.order_by("id").values_list("delivery", "contact", "email", "state")
    assert [*rows] == [
        (shared.pk, kept.pk, "kept@x.test", "delivered"), (shared.pk, None, "other@x.test", "delivered"),
        (alone.pk, kept.pk, "other@x.test", "delivered"),
    ]  # fmt: skip
    assert {*Event.objects.values_list("contact", flat=True)} == {kept.pk}
    assert Seen.objects.count() == 3
    assert Seen.objects.get(delivery=shared, contact=kept).first_at == now - timedelta(hours=1)
    assert Seen.objects.get(delivery=alone).contact_id == kept.pk


def test_both_in_a_delivery_under_way_is_refused(pair, by, workspace, browse):
    kept, other = pair
    delivery = delivery_of(CampaignFactory(workspace=workspace, name="Spring"), state=Delivery.State.SENDING)
    recipient(delivery, kept), recipient(delivery, other)
    with pytest.raises(services.CannotMerge, match="“Spring” goes to both addresses and is under way"):
        merged(kept, other, by)
    page = browse("editor").get(f"/w/acme/contacts/{kept.pk}/merge/", {"with": other.pk}).content.decode()
    assert "“Spring” goes to both addresses" in page
    Delivery.objects.update(state=Delivery.State.SENT)
    merged(kept, other, by)


def test_a_block_that_no_account_has_confirmed_comes_first(pair, by, workspace):
    kept, other = pair
    connection = ConnectionFactory(workspace=workspace)
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.CONTACT, object_id=other.pk, remote_id="1"
    )
    services.suppress_by_hand(contact=other, by=by, reason="Asked")
    with pytest.raises(services.CannotMerge, match="has not confirmed yet"):
        merged(kept, other, by)


def test_a_change_meanwhile_is_looked_at_first(pair, by):
    kept, other = pair
    with pytest.raises(services.CannotMerge, match="changed while you were looking"):
        services.merge_people(kept=kept, other=other, by=by, picks={}, versions=(1, 2))
    with pytest.raises(services.CannotMerge):
        services.merge_people(kept=kept, other=kept, by=by, picks={}, versions=(1, 1))


def test_it_holds_what_is_rolled_up_before_the_audience_as_an_erasure_does(pair, by, workspace):
    kept, other = pair
    ConnectionFactory(workspace=workspace)
    with CaptureQueriesContext(database) as told:
        merged(kept, other, by)
    locks = ["roll_up" in query["sql"] for query in told if "advisory_xact_lock" in query["sql"]]
    assert locks[:2] == [True, False]


def test_a_no_to_being_counted_holds(pair, by):
    kept, other = pair
    Contact.objects.filter(pk=kept.pk).update(tracking="granted")
    Contact.objects.filter(pk=other.pk).update(tracking="denied")
    assert merged(kept, other, by).tracking == "denied"


def test_every_table_that_names_a_contact_takes_part():
    moved = {
        Subscription, Tagging, Consent, Engagement, Suppression, FormerAddress, Recipient, Event,
    }  # fmt: skip
    # A guess about two people goes with one of them; what the database does not check stays with the facts.
    moved |= {DuplicatePair, Seen}
    fields = Contact._meta.get_fields(include_hidden=True)
    assert {field.related_model for field in fields if field.auto_created and not field.concrete} == moved


def test_the_pages_find_show_and_merge(browse, pair, workspace):
    kept, other = pair
    client, url = browse("editor"), f"/w/acme/contacts/{kept.pk}/merge/"
    found = client.get(url, {"q": "other"}).content.decode()
    assert f'href="?with={other.pk}"' in found
    assert f'href="?with={kept.pk}"' not in client.get(url, {"q": "x.test"}).content.decode()
    page = client.get(url, {"with": other.pk}).content.decode()
    assert "the same in both" not in page
    assert "This cannot be undone" in page
    order = {"with": other.pk, "version": 1, "other_version": 1, "pick_first_name": "kept"}
    stale = client.post(url, order | {"version": 7})
    assert (stale.status_code, 'value="kept" checked' in stale.content.decode()) == (422, True)
    assert client.post(url, order).url == f"/w/acme/contacts/{kept.pk}/"
    kept.refresh_from_db()
    assert (kept.first_name, kept.last_name) == ("Ana", "Bell")
    foreign = ContactFactory(workspace=WorkspaceFactory())
    assert client.get(url, {"with": foreign.pk}).status_code == 404
    assert client.get(url, {"with": "x"}).status_code == 200


def test_the_page_names_every_block_that_will_hold(browse, pair, workspace):
    kept, other = pair
    account = ConnectionFactory(workspace=workspace, name="Old account")
    SuppressionFactory(contact=kept, reason="bounced", at=datetime(2024, 3, 1, tzinfo=UTC))
    SuppressionFactory(
        contact=other, reason="complained", at=datetime(2024, 5, 2, tzinfo=UTC), connection=account
    )

    page = browse("editor").get(f"/w/acme/contacts/{kept.pk}/merge/", {"with": other.pk}).content.decode()

    words = " ".join(strip_tags(page).split())
    assert (
        "May not be written to: address does not exist, 1 Mar 2024, of kept@x.test; "
        "complained, 2 May 2024, told by Old account, of other@x.test. All of this holds for the one who stays."
    ) in words


def test_the_page_of_a_merged_contact_leads_to_who_was_kept(browse, pair, by, workspace):
    kept, other = pair
    last = ContactFactory(workspace=workspace)
    merged(kept, other, by)
    old, url = f"/w/acme/contacts/{other.pk}/", f"/w/acme/contacts/{kept.pk}/"
    client = browse("viewer")
    assert client.get(old).url == url
    assert "That contact was merged into this one." in client.get(url).content.decode()

    merged(last, kept, by)
    assert client.get(old).url == f"/w/acme/contacts/{last.pk}/"

    foreign = MembershipFactory(workspace__slug="other").user
    client.force_login(foreign)
    assert client.get(f"/w/other/contacts/{other.pk}/").status_code == 404
    assert client.get(old).status_code == 404
    last.delete()
    assert browse().get(old).status_code == 404


ADDRESSES = [f"p{number}@x.test" for number in range(4)]
who = st.integers(0, 3)
step = st.one_of(
    st.tuples(st.just("merge"), who, who),
    st.tuples(st.just("address"), who, st.sampled_from([*ADDRESSES, "new@x.test", "a@gone.test"])),
    st.tuples(st.just("suppress"), st.just(0), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("leave"), who, st.just("")),
    st.tuples(st.just("pull"), who, st.sampled_from(ADDRESSES)),
    st.tuples(st.just("join"), who, st.just("")),
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(step, min_size=3, max_size=8))
def test_no_merge_and_no_edit_makes_anybody_mailable_who_left(steps):
    workspace = WorkspaceFactory()
    by = MembershipFactory(workspace=workspace).user
    mine, connection = ListFactory(workspace=workspace), ConnectionFactory(workspace=workspace)
    services.suppress_patterns(
        workspace=workspace, connection=None, facts=[services.Fact("*@gone.test", "bounced", timezone.now())]
    )
    people = [ContactFactory(workspace=workspace, email=email) for email in ADDRESSES]
    for contact in people:
        SubscriptionFactory(list=mine, contact=contact, changed_at=timezone.now() - timedelta(days=2))
    # Ids of whom nobody may write to, and of who left the list.
    out: set[int] = set()
    left: set[int] = set()

    def still(number):
        return Contact.objects.filter(pk=people[number].pk).first()

    def is_out(contact):
        return Suppression.objects.filter(contact=contact, lifted_at=None).exists()

    for kind, number, value in steps:
        contact = still(number)
        if contact is None:
            continue
        try:
            match kind:
                case "merge":
                    other = still(value)
                    if other is None:
                        continue
                    merged(contact, other, by)
                    OutboxEntry.objects.all().delete()
                    out |= {contact.pk} if other.pk in out else set()
                    left |= {contact.pk} if other.pk in left else set()
                case "address":
                    services.edit_person(contact=contact, by=by, email=value, fields={}, seen={}, version=1)
                    out |= {contact.pk} if value.endswith("@gone.test") else set()
                case "suppress":
                    fact = {
                        "reason": "unsubscribed",
                        "connection": None,
                        "at": timezone.now(),
                        "evidence": {},
                    }
                    services.suppress(workspace=workspace, email=value, **fact)
                    out |= {one.pk for one in Contact.objects.filter(workspace=workspace, email=value)}
                case "leave":
                    rows = Subscription.objects.filter(contact=contact, list=mine)
                    left |= (
                        {contact.pk}
                        if rows.update(status="unsubscribed", changed_at=timezone.now())
                        else set()
                    )
                case "pull":
                    read(connection, value, remote_id=value)
                case "join":
                    services.change_subscription(
                        contact=contact, on_list=mine, by=by, status="subscribed", consent_source="x",
                        was=Subscription.objects.get(contact=contact, list=mine).status,
                        consent_date=timezone.localdate() - timedelta(days=1),
                    )  # fmt: skip
        except (services.CannotEdit, services.CannotMerge):
            continue
        finally:
            OutboxEntry.objects.all().delete()
        alive = {*Contact.objects.filter(workspace=workspace).values_list("pk", flat=True)}
        assert {pk for pk in out & alive if not is_out(pk)} == set()
        back = Subscription.objects.filter(list=mine, contact__in=left, status="subscribed")
        assert not back.exists()
        # Nor does anybody have an address that is blocked, and may be written to.
        blocked = Suppression.objects.filter(workspace=workspace, lifted_at=None).values("email")
        for held in Contact.objects.filter(workspace=workspace, email__in=blocked):
            assert is_out(held)


def test_who_was_kept_is_found_without_reading_the_log(workspace):
    with CaptureQueriesContext(database) as seen:
        assert kept_instead(workspace, 7) is None

    with database.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute(f"explain {seen[0]['sql']}")
        assert "activity_merged" in str(cursor.fetchall())


def test_what_an_account_does_not_know_of_the_kept_one_ends_no_membership_of_the_other(workspace, pair, by):
    kept, other = pair
    connection = ConnectionFactory(workspace=workspace)
    news = ListFactory(workspace=workspace)
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.LIST, object_id=news.pk, remote_id="4", version=1
    )
    told = {"connection": connection.pk, "at": timezone.now().isoformat()}
    SubscriptionFactory(list=news, contact=other, status="subscribed", evidence=told)

    merged(kept, other, by)
    read(connection, "kept@x.test")

    mine = Subscription.objects.get()
    assert (mine.contact, mine.status) == (kept, "subscribed")
    assert mine.evidence == {"at": told["at"], "merged_from": other.pk}
