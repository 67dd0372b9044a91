"""Consent by an import, who comes back by one, and what a roll back takes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow
from accounts.refusals import CannotDo
from audiences import queries, rules, services
from audiences.models import (
    Consent,
    ConsentBasis,
    Contact,
    Subscription,
)
from audiences.queries.contacts import People
from tests.audiences.importing import (
    begin,
    bring,
    fields,
    left_before,
    on,
    preview,
    start,
    undo,
)
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date()


def test_who_is_new_on_a_list_has_a_consent_with_its_proof(workspace, by, news):
    ContactFactory(workspace=workspace, email="here@x.test")
    mine = begin(workspace, by, "Email,When,IP\nnew@x.test,2026-01-05 10:30,192.0.2.7\nhere@x.test,,\n")
    mapping = [
        {"to": "email", "as": "text"},
        {"to": "consent_at", "as": "date_ymd"},
        {"to": "consent_ip", "as": "text"},
    ]
    start(
        preview(
            mine,
            by,
            mapping,
            on_list=news,
            consent_source="Fair",
            consent_wording="Yes, write to me",
            consent_date=YESTERDAY,
        ),
        by,
    )
    rows = Consent.objects.order_by("contact__email").values_list(
        "contact__email", "list", "kind", "at", "ip"
    )
    assert list(rows) == [
        ("here@x.test", news.pk, "given", datetime.combine(YESTERDAY, datetime.min.time(), UTC), None),
        ("new@x.test", news.pk, "given", datetime(2026, 1, 5, 10, 30, tzinfo=UTC), "192.0.2.7"),
    ]
    basis = ConsentBasis.objects.get()
    assert (basis.source, basis.wording, basis.channel, basis.by) == ("Fair", "Yes, write to me", "email", by)


def test_consents_stay_as_they_were_written(workspace, by, news):
    bring(workspace, by, "Email\nana@x.test\n", on_list=news)
    for change in (
        lambda: Consent.objects.update(at=timezone.now()),
        lambda: ConsentBasis.objects.update(source="Something else"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    Consent.objects.all().delete()
    with pytest.raises(DatabaseError, match="append-only"):
        connection.check_constraints()


def test_only_an_approver_brings_people_back(workspace, by, news):
    mine = begin(workspace, by, "Email\nleft@x.test\n")
    with pytest.raises(CannotDo, match="Only an approver"):
        preview(mine, by, on_list=news, resubscribes=True, consent_date=YESTERDAY)


def test_bringing_people_back_needs_the_day_they_agreed(workspace, approver, news):
    mine = begin(workspace, approver, "Email\nleft@x.test\n")
    with pytest.raises(CannotDo, match="Say when they agreed again"):
        preview(mine, approver, on_list=news, resubscribes=True)


def test_an_editor_may_not_start_what_an_approver_prepared(workspace, by, approver, news):
    mine = preview(
        begin(workspace, approver, "Email\nleft@x.test\n"),
        approver,
        on_list=news,
        resubscribes=True,
        consent_date=YESTERDAY,
    )
    with pytest.raises(CannotDo, match="Only an approver"):
        start(mine, by)


@pytest.mark.parametrize(("left_days_ago", "status"), [(10, "subscribed"), (0, "unsubscribed")])
def test_who_agreed_after_leaving_is_back_and_nobody_else(workspace, approver, news, left_days_ago, status):
    left_before(workspace, news, left_days_ago)
    bring(
        workspace, approver, "Email\nleft@x.test\n", on_list=news, resubscribes=True, consent_date=YESTERDAY
    )
    assert on(news) == [("left@x.test", status)]
    assert Consent.objects.count() == (1 if status == "subscribed" else 0)


def test_suppressed_people_stay_out_whoever_asks(workspace, approver, news):
    contact = ContactFactory(workspace=workspace, email="left@x.test", first_name="Ana")
    SuppressionFactory(contact=contact, at=timezone.now() - timedelta(days=30))
    mine = bring(
        workspace,
        approver,
        "Email,Vorname\nleft@x.test,Zoe\n",
        on_list=news,
        resubscribes=True,
        consent_date=YESTERDAY,
    )
    assert mine.counts == {"read": 1, "suppressed": 1}
    assert (on(news), fields("left@x.test")[0], queries.is_suppressed(contact)) == ([], "Ana", True)


def test_who_left_between_preview_and_import_stays_out(workspace, by, news):
    mine = preview(begin(workspace, by, "Email\nana@x.test\n"), by, on_list=news)
    services.suppress(
        workspace=workspace,
        email="ana@x.test",
        reason="unsubscribed",
        connection=None,
        at=timezone.now(),
        evidence={},
    )
    assert start(mine, by).counts == {"read": 1, "suppressed": 1}
    assert not Contact.objects.exists()


def test_a_roll_back_leaves_what_changed_since_and_says_which(workspace, by, news):
    old = ContactFactory(workspace=workspace, email="old@x.test", first_name="Old", city="Bern")
    mine = bring(
        workspace,
        by,
        "Email,Vorname,City\nold@x.test,New,Basel\nmade@x.test,Made,\nleft@x.test,Left,\n",
        on_list=news,
    )
    Contact.objects.filter(pk=old.pk).update(city="Chur", version=3)
    Contact.objects.filter(email="made@x.test").update(first_name="Else", version=2)
    Subscription.objects.filter(contact__email="left@x.test").update(status="unsubscribed")
    undo(mine, by)
    assert fields("old@x.test")[:2] == ("Old", "Chur")
    assert on(news) == [("left@x.test", "unsubscribed")]
    assert [(address, what) for _, address, what in queries.undone(mine, "kept").rows] == [
        ("old@x.test", "City"), ("left@x.test", "the person"),
    ]  # fmt: skip
    assert [(address, what) for _, address, what in queries.undone(mine, "off").rows] == [
        ("made@x.test", "the list News")
    ]
    assert mine.undone["kept"] == 3


def test_a_person_an_account_knows_is_taken_off_and_not_forgotten(workspace, by, news):
    mine = bring(workspace, by, "Email\nana@x.test\n", on_list=news)
    MirrorRow.objects.create(
        connection=ConnectionFactory(workspace=workspace),
        kind=MirrorKind.CONTACT,
        object_id=Contact.objects.get().pk,
        remote_id="1",
    )
    undo(mine, by)
    assert on(news) == [("ana@x.test", "removed")]
    assert Contact.objects.get().version == 2
    assert list(Consent.objects.order_by("id").values_list("kind", flat=True)) == ["given", "undone"]


def test_a_roll_back_takes_nobodys_word_back(workspace, by, news):
    mine = bring(workspace, by, "Email\nana@x.test\nben@x.test\ncem@x.test\n", on_list=news)
    ana, ben, cem = Contact.objects.order_by("email")
    Contact.objects.update(version=2)  # edited since, so they stay
    now = timezone.now()
    own = ConsentBasis.objects.create(workspace=workspace, source="Phone")
    for contact, kind, days in ((ben, "given", 9), (cem, "withdrawn", 9)):
        Consent.objects.create(contact=contact, basis=own, kind=kind, at=now - timedelta(days=days))

    undo(mine, by)

    def who(op):
        rule = rules.read({"join": "all", "rules": [{"kind": "consent", "of": "mail", "op": op}]})
        return {row.email for row in queries.contacts(People(workspace, rule=rule)).rows}

    assert [(row.get_kind_display(), row.basis.source) for row in ana.consents.order_by("id")] == [
        ("Given", "Shop"), ("Rolled back", "Shop"),
    ]  # fmt: skip
    assert {op: who(op) for op in ("given", "not_given", "denied")} == {
        "given": {"ben@x.test"}, "not_given": {"ana@x.test", "cem@x.test"}, "denied": {"cem@x.test"},
    }  # fmt: skip


def test_who_was_brought_back_leaves_again_with_a_roll_back(workspace, approver, news):
    left_before(workspace, news, 10)
    before = Subscription.objects.values("status", "evidence", "changed_at").get()
    mine = bring(
        workspace, approver, "Email\nleft@x.test\n", on_list=news, resubscribes=True, consent_date=YESTERDAY
    )
    undo(mine, approver)
    assert Subscription.objects.values("status", "evidence", "changed_at").get() == before


def test_nothing_imported_is_nothing_to_take_back(workspace, by):
    mine = preview(begin(workspace, by, "Email\nana@x.test\n"), by)
    with pytest.raises(CannotDo, match="Nothing was imported"):
        services.undo_import(mine=mine, by=by)
