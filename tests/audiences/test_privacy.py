"""Everything about one person: told, removed from every table and every account, and kept out afterwards."""

import base64
import json
import zlib
from hashlib import blake2b

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts import activity
from accounts.models import ActivityEntry, Pull
from audiences import services
from audiences.models import (
    BulkAction,
    Contact,
    Export,
    ExportPiece,
    Gathered,
    Segment,
    Tag,
    Tagging,
)
from campaigns.models import Recipient, TestSend
from reporting.mirror import inbox
from reporting.models import InboxCall
from tests.audiences.importing import begin, bring
from tests.audiences.there import There, pull
from tests.factories import CampaignFactory, ListFactory
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
    try:
        value = zlib.decompress(value)
    except zlib.error:
        pass
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
