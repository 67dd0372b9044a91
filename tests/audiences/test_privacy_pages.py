"""The pages of privacy: roles, foreign workspaces, a fresh log-in, and no address where none belongs."""

import json

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import outbox
from accounts.models import MirrorKind, MirrorRow, OutboxEntry
from accounts.providers.base import Effect
from audiences import services
from audiences.models import (
    Contact,
    ErasedThere,
    Erasure,
    FormerAddress,
    Suppression,
)
from tests.audiences.erasing import ANA, erase
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(member):
    return member("admin")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Test clients log in without a password; that it is asked for has a test of its own."""
    with monkeypatch.context() as patch:
        patch.setattr("accounts.http.logged_in_lately", lambda request: True)
        yield patch


def test_from_the_persons_page_to_the_log(workspace, browse):
    ana = SuppressionFactory(contact__workspace=workspace, contact__email=ANA).contact
    client = browse()
    here = f"/w/acme/contacts/{ana.pk}/"
    assert f'href="{here}privacy/"' in client.get(here).content.decode()
    page = client.get(f"{here}privacy/").content.decode()
    assert "Suppressions, in force and lifted" in page
    file = client.post("/w/acme/privacy/export/", {"email": ANA})
    assert file.headers["Content-Disposition"].startswith('attachment; filename="person-')
    assert json.loads(file.content)["contact"][0]["address"] == ANA
    assert b'\n  "about": {\n' in file.content

    refused = client.post("/w/acme/privacy/erase/", {"email": ANA, "typed": "ana"})
    assert (refused.status_code, "That is not the address" in refused.content.decode()) == (422, True)
    done = client.post("/w/acme/privacy/erase/", {"email": ANA, "typed": ANA.upper()}, follow=True)
    assert ANA not in done.content.decode()
    assert "2 tables" in done.content.decode()
    assert client.get(here).status_code == 404


def test_other_addresses_of_a_person_are_named_before_they_are_erased(workspace, browse):
    ana = SuppressionFactory(contact__workspace=workspace, contact__email=ANA).contact
    for email in ("shop@old.test", "work@old.test", "ben@new.test"):
        FormerAddress.objects.create(workspace=workspace, email=email, contact=ana)
    ContactFactory(workspace=workspace, email="ben@new.test")  # somebody else's by now
    SuppressionFactory(workspace=workspace, contact=None, email="shop@old.test")
    here = f"/w/acme/contacts/{ana.pk}/"

    said = {role: browse(role).get(here).content.decode() for role in ("editor", "viewer")}
    page = browse().get(f"{here}privacy/")

    assert "Also known by: <bdi>shop@old.test</bdi>, <bdi>work@old.test</bdi></span>" in said["editor"]
    assert ("Also known by: " in said["viewer"], "old.test" in said["viewer"]) == (False, False)
    assert [(row.title, row.rows, row.names) for row in page.context["held"]][1:3] == [
        ("Other addresses of theirs", 2, ("shop@old.test", "work@old.test")),
        ("Suppressions, in force and lifted", 2, ()),
    ]
    assert "under all 3 addresses of theirs" in page.content.decode()
    assert "A keyed hash of each address" in page.content.decode()


def test_an_address_without_a_contact_is_found_by_typing_it(workspace, browse):
    client = browse()
    Suppression.objects.create(workspace=workspace, email=ANA, reason="bounced")
    page = client.post("/w/acme/privacy/person/", {"email": f" {ANA.upper()} "})
    assert [(row.title, row.rows) for row in page.context["held"]] == [
        ("Suppressions, in force and lifted", 1)
    ]
    assert client.post("/w/acme/privacy/person/", {"email": "ana"}).status_code == 422
    assert client.get("/w/acme/privacy/person/").url == "/w/acme/privacy/"
    ana = ContactFactory(workspace=workspace, email=ANA)
    assert client.post("/w/acme/privacy/person/", {"email": ANA}).url == f"/w/acme/contacts/{ana.pk}/privacy/"


@pytest.mark.parametrize(("role", "forms"), [("viewer", 0), ("editor", 0), ("approver", 1), ("admin", 2)])
def test_each_role_sees_what_it_may_do(workspace, browse, role, forms):
    ana = ContactFactory(workspace=workspace, email=ANA)
    client = browse(role)
    page = client.get("/w/acme/privacy/").content.decode()
    assert page.count('name="email"') == forms
    is_admin = role == "admin"
    assert (
        "privacy/" in client.get(f"/w/acme/contacts/{ana.pk}/").content.decode().partition("<main")[2]
    ) is is_admin
    assert (client.get(f"/w/acme/contacts/{ana.pk}/privacy/").status_code == 200) is is_admin
    for path in ("export", "erase", "person", "accounts/1"):
        reply = client.post(f"/w/acme/privacy/{path}/", {"email": "x@example.com", "typed": "y"})
        assert (reply.status_code != 403) is is_admin, path
    back = client.post("/w/acme/privacy/return/", {"email": ANA, "source": "x", "agreed_on": "2026-01-01"})
    assert back.status_code == (422 if forms else 403)


def test_a_foreign_workspace_is_not_there(browse, by):
    other = WorkspaceFactory()
    ana = ContactFactory(workspace=other, email=ANA)
    told = ErasedThere.objects.create(
        erasure=Erasure.objects.create(workspace=other, digest="0"), state="held", remote_id="1",
        connection=ConnectionFactory(workspace=other),
    )  # fmt: skip
    client = browse()
    assert client.get(f"/w/acme/contacts/{ana.pk}/privacy/").status_code == 404
    assert client.post(f"/w/acme/privacy/accounts/{told.pk}/").status_code == 404
    assert client.post("/w/acme/privacy/person/", {"email": ANA}).context["held"] == []
    client.post("/w/acme/privacy/erase/", {"email": ANA, "typed": ANA})
    assert Contact.objects.get() == ana


def test_export_and_erasure_ask_again_who_it_is(workspace, browse, fresh):
    fresh.undo()
    client = browse()
    told = ErasedThere.objects.create(
        erasure=Erasure.objects.create(workspace=workspace, digest="0"), state="held", remote_id="1",
        connection=ConnectionFactory(workspace=workspace),
    )  # fmt: skip
    for path in ("export", "erase", f"accounts/{told.pk}"):
        reply = client.post(f"/w/acme/privacy/{path}/", {"email": ANA, "typed": ANA})
        assert reply.url.startswith("/accounts/reauthenticate/"), path
    assert (Erasure.objects.count(), ErasedThere.objects.get().state) == (1, "held")


def test_the_log_costs_the_same_for_one_erasure_and_three(workspace, browse):
    client = browse()

    def add():
        ErasedThere.objects.create(
            erasure=Erasure.objects.create(workspace=workspace, digest=str(Erasure.objects.count())),
            connection=ConnectionFactory(workspace=workspace),
        )  # fmt: skip

    def cost():
        with CaptureQueriesContext(database) as captured:
            assert client.get("/w/acme/privacy/").status_code == 200
        return len(captured)

    add()
    cost()
    one = cost()
    add()
    add()
    assert cost() == one


def test_one_person_of_two_addresses_is_erased_in_one_line(workspace, browse, by):
    erase(workspace, by, ContactFactory(workspace=workspace).email)
    ana = ContactFactory(workspace=workspace, email="ana@old.test")
    services.edit_person(contact=ana, by=by, email=ANA, fields={}, seen={}, version=1)
    mine = erase(workspace, by)
    client = browse()

    page = client.get("/w/acme/privacy/")
    rows = page.context["rows"]
    assert [(row.addresses, row.back_at) for row in rows] == [(2, None), (1, None)]
    assert rows[0].erasure == mine
    assert "One person, 2 addresses" in page.content.decode()

    now = timezone.now()
    Erasure.objects.filter(part_of=mine).update(lifted_at=now)
    assert [row.back_at for row in client.get("/w/acme/privacy/").context["rows"]] == [now, None]


def test_an_account_that_holds_several_addresses_is_one_account(workspace, browse):
    ana = ContactFactory(workspace=workspace, email=ANA)
    for email in ("ana@older.test", "ana@old.test"):
        FormerAddress.objects.create(workspace=workspace, email=email, contact=ana)
    account = ConnectionFactory(workspace=workspace)
    MirrorRow.objects.create(connection=account, kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="7")

    page = browse("admin").get(f"/w/acme/contacts/{ana.pk}/privacy/")

    assert page.context["accounts"] == [account]
    assert "under all 3 addresses of theirs, and 1 account is asked" in page.content.decode()


def test_an_account_that_still_holds_somebody_stands_there_whatever_came_after(workspace, browse):
    later = Erasure.objects.create(workspace=workspace, digest="later")
    mine = Erasure.objects.create(workspace=workspace, digest="mine", part_of=later)
    there = ErasedThere.objects.create(
        erasure=mine, connection=ConnectionFactory(workspace=workspace), state="held", remote_id="7"
    )

    rows = browse().get("/w/acme/privacy/").context["rows"]

    assert [[one.id for one in row.accounts] for row in rows] == [[there.pk], []]


def test_several_addresses_in_one_account_are_told_apart(workspace, browse):
    mine = Erasure.objects.create(workspace=workspace, digest="mine")
    shared, other = (ConnectionFactory(workspace=workspace) for _ in range(2))
    for of, state, known in [
        (shared, "gone", ""), (shared, "asked", "ana@old.test"), (shared, "held", "ana@shop.test"), (other, "gone", ""),
    ]:  # fmt: skip
        there = ErasedThere.objects.create(erasure=mine, connection=of, state=state, remote_id=known)
        if state == "asked":
            outbox.record(task="audiences.erase_there", subject=there, connection=of, effect=Effect.CONVERGE)

    shown = {
        role: [(row.which, row.name, row.says) for row in page.context["rows"][0].accounts]
        for role in ("admin", "approver", "viewer")
        if (page := browse(role).get("/w/acme/privacy/"))
    }

    assert shown == {
        role: [
            ("1 of 3", "", "Deleted there"), ("2 of 3", first, "Asked to delete them"),
            ("3 of 3", second, "Still held by Brevo"), ("", "", "Deleted there"),
        ]
        for role, first, second in [
            ("admin", "ana@old.test", "ana@shop.test"), ("approver", "", ""), ("viewer", "", ""),
        ]
    }  # fmt: skip
    told = {}
    for role in ("admin", "editor"):
        page = browse(role).get("/w/acme/privacy/").content.decode().partition("<main")[2]
        told[role] = "address 2 of 3" in page, "ana@old.test" in page, "ana@shop.test" in page
    assert told == {"admin": (True, True, True), "editor": (True, False, False)}


def test_an_account_whose_answer_comes_in_while_the_page_is_read_is_being_asked(workspace, browse):
    there = ErasedThere.objects.create(
        erasure=Erasure.objects.create(workspace=workspace, digest="mine"),
        connection=ConnectionFactory(workspace=workspace), remote_id="7",
    )  # fmt: skip
    outbox.record(
        task="audiences.erase_there", subject=there, connection=there.connection, effect=Effect.CONVERGE
    )
    OutboxEntry.objects.update(state="done")

    row = browse().get("/w/acme/privacy/").context["rows"][0].accounts[0]

    assert (row.says, row.waits) == ("Asked to delete them", False)
