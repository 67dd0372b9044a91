"""The operator's admin: complete, quick, and without a secret or a way to break a promise."""

from datetime import UTC, date, datetime

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib import admin
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import activity, outbox, pulls
from accounts.admin_tools import COUNTED_AT_MOST, BoundedPaginator
from accounts.models import (
    ActivityEntry,
    Connection,
    ConnectionTokens,
    Invitation,
    Membership,
    MirrorKind,
    MirrorRow,
    OutboxAttempt,
    OutboxEntry,
    User,
    Workspace,
)
from accounts.providers.base import Effect
from audiences.models import (
    BulkAction,
    BulkChange,
    BulkOutcome,
    Consent,
    ConsentBasis,
    ContactColumns,
    DuplicatePair,
    DuplicateSearch,
    Engagement,
    ErasedThere,
    Erasure,
    Export,
    ExportPiece,
    Field,
    FieldChange,
    Folder,
    FormerAddress,
    Gathered,
    Import,
    ImportBody,
    ImportChange,
    ImportStep,
    PeopleCount,
    Segment,
    Tag,
    Tagging,
)
from campaigns.models import CampaignVersion, Delivery, Recipient, SendingDomain, TestSend
from reporting.models import DomainFigures, Event, Figures, InboxCall, LinkFigures, Seen, SpanFigures
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    SubscriptionFactory,
    SuppressionFactory,
    TemplateFactory,
    UserFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db

OURS = [
    model
    for label in ("accounts", "audiences", "campaigns", "reporting")
    for model in apps.get_app_config(label).get_models()
    if not model._meta.auto_created
]
HOSTILE = "<script>alert(1)</script>\u202e\"'"


@pytest.fixture
def operator(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


def fill(n):
    """`n` more rows in the tables that matter."""
    for _ in range(n):
        connection = ConnectionFactory(name=HOSTILE)
        workspace = connection.workspace
        contact = SubscriptionFactory(list__workspace=workspace, list__name=HOSTILE).contact
        SuppressionFactory(contact=contact)
        Engagement.objects.create(contact=contact)
        field = Field.objects.create(workspace=workspace, key="colour", label=HOSTILE)
        Folder.objects.create(workspace=workspace, name=HOSTILE)
        TemplateFactory(workspace=workspace, name=HOSTILE)
        campaign = CampaignFactory(workspace=workspace, connection=connection, name=HOSTILE)
        delivery = Delivery.objects.create(
            campaign=campaign,
            connection=connection,
            subject=HOSTILE,
            html="",
            sender_name="x",
            sender_email="x@example.test",
            fingerprint="x",
            send_at=datetime(2026, 12, 1, tzinfo=UTC),
            zone="UTC",
            content_hash="0" * 64,
        )
        Recipient.objects.create(
            delivery=delivery, planned_on=date(2026, 12, 1), contact=contact, email=contact.email
        )
        Event.objects.create(
            workspace=workspace, connection=connection, delivery=delivery, contact=contact, kind="opened",
            at=datetime(2026, 12, 1, tzinfo=UTC), key=contact.pk.to_bytes(16, "big"),
        )  # fmt: skip
        Figures.objects.create(delivery=delivery, source="events", read_at=datetime(2026, 12, 1, tzinfo=UTC))
        InboxCall.objects.create(connection=connection, body=b"{}", digest=contact.pk.to_bytes(32, "big"))
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.CONTACT, object_id=contact.pk, remote_id=str(contact.pk)
        )
        pull = pulls.start(connection=connection, by=None)
        Gathered.objects.create(
            pull=pull, connection=connection, remote_id="1", email=HOSTILE, blocked=False, fields={}
        )
        basis = ConsentBasis.objects.create(workspace=workspace, source=HOSTILE)
        Consent.objects.create(contact=contact, basis=basis, at=datetime(2026, 12, 1, tzinfo=UTC))
        of = Import.objects.create(workspace=workspace, name=HOSTILE, digest="x", basis=basis)
        ImportBody.objects.create(of=of, part="original", number=0, body=b"secret-file")
        step = ImportStep.objects.create(of=of, last_line=1, at=datetime(2026, 12, 1, tzinfo=UTC))
        ImportChange.objects.create(step=step, contact_id=contact.pk, changes={"city": [None, HOSTILE]})
        FieldChange.objects.create(workspace=workspace, field=field, action="kind")
        FormerAddress.objects.create(workspace=workspace, email=HOSTILE, contact=contact)
        Tagging.objects.create(tag=Tag.objects.create(workspace=workspace, name=HOSTILE), contact=contact)
        Segment.objects.create(workspace=workspace, name=HOSTILE, rule={})
        bulk = BulkAction.objects.create(workspace=workspace, action="set_field", people={}, until=0)
        BulkChange.objects.create(of=bulk, contact_id=contact.pk, changes={"city": [None, HOSTILE]})
        BulkOutcome.objects.create(of=bulk, outcome="same", contact_ids=[contact.pk], first=1, last=1, many=1)
        export = Export.objects.create(workspace=workspace, title=HOSTILE)
        ExportPiece.objects.create(of=export, number=0, body=b"secret-export")
        DuplicateSearch.objects.create(workspace=workspace)
        DuplicatePair.objects.create(
            workspace=workspace, contact_a=contact, contact_b=ContactFactory(workspace=workspace), reasons=["phone"],
            rank=1, run=1,
        )  # fmt: skip
        PeopleCount.objects.create(workspace=workspace, people=1)
        erasure = Erasure.objects.create(workspace=workspace, digest=f"{contact.pk:063d}e")
        ErasedThere.objects.create(erasure=erasure, connection=connection)
        ConnectionTokens.objects.create(connection=connection, sealed="secret-tokens")
        OutboxAttempt.objects.create(entry=OutboxEntry.objects.latest("pk"), fence=1)
        SendingDomain.objects.create(connection=connection, name=HOSTILE)
        CampaignVersion.objects.create(campaign=campaign, number=1, state={})
        TestSend.objects.create(campaign=campaign, connection=connection, emails=[])
        LinkFigures.objects.create(delivery=delivery, source="events", url=HOSTILE)
        DomainFigures.objects.create(delivery=delivery, source="events", domain=HOSTILE)
        SpanFigures.objects.create(delivery=delivery, start_at=delivery.send_at)
        Seen.objects.create(delivery=delivery, contact=contact, kind="opened", first_at=delivery.send_at)
        membership = Membership.objects.create(
            user=UserFactory(name=HOSTILE), workspace=workspace, role="editor"
        )
        ContactColumns.objects.create(membership=membership, columns=[])
        Invitation.objects.create(
            workspace=workspace, email="x@example.test", role="viewer", token_digest=f"{contact.pk:064d}"
        )
        OutboxEntry.objects.update(note=HOSTILE)


def test_every_model_of_ours_is_registered():
    assert [model for model in OURS if not admin.site.is_registered(model)] == []


def list_url(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def queries_of(operator, url):
    with CaptureQueriesContext(database) as queries:
        page = operator.get(url)
    assert page.status_code == 200, url
    assert "<script>alert(1)" not in page.content.decode()
    return len(queries)


def test_every_list_opens_with_the_same_few_queries_for_one_row_and_for_three(operator):
    fill(1)
    operator.get(reverse("admin:index"))
    few = {model: queries_of(operator, list_url(model)) for model in OURS}
    fill(2)
    more = {model: queries_of(operator, list_url(model)) for model in OURS}

    assert few == more
    assert max(more.values()) <= 12


@pytest.mark.parametrize("words", ["1", "x' or 1", "9" * 30, "\x00"])
def test_every_list_can_be_searched(operator, words):
    fill(1)
    for model in OURS:
        assert operator.get(list_url(model), {"q": words}).status_code == 200, model


def test_every_row_opens_and_shows_no_secret(operator):
    fill(1)
    connection, invitation = Connection.objects.get(), Invitation.objects.get()
    secrets = (
        connection.sealed_credentials,
        connection.sealed_webhook_secrets,
        "secret-tokens",
        connection.webhook_token,
        invitation.token_digest,
        "sandbox-test",
        "webhook-secret",
        "secret-export",
    )
    for model in OURS:
        row = model._default_manager.order_by("pk").last()
        assert row is not None, model
        page = operator.get(
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
        )
        assert page.status_code == 200, model
        text = page.content.decode()
        assert [secret for secret in secrets if secret in text] == [], model
        assert "<script>alert(1)" not in text, model


def test_second_factors_and_sessions_are_shown_without_their_secrets(operator):
    user = UserFactory()
    factor = Authenticator.objects.create(user=user, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    session = UserSession.objects.create(
        user=user, ip="127.0.0.1", session_key="very-secret-key", user_agent="x"
    )

    for row in (factor, session):
        url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        page = operator.get(url)
        assert page.status_code == 200
        assert "JBSWY3DPEHPK3PXP" not in page.content.decode()
        assert "very-secret-key" not in page.content.decode()


def test_what_promises_rest_on_can_be_neither_added_nor_changed_nor_removed(operator, rf):
    request = rf.get("/")
    request.user = User.objects.get()
    editable = {User, Workspace, Membership}

    for model in set(OURS) - editable:
        page = admin.site.get_model_admin(model)
        assert not page.has_add_permission(request), model
        assert not page.has_change_permission(request), model
        assert not page.has_delete_permission(request) or model is Invitation


def test_a_list_of_millions_is_counted_only_as_far_as_anybody_pages():
    class Rows:
        def order_by(self):
            return self

        def __getitem__(self, part):
            assert part == slice(None, COUNTED_AT_MOST)
            return self

        def count(self):
            return COUNTED_AT_MOST

    assert BoundedPaginator(Rows(), 50).num_pages == 20


def act(operator, model, action, *rows):
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return operator.post(url, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)


def test_a_connection_is_paused_and_resumed_as_in_the_application(operator):
    connection = ConnectionFactory()

    act(operator, Connection, "pause", connection)
    connection.refresh_from_db()
    assert connection.status == Connection.Status.PAUSED

    act(operator, Connection, "resume", connection)
    connection.refresh_from_db()
    assert connection.status == Connection.Status.READY
    assert sorted(ActivityEntry.objects.values_list("verb", flat=True)) == [
        "connection.paused",
        "connection.resumed",
    ]


def test_set_aside_work_is_retried_but_never_what_mails(operator):
    connection = ConnectionFactory()
    safe = outbox.record(task="accounts.check", subject=connection, connection=connection, effect=Effect.READ)
    mails = outbox.record(
        task="x", subject=connection, connection=connection, effect=Effect.ONCE, order_key="m"
    )
    OutboxEntry.objects.update(state=OutboxEntry.State.SET_ASIDE)

    page = act(operator, OutboxEntry, "retry", safe, mails)

    safe.refresh_from_db()
    mails.refresh_from_db()
    assert (safe.state, mails.state) == (OutboxEntry.State.WAITING, OutboxEntry.State.SET_ASIDE)
    assert "This work mails people" in page.content.decode()


def test_the_outbox_is_rung(operator, monkeypatch):
    rang = []
    monkeypatch.setattr(outbox, "ring", lambda entry: rang.append(entry.pk) or True)
    connection = ConnectionFactory()
    entry = outbox.record(
        task="accounts.check", subject=connection, connection=connection, effect=Effect.READ
    )

    act(operator, OutboxEntry, "ring", entry)

    assert rang == [entry.pk]


def test_what_an_operator_changes_is_in_the_log(operator):
    workspace = WorkspaceFactory()
    user = UserFactory()

    operator.post(
        reverse("admin:accounts_membership_add"),
        {"user": user.pk, "workspace": workspace.pk, "role": "admin"},
    )

    entry = ActivityEntry.objects.get(workspace=workspace)
    assert (entry.verb, entry.after["role"]) == ("membership.added_by_operator", "admin")
    assert activity.first_broken(workspace) is None


def test_an_operator_adds_a_person_without_a_user_name(operator):
    page = operator.post(
        reverse("admin:accounts_user_add"),
        {
            "email": "New@Example.test",
            "name": "New",
            "usable_password": "true",
            "password1": "a very long password",
            "password2": "a very long password",
        },
    )

    assert page.status_code == 302
    assert User.objects.filter(email="new@example.test").exists()


def test_staff_log_in_through_the_same_door(client):
    assert client.get("/admin/login/?next=/admin/").url.startswith("/accounts/login/")
    member = UserFactory()
    client.force_login(member)
    assert client.get("/admin/").status_code in (302, 403)
