"""What an account holds comes over whole, and a repeat changes nothing; against the sandbox over a real socket."""

import pytest
import requests

from accounts import pulls
from accounts.models import MirrorKind, MirrorRow, Pull
from campaigns.models import Campaign, Delivery, Sender, SendingDomain, Template, TestSend
from tests.factories import CampaignFactory, ConnectionFactory
from tests.helpers import run_outbox

ACCOUNT = "sandbox-pulls"
STEPS = (
    "audiences.pull_fields", "audiences.pull_lists", "audiences.pull_leaves", "audiences.pull_contacts",
    "campaigns.pull_senders", "campaigns.pull_templates", "campaigns.pull_campaigns",
)  # fmt: skip
HTML = "<p>Hello {{ contact.FIRSTNAME }}{{ params.x }}</p>"


@pytest.fixture
def account(sandbox):
    sandbox.control(
        "seed", provider="brevo", account=ACCOUNT, limits="off", lists=["News"], contacts=5,
        senders=[{"name": "News", "email": "news@campanile.example", "active": True},
                 {"name": "New", "email": "new@elsewhere.example", "active": False}],
        domains=[{"name": "campanile.example", "authenticated": True}, {"name": "elsewhere.example"}],
        templates=[{"name": "Letter", "subject": "Hi {{ contact.FIRSTNAME }}", "html": HTML}],
        campaigns=[{"name": "Gone out", "subject": "Was {{contact.FIRSTNAME}}", "status": "sent", "daysAgo": 3},
                   {"name": "Their draft", "subject": "To come"}],
    )  # fmt: skip
    return sandbox


@pytest.fixture
def connection(account, workspace):
    return ConnectionFactory(workspace=workspace, base_url=account.base_url(), api_key=ACCOUNT)


def walk(connection) -> dict[str, dict[str, int]]:
    """Pull all but the figures; the counts of this app's steps without zeros."""
    pull = pulls.start(connection=connection, by=None)
    run_outbox(*STEPS)
    Pull.objects.filter(pk=pull.pk).update(state=Pull.State.DONE)
    pull.refresh_from_db()
    assert pull.step == len(STEPS)
    for counts in pull.counts.values():
        read = counts.get("read", 0)
        assert read == sum(
            counts.get(name, 0) for name in ("created", "changed", "unchanged", "rejected", "suppressed")
        )
    return {
        step.removeprefix("campaigns.pull_"): {
            name: count for name, count in counts.items() if count and name != "total"
        }
        for step, counts in pull.counts.items()
        if step.startswith("campaigns.")
    }


def call(account, method: str, path: str, **body):
    reply = requests.request(
        method, f"{account.base_url()}{path}", headers={"api-key": ACCOUNT}, json=body or None, timeout=30
    )
    assert reply.ok, reply.text
    return reply.json() if reply.content else None


def test_everything_comes_over_once(connection):
    counts = walk(connection)

    assert counts["templates"] == {"read": 1, "created": 1}
    assert counts["campaigns"] == {"read": 2, "created": 2}
    assert Sender.objects.filter(email="news@campanile.example", name="News").exists()
    active = MirrorRow.objects.filter(kind=MirrorKind.SENDER).values_list(
        "theirs__email", "theirs__is_active"
    )
    assert dict(active)["new@elsewhere.example"] is False
    domains = {domain.name: domain for domain in SendingDomain.objects.all()}
    assert domains["campanile.example"].is_authenticated
    assert domains["elsewhere.example"].dns

    template = Template.objects.get()
    assert (template.name, template.form) == ("Letter", "html")
    assert template.subject == "Hi {{ contact.first_name }}"
    assert template.html == "<p>Hello {{ contact.first_name }}{{ params.x }}</p>"

    sent, draft = Campaign.objects.order_by("name")
    assert (sent.status, sent.is_imported, sent.subject) == ("sent", True, "Was {{ contact.first_name }}")
    assert (draft.status, draft.is_imported, draft.is_editable) == ("draft", True, False)
    delivery = Delivery.objects.get()
    assert (delivery.campaign, delivery.state, delivery.remote_status) == (sent, "sent", "sent")
    assert delivery.remote_id
    assert delivery.finished_at


def test_a_repeat_changes_nothing(connection):
    walk(connection)
    before = [list(model.objects.order_by("pk").values()) for model in (Sender, Template, Campaign, Delivery)]

    counts = walk(connection)

    assert all(set(step) == {"read", "unchanged"} for step in counts.values()), counts
    assert [
        list(model.objects.order_by("pk").values()) for model in (Sender, Template, Campaign, Delivery)
    ] == before


def test_what_changed_there_changes_here(account, connection):
    walk(connection)
    draft = MirrorRow.objects.get(kind=MirrorKind.CAMPAIGN, theirs__name="Their draft")
    call(account, "PUT", f"/emailCampaigns/{draft.remote_id}", subject="Changed there")

    counts = walk(connection)

    assert counts["campaigns"] == {"read": 2, "changed": 1, "unchanged": 1}
    assert Campaign.objects.get(name="Their draft").subject == "Changed there"


def test_a_template_changed_here_is_kept(account, connection):
    walk(connection)
    Template.objects.update(html="Ours", version=2)
    remote_id = MirrorRow.objects.get(kind=MirrorKind.TEMPLATE).remote_id
    call(account, "PUT", f"/smtp/templates/{remote_id}", subject="Theirs")

    walk(connection)

    assert Template.objects.get().html == "Ours"


def test_a_template_deleted_here_stays_deleted(connection):
    walk(connection)
    Template.objects.all().delete()

    walk(connection)

    assert not Template.objects.exists()


def test_what_we_made_there_is_not_imported(account, connection, workspace):
    ours = CampaignFactory(workspace=workspace, connection=connection, status="sent")
    delivery = Delivery.objects.create(
        campaign=ours, connection=connection, subject="S", html="H", sender_name="N", sender_email="n@e.test",
        fingerprint="f", send_at="2026-11-21T10:00:00Z", zone="UTC", content_hash="", released_by=None, state="sent",
    )  # fmt: skip
    test = TestSend.objects.create(campaign=ours, connection=connection, emails=[])
    sender = {"name": "News", "email": "news@campanile.example"}
    for name in (delivery.remote_name, test.remote_name):
        call(account, "POST", "/emailCampaigns", name=name, subject="S", sender=sender, htmlContent=HTML)

    counts = walk(connection)
    again = walk(connection)

    assert counts["campaigns"] == {"read": 4, "created": 2, "unchanged": 2}
    assert again["campaigns"] == {"read": 4, "unchanged": 4}
    assert Campaign.objects.filter(is_imported=True).count() == 2
    row = MirrorRow.objects.get(kind=MirrorKind.CAMPAIGN, object_id=ours.pk)
    assert row.theirs["name"] == delivery.remote_name
    assert (Delivery.objects.count(), Delivery.objects.get(pk=delivery.pk).state) == (2, "sent")


def test_a_broken_walk_goes_on_where_it_was(account, connection, monkeypatch):
    monkeypatch.setattr("campaigns.mirror.pull.TEMPLATES_A_PAGE", 1)
    monkeypatch.setattr("accounts.pulls.SLICE_SECONDS", -1)  # every page is a slice of its own

    counts = walk(connection)

    assert counts["templates"] == {"read": 1, "created": 1}
    assert counts["campaigns"] == {"read": 2, "created": 2}


def test_hostile_words_of_the_account_stay_words(account, connection, browse):
    hostile = "<script>alert(1)</script>\u202e"
    sender = {"name": "News", "email": "news@campanile.example"}
    call(account, "POST", "/emailCampaigns", name=hostile, subject=hostile, sender=sender, htmlContent=HTML)
    walk(connection)

    admin = browse("admin")
    shown = admin.get(f"/w/acme/campaigns/{Campaign.objects.get(name=hostile).pk}/compose/")
    assert (shown.status_code, "<script>alert" in shown.content.decode()) == (200, False)
    assert "<script>alert" not in admin.get("/w/acme/campaigns/").content.decode()
