"""Senders and domains at an account, against the sandbox over a real socket."""

import pytest

from accounts.models import MirrorKind, MirrorRow, OutboxEntry
from campaigns.models import Sender, SendingDomain
from campaigns.queries.senders import why_not
from campaigns.services import senders as services
from tests.accounts_there import AccountThere
from tests.factories import ConnectionFactory, SenderFactory, WorkspaceFactory
from tests.helpers import run_outbox

ACCOUNT = "sandbox-senders"
WORK = ("campaigns.create_sender", "campaigns.confirm_sender", "campaigns.authenticate_domain")


@pytest.fixture
def connection(sandbox, workspace):
    sandbox.control("seed", provider="brevo", account=ACCOUNT, limits="off")
    return ConnectionFactory(workspace=workspace, base_url=sandbox.base_url(), api_key=ACCOUNT)


def there(sandbox):
    state = sandbox.read("state", provider="brevo", account=ACCOUNT)["state"]
    return {row["email"]: row for row in state["senders"].values()}


def theirs(sender):
    return MirrorRow.objects.get(kind=MirrorKind.SENDER, object_id=sender.pk).theirs


def test_a_sender_is_made_and_confirmed_with_its_code(sandbox, connection, member):
    by = member("editor")
    sender = services.add_sender(connection=connection, name="News", email="News@bells.example", by=by)
    run_outbox(*WORK)
    assert theirs(sender)["is_active"] is False

    code = there(sandbox)["news@bells.example"]["otp"]
    services.confirm_sender(connection=connection, sender=sender, code=str(code), by=by)
    run_outbox(*WORK)

    assert theirs(sender)["is_active"] is True


def test_a_lost_answer_makes_no_twin(sandbox, connection, member):
    sandbox.control("faults", provider="brevo", method="POST", path="/senders", kind="drop_after")
    services.add_sender(connection=connection, name="News", email="news@bells.example", by=member("editor"))

    for _ in range(2):
        run_outbox(*WORK)
        OutboxEntry.objects.filter(state="waiting").update(not_before="2020-01-01T00:00:00Z")

    assert [email for email in there(sandbox) if email.startswith("news@")] == ["news@bells.example"]
    assert Sender.objects.count() == MirrorRow.objects.filter(kind=MirrorKind.SENDER).count() == 1


def test_a_wrong_code_is_told_on_the_page(sandbox, connection, browse, member):
    sender = services.add_sender(
        connection=connection, name="News", email="news@bells.example", by=member("editor")
    )
    run_outbox(*WORK)
    editor = browse("editor")

    answer = editor.post(f"/w/acme/senders/{sender.pk}/confirm/{connection.pk}/", {"code": "000000"})
    run_outbox(*WORK)

    assert answer.status_code == 302
    assert theirs(sender)["is_active"] is False
    (state,) = editor.get("/w/acme/senders/").context["rows"][0][1]
    assert state["needs_code"]
    assert state["refusal"]


def test_a_domain_says_which_records_it_wants(sandbox, connection, browse):
    editor = browse("editor")
    editor.post("/w/acme/senders/", {"domain": "1", "connection": connection.pk, "name": "Bells.example"})
    run_outbox(*WORK)

    domain = SendingDomain.objects.get()
    assert (domain.name, domain.is_authenticated) == ("bells.example", False)
    assert domain.dns
    assert domain.dns[0]["value"] in editor.get("/w/acme/senders/").content.decode()


def test_the_page_adds_a_sender_and_refuses_nonsense(connection, browse):
    editor = browse("editor")
    good = {"connection": connection.pk, "name": "News", "email": "news@bells.example"}

    assert editor.post("/w/acme/senders/", good).status_code == 302
    assert editor.post("/w/acme/senders/", good | {"email": "nonsense"}).status_code == 422
    assert editor.post("/w/acme/senders/", good | {"name": "a\nb"}).status_code == 422
    assert browse("viewer").post("/w/acme/senders/", good | {"name": "Other"}).status_code == 403
    assert list(Sender.objects.values_list("name", flat=True)) == ["News"]


def test_foreign_senders_and_domains_look_like_nothing(connection, browse):
    other = WorkspaceFactory()
    sender = SenderFactory(workspace=other)
    domain = SendingDomain.objects.create(connection=ConnectionFactory(workspace=other), name="x.example")
    admin = browse("admin")

    assert (
        admin.post(f"/w/acme/senders/{sender.pk}/confirm/{connection.pk}/", {"code": "1"}).status_code == 404
    )
    assert admin.post(f"/w/acme/domains/{domain.pk}/check/").status_code == 404


def test_a_domain_is_checked_again(sandbox, connection, browse):
    editor = browse("editor")
    editor.post("/w/acme/senders/", {"domain": "1", "connection": connection.pk, "name": "bells.example"})
    run_outbox(*WORK)
    domain = SendingDomain.objects.get()

    editor.post(f"/w/acme/domains/{domain.pk}/check/")
    run_outbox(*WORK)
    assert "says:" in editor.get("/w/acme/senders/").content.decode()

    sandbox.control("act", provider="brevo", account=ACCOUNT, kind="publish_dns", domain="bells.example")
    editor.post(f"/w/acme/domains/{domain.pk}/check/")
    run_outbox(*WORK)

    domain.refresh_from_db()
    assert domain.is_authenticated


@pytest.mark.parametrize("slug", ["leadfox", "mailmojo"])
def test_where_any_address_may_be_written_a_sender_is_kept_here_alone(workspace, browse, slug):
    """The account keeps no senders, or its lists have one each: there is nothing to ask it."""
    connection = ConnectionFactory(workspace=workspace, provider=slug, name="Main")
    editor = browse("editor")
    form = {"connection": connection.pk, "name": "News", "email": "News@bells.example"}

    page = editor.post("/w/acme/senders/", form, follow=True)

    assert [str(sender) for sender in Sender.objects.all()] == ["News <news@bells.example>"]
    assert not OutboxEntry.objects.exists()
    text = page.content.decode()
    assert "is added. Main takes any address as sender." in text
    assert "Takes any" in text
    assert "Confirmed" not in text
    again = editor.post("/w/acme/senders/", form)
    assert again.status_code == 422
    assert "This sender is here already." in again.content.decode()
    assert why_not(None, connection) == ""


def test_a_link_from_the_mail_confirms_a_sender_too(sandbox, workspace, browse, member):
    there = AccountThere(sandbox, "especial")
    connection = there.connect(workspace)
    sender = services.add_sender(
        connection=connection, name="News", email="news@bells.example", by=member("editor")
    )
    run_outbox(*WORK)
    assert theirs(sender)["is_active"] is False
    mail = next(mail for mail in there.state()["mails"] if mail["to"] == "news@bells.example")

    browse("editor").post(
        f"/w/acme/senders/{sender.pk}/confirm/{connection.pk}/",
        {"code": f"https://especial.example/confirm?confirmation_id={mail['confirmation_id']}"},
    )
    run_outbox(*WORK)

    assert theirs(sender)["is_active"] is True
