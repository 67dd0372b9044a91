"""Everything about one person: told, removed from every table and every account, and kept out afterwards."""

import json
import zipfile
import zlib
from io import BytesIO

import pytest
import xlsxwriter
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from accounts import activity, attention
from accounts.models import ActivityEntry, Connection, OutboxEntry, Pull
from accounts.providers.errors import Missing
from audiences import privacy, queries, services
from audiences.importing import bodies
from audiences.models import (
    BulkAction,
    BulkChange,
    BulkOutcome,
    Contact,
    DuplicatePair,
    ErasedThere,
    Export,
    ExportPiece,
    FormerAddress,
    Gathered,
    Import,
    ImportBody,
    ImportChange,
    Segment,
    Suppression,
    Tag,
    Tagging,
)
from audiences.queries import held
from audiences.services import forgetting
from campaigns.models import Delivery, Recipient, TestSend
from reporting.models import Event, Figures, InboxCall, Seen
from tests.audiences.erasing import ANA, FILE, NAMES, call, erase, everything, export, mentions
from tests.audiences.importing import begin, bring, undo, work
from tests.audiences.there import EACH, There, pull
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SuppressionFactory,
)
from tests.helpers import run_outbox
from tests.reporting.calls import SENT_AT, brevo_call, make_delivery

pytestmark = pytest.mark.django_db


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
    bulk = BulkAction.objects.create(
        workspace=workspace, action="tag", people={"words": ANA}, arguments={"tag": 1}, until=1, created_by=by,
        has_journal=True,
    )  # fmt: skip
    BulkChange.objects.create(of=bulk, contact_id=ana.pk)
    BulkOutcome.objects.create(
        of=bulk,
        outcome="had_it",
        contact_ids=[ana.pk - 1, ana.pk, ana.pk + 1],
        first=ana.pk - 1,
        last=ana.pk + 1,
        many=3,
    )
    rule = {"join": "all", "rules": [{"kind": "field", "of": "@email", "op": "contains", "value": ANA}]}
    Delivery.objects.filter(pk=delivery.pk).update(
        audience={"lists": [], "segments": [{"id": 1, "name": "Hers", "version": 1, "rule": rule}]}
    )
    DuplicatePair.objects.create(
        workspace=workspace, contact_a=ana, contact_b=ContactFactory(workspace=workspace), reasons=["phone"], rank=1, run=1
    )  # fmt: skip
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
        "contact": 1, "addresses": 0, "audiences": 1, "duplicates": 1, "tags": 1, "subscriptions": 3, "consents": 2, "suppressions": 2, "engagement": 1, "accounts": 1,
        "being_read": 1, "import_rows": 2, "import_changes": 2, "bulk_changes": 1, "bulk_outcomes": 1, "import_files": 1, "exports": 1, "words": 3,
        "work": 1, "activity": 2, "deliveries": 1, "test_mails": 1, "events": 3, "firsts": 4, "calls": 3, "links": 1,
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
    ana = known["ana"].pk
    assert BulkOutcome.objects.get().contact_ids == [ana - 1, ana + 1]
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


def workbook(*sheets):
    """Each sheet is one cell, in pieces that look different."""
    target = BytesIO()
    with xlsxwriter.Workbook(target) as book:
        bold = book.add_format({"bold": True})
        for number, pieces in enumerate(sheets):
            sheet = book.add_worksheet(f"S{number}")
            sheet.write_row(0, 0, ["Email", "Note"])
            sheet.write_row(1, 0, [f"ben{number}@example.com", "x"])
            sheet.write_rich_string(2, 0, *(part for piece in pieces for part in (bold, piece)), "!")
    return target.getvalue()


def zipped(name, body):
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, body)
    return target.getvalue()


def test_a_packed_file_goes_only_if_somebody_stands_in_it(browse, workspace, by):
    without = [workbook(["b@x.", "test"]), zipped("people.csv", b"Email\nben@example.com\n")]
    within = [
        workbook(["b@x.", "test"], ["ana.", "Muster@example", ".com"]),
        zipped("people.csv", b"Name,Email\nAna <Ana.Muster@Example.com>,b@x.test\n"),
        zipped("people.xlsx", workbook(["b@x.", "test"])),
    ]
    kept, gone = (
        [begin(workspace, by, body, name="book.xlsx") for body in bodies_] for bodies_ in (without, within)
    )
    assert {mine.state for mine in [*kept, *gone]} == {"mapping"}
    erase(workspace, by)

    assert list(Import.objects.filter(state="mapping").order_by("pk")) == kept
    page = browse("editor").get(f"/w/acme/imports/{gone[0].pk}/").content.decode()
    assert "was erased at their request, so the file was thrown away" in page


def test_files_are_looked_into_once_and_before_the_audience_is_held(workspace, by, monkeypatch):
    ana = ContactFactory(workspace=workspace, email=ANA)
    FormerAddress.objects.create(workspace=workspace, email="old@example.com", contact=ana)
    begin(workspace, by, workbook(["b@x.", "test"]), name="book.xlsx")
    told = []
    stand_still, look = privacy.stand_still, held.may_stand_in_archive
    monkeypatch.setattr(privacy, "stand_still", lambda of: (told.append("held"), stand_still(of)))
    monkeypatch.setattr(
        held, "may_stand_in_archive", lambda blocks, wanted: (told.append(wanted), look(blocks, wanted))[1]
    )
    erase(workspace, by)

    assert told == [ANA, "old@example.com", "held"]


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


def test_the_activity_log_keeps_why_somebody_was_suppressed_to_the_block(workspace, by):
    ana = ContactFactory(workspace=workspace, email=ANA)
    services.suppress_by_hand(contact=ana, by=by, reason="Anabelle asked")

    assert (ActivityEntry.objects.get().after, Suppression.objects.get().evidence) == (
        None, {"reason": "Anabelle asked"},
    )  # fmt: skip


def test_who_is_two_addresses_by_now_is_erased_under_both(workspace, connection, there, by, known):
    ana = known["ana"]
    bob = ContactFactory(workspace=workspace, email="bob@example.net", first_name="Bob")
    services.merge_people(
        kept=bob, other=ana, by=by, picks={}, versions=(bob.version, Contact.objects.get(pk=ana.pk).version)
    )
    assert services.person_of(workspace=workspace, email=ANA).contact == bob

    person = services.person_of(workspace=workspace, email="bob@example.net")
    erasure = services.erase_person(person=person, by=by, typed="bob@example.net")
    run_outbox("audiences.erase_there")

    assert mentions(ANA, ANA.replace("@", "%40"), "bob@example.net", NAMES[1]) == {"audiences_segment.rule"}
    assert erasure.counts["addresses"] == 1
    assert ANA not in str(there.state()["contacts"])
    Pull.objects.update(state=Pull.State.CANCELLED)
    pull(connection)
    assert not Contact.objects.filter(email__in=[ANA, "bob@example.net"]).exists()
