"""Everything about one person: told, removed from every table and every account, and kept out afterwards."""

import base64
import contextlib
import json
import zlib
from datetime import timedelta
from hashlib import blake2b

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection as database
from django.db import transaction
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import activity, attention
from accounts.models import ActivityEntry, Connection, OutboxEntry, Pull
from accounts.providers.errors import Missing
from accounts.vault import Locked
from audiences import queries, services
from audiences.erased import Erased
from audiences.importing import bodies
from audiences.mirror import contacts, gathering
from audiences.mirror.reading import Reader
from audiences.models import (
    BulkAction,
    Contact,
    ErasedThere,
    Erasure,
    Export,
    ExportPiece,
    Gathered,
    Import,
    ImportBody,
    ImportChange,
    Segment,
    Suppression,
    Tag,
    Tagging,
)
from audiences.services import forgetting
from audiences.services.imports import ERASED as CANNOT_ADD
from campaigns.models import Delivery, Recipient, TestSend
from reporting.mirror import inbox
from reporting.models import Event, Figures, InboxCall, Seen
from tests.audiences.importing import begin, bring, undo, work
from tests.audiences.there import EACH, There, pull
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox
from tests.reporting.calls import SENT_AT, brevo_call, make_delivery

pytestmark = pytest.mark.django_db

ANA = "ana.muster@example.com"
NAMES = ("Anabelle", "Musterfrau")
FILE = f"Email,Vorname,Nachname\n{ANA},{NAMES[0]},{NAMES[1]}\nben@example.com,Ben,Beispiel\n"


@pytest.fixture
def by(member):
    return member("admin")


@pytest.fixture
def there(sandbox):
    there = There(sandbox, "brevo")
    there.seed(
        lists=["News"],
        contacts=[
            {"email": ANA, "fields": {"first_name": NAMES[0]}, "lists": [0]},
            {"email": "ben@example.com", "fields": {"first_name": "Ben"}, "lists": [0]},
        ],
    )
    return there


@pytest.fixture
def connection(there, workspace):
    return there.connect(workspace)


def erase(workspace, by, email=ANA):
    return services.erase_person(
        person=services.person_of(workspace=workspace, email=email), by=by, typed=email
    )


def export(workspace, by, email=ANA):
    return services.export_person(person=services.person_of(workspace=workspace, email=email), by=by)


def call(connection, *bodies):
    for body in bodies:
        body = json.dumps(body).encode()
        InboxCall.objects.create(
            connection=connection, body=body, digest=blake2b(body, digest_size=32).digest()
        )
    while inbox.apply_some(connection):
        pass


def everything():
    """table.column → all its text, bytes opened: of every table there is, whoever made it."""
    found = {}
    with database.cursor() as cursor:
        cursor.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = current_schema()"
            " and data_type in ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY', 'inet')"
        )
        for table, column, kind in cursor.fetchall():
            cursor.execute(f'select "{column}" from "{table}" where "{column}" is not null')
            values = [value for (value,) in cursor.fetchall()]
            found[f"{table}.{column}"] = "\n".join(
                _opened(bytes(value)) if kind == "bytea" else str(value) for value in values
            )
    return found


def _opened(value):
    with contextlib.suppress(zlib.error):
        value = zlib.decompress(value)
    return value.decode("latin-1") + base64.b64encode(value).decode()


def mentions(*words):
    return {
        name for name, text in everything().items() if any(word.lower() in text.lower() for word in words)
    }


@pytest.fixture
def known(workspace, connection, by):
    """Ana stands wherever somebody can: the account, files, lists, mails, calls, notes."""
    pull(connection)
    news = workspace.lists.get()
    shop = ListFactory(workspace=workspace, name="Shop")
    imported = bring(workspace, by, FILE, on_list=shop, consent_source="Fair")
    begin(workspace, by, FILE + "cy@example.com,Cy,C\n", name="waits.csv")
    begin(workspace, by, "Email\nnobody@example.com\n", name="other.csv")
    services.add_person(
        workspace=workspace, by=by, email=ANA, fields={"city": "Musterstadt"}, on_list=ListFactory(workspace=workspace),
        consent_source=f"{NAMES[0]} on the phone",
    )  # fmt: skip
    ana = Contact.objects.get(email=ANA)
    services.suppress_by_hand(contact=ana, by=by, reason=f"{NAMES[1]} asked by phone")
    run_outbox("audiences.block")
    Tagging.objects.create(tag=Tag.objects.create(workspace=workspace, name="VIP"), contact=ana)

    campaign = CampaignFactory(workspace=workspace, connection=connection, name="November", status="sent")
    delivery = make_delivery(campaign, connection)
    for contact in Contact.objects.order_by("pk"):
        Recipient.objects.create(
            delivery=delivery, planned_on=SENT_AT.date(), contact=contact, email=contact.email,
            state=Recipient.State.HANDED_OVER,
        )  # fmt: skip
    call(
        connection,
        brevo_call("delivered", ANA),
        brevo_call("click", ANA, after=90, URL=f"https://shop.test/?e={ANA.replace('@', '%40')}"),
        brevo_call("soft_bounce", "ben@example.com", reason="mailbox full"),
        brevo_call("hard_bounce", ANA, after=99, reason=f"550 <{ANA}> unknown"),
    )
    TestSend.objects.create(
        campaign=campaign, connection=connection, state=TestSend.State.SENT,
        emails=["t@example.com", ANA.title()], refused={ANA: f"{ANA} is unknown"}, note=f"sent to {ANA}",
    )  # fmt: skip
    ready = Export.objects.create(
        workspace=workspace, title=f"People: “{ANA}”", selection={"words": ANA.upper()}, created_by=by
    )
    ExportPiece.objects.create(of=ready, number=0, body=zlib.compress(FILE.encode()))
    ready.move_to(Export.State.READY, finished_at=timezone.now(), rows=2)
    Segment.objects.create(workspace=workspace, name=f"Not {ANA}", rule={"is_not": [ANA, f"b{ANA}"]})
    BulkAction.objects.create(
        workspace=workspace, action="tag", people={"words": ANA}, arguments={"tag": 1}, until=1, created_by=by
    )
    under_way = Pull.objects.create(
        connection=connection, checkpoint={"gathered": True, "after": ANA}, step=3, state="running"
    )
    Gathered.objects.create(
        pull=under_way, connection=connection, remote_id=f"1:{ANA}", email=ANA, list_id="1", status="on",
        blocked=False, fields={"first_name": NAMES[0]},
    )  # fmt: skip
    return {"ana": ana, "news": news, "imported": imported, "delivery": delivery, "campaign": campaign}


def test_one_file_tells_all_that_is_held(workspace, by, known):
    document = export(workspace, by)

    rows = {name: len(section) for name, section in document.items() if name != "about"}
    assert rows == {
        "contact": 1, "tags": 1, "subscriptions": 3, "consents": 2, "suppressions": 2, "engagement": 1, "accounts": 1,
        "being_read": 1, "import_rows": 2, "import_changes": 2, "import_files": 1, "exports": 1, "words": 3,
        "work": 1, "activity": 1, "deliveries": 1, "test_mails": 1, "events": 3, "firsts": 4, "calls": 3, "links": 1,
    }  # fmt: skip
    assert set(document["about"]["sections"]) == set(rows)
    assert document["contact"][0]["fields"] == {
        "First name": NAMES[0], "Last name": NAMES[1], "City": "Musterstadt",
    }  # fmt: skip
    assert [row["source"] for row in document["consents"]] == ["Fair", f"{NAMES[0]} on the phone"]
    assert [row["reason"] for row in document["suppressions"]] == [
        "Suppressed by hand",
        "Address does not exist",
    ]
    assert [row["what"] for row in document["events"]] == ["delivered", "clicked", "hard_bounced"]
    entry = ActivityEntry.objects.latest("id")
    assert (entry.verb, entry.object_id, ANA in str(entry.after)) == (
        "privacy.exported",
        known["ana"].pk,
        False,
    )


def test_after_an_erasure_no_table_holds_address_or_names(workspace, by, known):
    assert len(mentions(ANA, *NAMES, "Musterstadt")) > 15

    erase(workspace, by)
    run_outbox("audiences.erase_there")

    assert mentions(ANA, ANA.replace("@", "%40"), *NAMES, "Musterstadt") == {"audiences_segment.rule"}
    assert Segment.objects.get().rule == {"is_not": ["…", f"b{ANA}"]}
    assert activity.first_broken(workspace) is None


def test_what_goes_on_counting_adds_up(workspace, by, known, browse):
    client, delivery = browse(), known["delivery"]
    before = Figures.objects.get(delivery=delivery, source="events").counts
    states = dict(delivery.ledger().values_list("state").annotate(people=Count("pk")).order_by())

    erase(workspace, by)

    assert dict(delivery.ledger().values_list("state").annotate(people=Count("pk")).order_by()) == states
    assert Figures.objects.get(delivery=delivery, source="events").counts == before
    assert Event.objects.filter(contact=None, kind="clicked").count() == 1
    assert not Seen.objects.exclude(contact__in=Contact.objects.all()).exists()
    assert not OutboxEntry.objects.filter(subject_id=known["ana"].pk, task="audiences.block").exists()
    assert known["news"].subscriptions.count() == 1
    known["news"].refresh_from_db()
    assert known["news"].subscribed_count == 1
    for path in ("report/", "report/people/?what=clicked", ""):
        assert client.get(f"/w/acme/campaigns/{known['campaign'].pk}/{path}").status_code == 200, path


def test_imports_keep_their_numbers_and_lose_the_person(workspace, by, known, browse):
    waits, other = Import.objects.get(name="waits.csv"), Import.objects.get(name="other.csv")
    erase(workspace, by)

    waits.refresh_from_db()
    other.refresh_from_db()
    assert (waits.state, waits.note, waits.bodies.count()) == ("cancelled", forgetting.FILE_GONE, 0)
    assert (other.state, other.bodies.count()) == ("mapping", 1)
    assert not ImportChange.objects.filter(contact_id=known["ana"].pk).exists()
    imported = known["imported"]
    page = browse().get(f"/w/acme/imports/{imported.pk}/", {"show": "changed"})
    assert page.status_code == 200
    undone = undo(imported, by)
    assert undone.state == "undone"
    export_row = Export.objects.get()
    assert (export_row.state, export_row.note, export_row.pieces.count()) == (
        "expired", forgetting.EXPORT_GONE, 0,
    )  # fmt: skip


def test_the_account_holds_them_no_more_and_no_pull_brings_them_back(workspace, connection, there, by):
    pull(connection)
    assert ANA in json.dumps(there.state())
    erasure = erase(workspace, by)
    assert [(row.state, row.connection) for row in erasure.accounts.all()] == [("asked", connection)]

    again = pull(connection)  # it still holds them
    counts = again.counts["audiences.pull_contacts"]
    assert (counts["read"], counts["rejected"], counts["rejected_erased"]) == (2, 1, 1)
    assert counts["read"] == sum(counts[name] for name in ("unchanged", "rejected"))
    assert list(workspace.contacts.values_list("email", flat=True)) == ["ben@example.com"]

    run_outbox("audiences.erase_there")
    there_now = erasure.accounts.get()
    assert (there_now.state, there_now.remote_id) == ("gone", "")
    assert ANA not in json.dumps(there.state()["contacts"])
    assert mentions(ANA) == set()


@pytest.mark.parametrize("slug", EACH)
def test_every_account_is_told_in_its_way(sandbox, workspace, by, slug):
    there = There(sandbox, slug)
    there.seed(
        lists=["News", "Shop"],
        contacts=[{"email": ANA, "lists": [0, 1]}, {"email": "b@example.com", "lists": [0]}],
    )
    connection = there.connect(workspace)
    pull(connection)
    erasure = erase(workspace, by)
    pull(connection)
    assert not workspace.contacts.filter(email=ANA).exists()

    run_outbox("audiences.erase_there")
    if (
        slug == "emailcampaigns"
    ):  # takes the file in a moment after its answer: not gone before it is seen to be
        assert erasure.accounts.get().state == "asked"
        sandbox.control("clock", advance=5)
        OutboxEntry.objects.update(not_before=timezone.now())
        run_outbox("audiences.erase_there")
    told = erasure.accounts.get()
    if connection.capabilities.deletes_contacts:
        assert (told.state, told.remote_id) == ("gone", "")
        with pytest.raises(Missing):
            connection.open().contact(email=ANA)
        assert mentions(ANA) == set()
        return
    assert (told.state, told.remote_id) == ("held", ANA)
    assert connection.open().contact(email=ANA).list_ids == ()  # nobody is mailed by it meanwhile
    assert [item.title for item in attention.needs(workspace)] == [f"{slug} still holds somebody erased"]
    services.settle_by_hand(there=told, by=by)
    assert (told.state, told.by, mentions(ANA)) == ("settled", by, set())
    with pytest.raises(services.CannotErase):
        services.settle_by_hand(there=told, by=by)


def test_an_account_that_is_not_connected_waits_for_a_person(workspace, connection, by):
    pull(connection)
    connection.set_status(Connection.Status.DISCONNECTED)

    told = erase(workspace, by).accounts.get()
    assert (told.state, OutboxEntry.objects.filter(task="audiences.erase_there").count()) == ("held", 0)


def test_work_that_was_set_aside_waits_for_a_person(workspace, connection, there, by):
    pull(connection)
    erasure = erase(workspace, by)
    OutboxEntry.objects.filter(task="audiences.erase_there").update(state="set_aside", note="No.")

    (row,) = queries.erasures(workspace).rows[0].accounts
    assert (row.says, row.note, row.waits) == (
        "Still held by Brevo", "Delete them there by hand. The account was asked and did not: No.", True,
    )  # fmt: skip
    services.settle_by_hand(there=erasure.accounts.get(), by=by)
    assert queries.erasures(workspace).rows[0].accounts[0].says == "Deleted there by hand"


def test_a_killed_worker_tells_the_account_again(workspace, connection, there, by, monkeypatch):
    pull(connection)
    erasure = erase(workspace, by)
    with monkeypatch.context() as patch:
        patch.setattr(ErasedThere, "end", lambda *_, **__: 1 / 0)  # behind the call
        run_outbox("audiences.erase_there")
    assert erasure.accounts.get().state == "asked"

    OutboxEntry.objects.update(not_before=timezone.now())
    run_outbox("audiences.erase_there")
    assert erasure.accounts.get().state == "gone"


def test_an_erasure_cut_off_in_the_middle_has_changed_nothing(workspace, by, known, monkeypatch):
    before = everything()
    monkeypatch.setattr(forgetting, "contact", lambda person: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        erase(workspace, by)

    after = everything()
    del after["accounts_workspace.sealed_hash_key"], before["accounts_workspace.sealed_hash_key"]
    assert {name: text for name, text in after.items() if sorted(text) != sorted(before[name])} == {}


# It holds


@pytest.fixture
def erased(workspace, by):
    """Ana, of whom nothing was held but the address."""
    return erase(workspace, by)


def test_a_file_brings_nobody_back(workspace, by, erased):
    shop = ListFactory(workspace=workspace)
    again = f"Email,Vorname,Alter\n  {ANA.upper()} ,Ana,x\n{ANA},Ana,1,2,3\nben@example.com,Ben,3\n"
    mine = bring(workspace, by, again, on_list=shop, consent_source="Fair")

    assert {name: count for name, count in mine.counts.items() if count} == {
        "read": 3, "suppressed": 2, "new": 1,
    }  # fmt: skip
    assert [row.why for row in queries.rows_of(mine, "suppressed").rows] == ["Erased at their request"] * 2
    assert "2,Erased at their request" in "".join(queries.rejects_csv(mine))
    assert mentions(ANA) == set()


def test_nobody_is_typed_in_who_was_erased(workspace, by, erased, browse):
    with pytest.raises(services.CannotImport) as refusal:
        services.add_person(workspace=workspace, by=by, email=f" {ANA.title()}", fields={})
    assert refusal.value.fields == {"email": CANNOT_ADD}
    reply = browse("editor").post("/w/acme/contacts/new/", {"email": ANA})
    assert (reply.status_code, CANNOT_ADD.encode() in reply.content) == (422, True)
    assert mentions(ANA) == set()


def test_no_suppression_and_no_call_holds_the_address_again(workspace, by, erased):
    connection = ConnectionFactory(workspace=workspace)
    delivery = make_delivery(CampaignFactory(workspace=workspace, connection=connection), connection)
    call(
        connection,
        brevo_call("unsubscribe", ANA),
        brevo_call("click", ANA, URL=f"https://shop.test/?e={ANA}"),
        brevo_call("hard_bounce", ANA, reason=f"550 {ANA}"),
    )
    services.suppress_all(
        workspace=workspace, connection=None, facts=[services.Fact(ANA, "complained", timezone.now())]
    )

    assert mentions(ANA) == set()
    assert sorted(Event.objects.values_list("kind", "contact", "delivery")) == [
        ("clicked", None, delivery.pk), ("hard_bounced", None, delivery.pk), ("unsubscribed", None, delivery.pk),
    ]  # fmt: skip
    assert not InboxCall.objects.exists()


def test_only_their_workspace_knows_them_as_erased(workspace, by, erased):
    other = WorkspaceFactory()
    services.add_person(workspace=other, by=by, email=ANA, fields={})

    assert (ANA in Erased(workspace), ANA in Erased(other)) == (True, False)
    erase(other, by)
    first, second = Erasure.objects.order_by("pk").values_list("digest", flat=True)
    assert first != second


def test_the_hash_outlives_the_keys_of_the_vault(workspace, by, erased, settings):
    old = settings.VAULT_KEYS
    settings.VAULT_KEYS = [Fernet.generate_key().decode(), *old]
    call_command("rotate_vault")
    call_command("rotate_vault", check=True)
    settings.VAULT_KEYS = settings.VAULT_KEYS[:1]
    assert ANA in Erased(workspace)

    settings.VAULT_KEYS = old
    with pytest.raises(Locked):
        Erased(workspace)


def test_coming_back_needs_a_consent_given_since(workspace, by, erased):
    words = {"workspace": workspace, "by": by, "email": ANA, "source": "Asked us in the shop"}
    today = timezone.localdate()
    for values in ({"agreed_on": today - timedelta(days=1)}, {"agreed_on": today + timedelta(days=1)}):
        with pytest.raises(services.CannotErase) as refusal:
            services.record_return(**words, **values)
        assert set(refusal.value.fields) == {"agreed_on"}
    with pytest.raises(services.CannotErase, match="Nobody with this address was erased"):
        services.record_return(**words | {"email": "ben@example.com"}, agreed_on=today)
    assert not Contact.objects.exists()

    contact = services.record_return(**words, agreed_on=today)
    assert [(row.basis.source, row.kind, row.list) for row in contact.consents.all()] == [
        ("Asked us in the shop", "given", None)
    ]
    assert ANA not in Erased(workspace)
    services.add_person(workspace=workspace, by=by, email=ANA, fields={"city": "Basel"})
    erase(workspace, by)
    assert (Erasure.objects.get().lifted_at, ANA in Erased(workspace)) == (None, True)


# Not now


def test_nobody_is_erased_who_is_being_handed_over(workspace, by):
    connection = ConnectionFactory(workspace=workspace)
    ana = ContactFactory(workspace=workspace, email=ANA)
    delivery = make_delivery(
        CampaignFactory(workspace=workspace, connection=connection, name="November"),
        connection,
        state="preparing",
    )
    Recipient.objects.create(delivery=delivery, planned_on=SENT_AT.date(), contact=ana, email=ANA)
    with pytest.raises(services.CannotErase, match="“November” is being handed over"):
        erase(workspace, by)

    delivery.ledger().update(state="handed_over")
    Delivery.objects.filter(pk=delivery.pk).update(handed_over_at=timezone.now(), state="ready")
    told = erase(workspace, by).accounts.get()
    assert (told.connection, told.remote_id, told.state) == (connection, ANA, "asked")


def test_nobody_is_erased_while_files_are_read_or_a_test_is_on_its_way(workspace, by):
    ContactFactory(workspace=workspace, email=ANA)
    mine, _ = services.begin_import(workspace=workspace, by=by, name="a.csv", blocks=[FILE.encode()])
    with pytest.raises(services.CannotErase, match="A file is being imported"):
        erase(workspace, by)
    work()
    mine.refresh_from_db()
    services.cancel_import(mine=mine, by=by)
    connection = ConnectionFactory(workspace=workspace)
    campaign = CampaignFactory(workspace=workspace, connection=connection)
    test = TestSend.objects.create(campaign=campaign, connection=connection, emails=[ANA])
    with pytest.raises(services.CannotErase, match="A test mail to this address"):
        erase(workspace, by)

    test.store(state="sent")
    erase(workspace, by)
    assert not Contact.objects.exists()


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_cannot_be_looked_into_goes_with_its_import(workspace, by, packed):
    body = "Email\r\nAna.Muster@Example.com\r\n".encode("utf-16")
    mine = Import.objects.create(workspace=workspace, name="a", digest="1", state="mapping", created_by=by)
    bodies.store(mine, ImportBody.Part.ORIGINAL, [b"PK\3\4" + body[4:] if packed else body[:20], body[20:]])
    erase(workspace, by)

    mine.refresh_from_db()
    assert (mine.state, mine.bodies.count()) == ("cancelled", 0)


def test_an_address_in_foreign_letters_is_found_however_it_is_written(workspace, by):
    mine = Import.objects.create(workspace=workspace, name="a", digest="1", state="mapping", created_by=by)
    bodies.store(mine, ImportBody.Part.ORIGINAL, ["Email\nana@müller.example\n".encode()])
    Segment.objects.create(workspace=workspace, name="ana@Müller.example", rule={})
    connection = ConnectionFactory(workspace=workspace)
    written = (
        "ana@Müller.example",
        r'"\n ana@m\u00fcller.example"',
        "e=ana%40xn--mller-kva.example",
        "\0ANA@XN--mller-kva.example",
    )
    for body in written:
        InboxCall.objects.create(
            connection=connection, body=body.encode(), digest=body.encode(), state="applied"
        )
    services.suppress_all(
        workspace=workspace, connection=None,
        facts=[services.Fact("ana@müller.example", "complained", timezone.now())],
    )  # fmt: skip
    erase(workspace, by, "ana@xn--mller-kva.example")

    assert mentions("ana@müller", "ana@xn--") == set()
    assert (ImportBody.objects.count(), InboxCall.objects.count()) == (0, 0)


def test_what_stands_for_others_stays(workspace, by):
    """An address that ends like theirs is somebody else's."""
    for email in (f"b{ANA}", f"{ANA}.test", "x@example.com"):
        contact = ContactFactory(workspace=workspace, email=email)
        SuppressionFactory(contact=contact)
    Segment.objects.create(workspace=workspace, name=f"b{ANA}, {ANA}.test", rule={})
    before = {name: text for name, text in everything().items() if not name.startswith("accounts_")}
    erase(workspace, by)

    after = {name: text for name, text in everything().items() if not name.startswith("accounts_")}
    assert {name for name in before if before[name] != after[name]} == {
        "audiences_erasure.counts", "audiences_erasure.digest",
    }  # fmt: skip


# Pages


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


def test_the_activity_log_keeps_why_somebody_was_suppressed_to_the_block(workspace, by):
    ana = ContactFactory(workspace=workspace, email=ANA)
    services.suppress_by_hand(contact=ana, by=by, reason="Anabelle asked")

    assert (ActivityEntry.objects.get().after, Suppression.objects.get().evidence) == (
        None, {"reason": "Anabelle asked"},
    )  # fmt: skip


@pytest.mark.parametrize("slug", EACH)
def test_a_page_read_before_is_not_taken_over_after(sandbox, workspace, by, slug, monkeypatch):
    there = There(sandbox, slug)
    there.seed(
        lists=["News"], contacts=[{"email": ANA, "lists": [0]}, {"email": "b@example.com", "lists": [0]}]
    )
    connection = there.connect(workspace)
    pull(connection)
    after_reading = contacts if connection.capabilities.shares_contacts else gathering
    name = "sift" if after_reading is contacts else "stage"
    take_over = getattr(after_reading, name)

    def erased_meanwhile(*args, **kwargs):
        if Contact.objects.filter(email=ANA).exists():
            erase(workspace, by)
        return take_over(*args, **kwargs)

    monkeypatch.setattr(after_reading, name, erased_meanwhile)
    counts = pull(connection).counts["audiences.pull_contacts"]

    assert list(workspace.contacts.values_list("email", flat=True)) == ["b@example.com"]
    assert counts["read"] == sum(
        counts.get(name, 0) for name in ("created", "changed", "unchanged", "rejected")
    )
    held = {"audiences_erasedthere.remote_id"} if ErasedThere.objects.get().remote_id == ANA else set()
    assert mentions(ANA) == held


def test_nothing_is_gathered_of_who_was_erased(sandbox, workspace, by):
    there = There(sandbox, "especial")
    there.seed(
        lists=["News", "Shop"],
        contacts=[{"email": ANA, "lists": [0, 1]}, {"email": "b@example.com", "lists": [0]}],
    )
    connection = there.connect(workspace)
    pull(connection)
    erasure = erase(workspace, by)
    mine = Pull.objects.create(connection=connection, step=3)
    for _ in gathering.gather(mine, connection.open(), Reader.of(connection)):
        pass

    mine.refresh_from_db()
    counts = mine.counts["audiences.pull_contacts"]
    assert (counts["gathered"], counts["rejected"], counts["rejected_erased"]) == (1, 1, 1)
    assert (mentions(ANA), erasure.accounts.get().remote_id) == ({"audiences_erasedthere.remote_id"}, ANA)
