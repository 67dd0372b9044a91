"""Every page, with nonsense in each parameter that it looks at: it may refuse or find nothing, but it answers."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow, Role, User
from audiences import services
from audiences.models import (
    Contact,
    DuplicatePair,
    Engagement,
    ErasedThere,
    Erasure,
    Field,
    Folder,
    Import,
    Segment,
    Tag,
    Tagging,
)
from audiences.queries.contacts import People
from campaigns.models import Delivery
from tests.audiences.importing import begin, preview, start
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    SenderFactory,
    SubscriptionFactory,
    SuppressionFactory,
    TemplateFactory,
)
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db

NONSENSE = (
    "x" * 3000, "a\x00b", "9" * 30, "-1", "\u0663", "9999-12-31", "0001-01-01", str(2**63 - 1), "0001-01-01T00:00",
    "{}", "g1 g1", "\u202e%\\'",
)  # fmt: skip
# In all parameters at once, where they may hide each other; each gets another one alone, and these get both days.
TOGETHER = ("a\x00b", "9" * 30, "9999-12-31", "0001-01-01")
DAYS = ("since", "until", "value", "to")
# Pages that lead to another one as things stand in `there`: the file is still to be made.
LEAD_ON = {"editor": {"exports/<int:export_id>/file/"}, "viewer": set()}


@pytest.fixture
def there(workspace: Any, member: Any) -> dict[str, Any]:
    """One row of each kind: name in an address → its value; page → values of its own."""
    by = member("admin")
    for kind in ("number", "date", "boolean", "choice"):
        Field.objects.create(workspace=workspace, key=kind, label=kind, kind=kind, choices=["a"])
    connection = ConnectionFactory(workspace=workspace)
    person = ContactFactory(
        workspace=workspace, custom={"date": "0001-01-01", "number": 5, "boolean": True, "choice": "a"}
    )
    on = SubscriptionFactory(contact=person, list__workspace=workspace)
    other = ContactFactory(workspace=workspace)
    pair = DuplicatePair.objects.create(
        workspace=workspace, contact_a=person, contact_b=other, reasons=["mailbox"], rank=0, run=1
    )
    erasure = Erasure.objects.create(workspace=workspace, digest="d" * 64, by=by)
    campaign, sent = (
        CampaignFactory(workspace=workspace, connection=connection, status=status) for status in ("draft", "sent")
    )  # fmt: skip
    campaign.lists.add(on.list)
    for of in (campaign, sent):
        Delivery.objects.create(
            campaign=of, connection=connection, subject="S", html="H", sender_name="N", sender_email="n@x.test",
            fingerprint="f", send_at=datetime(2026, 3, 1, tzinfo=UTC), zone="UTC", content_hash="", state="sent",
        )  # fmt: skip
    export = services.begin_export(
        workspace=workspace,
        by=by,
        kind="people",
        title="T",
        selection={},
        columns=["email"],
        written_as="csv",
        total=1,
    )
    tag = Tag.objects.create(workspace=workspace, name="T")
    bulk = services.begin_bulk(
        workspace=workspace, by=by, action="tag", people=People(workspace), arguments={"new_tag": "Two"}
    )
    rule = {"join": "all", "rules": [{"kind": "tag", "of": tag.pk, "op": "has"}]}
    mine = preview(begin(workspace, by, "email,when\nz@x.test,2020-01-01\nnobody,x\n"), by)
    return {
        "contact_id": person.pk, "list_id": on.list_id, "pair_id": pair.pk, "bulk_id": bulk.pk, "export_id": export.pk,
        "folder_id": Folder.objects.create(workspace=workspace, name="F").pk, "kind": "joined", "key": "choice",
        "segment_id": Segment.objects.create(workspace=workspace, name="S", rule=rule).pk, "import_id": mine.pk,
        "tag_id": tag.pk, "suppression_id": SuppressionFactory(contact=other).pk, "campaign_id": campaign.pk,
        "there_id": ErasedThere.objects.create(erasure=erasure, connection=connection, remote_id="1", state="held").pk,
        "connection_id": connection.pk, "template_id": TemplateFactory(workspace=workspace).pk, "number": 1,
        "sender_id": SenderFactory(workspace=workspace).pk, "domain_id": 1, "term": "suppressed", "entry_id": 1,
        "membership_id": 1, "invitation_id": 1,
        # A draft is composed elsewhere.
        "campaigns/<int:campaign_id>/": {"campaign_id": sent.pk},
    }  # fmt: skip


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one)
        elif hasattr(one.callback, "role"):  # a page of a workspace
            yield one


def addresses(role: str, there: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(page, an address of it) of those that are opened, not only sent to, and may be by this role."""
    for pattern in patterns(get_resolver()):
        if "GET" not in pattern.callback.methods or not Role(role).covers(pattern.callback.role):
            continue
        page = path = str(pattern.pattern)
        values = there | there.get(page, {})
        for name, converter in pattern.pattern.converters.items():
            kind = {"IntConverter": "int", "SlugConverter": "slug"}.get(type(converter).__name__, "str")
            path = path.replace(f"<{kind}:{name}>", str(values[name]))
        yield page, f"/w/acme/{path}"


@pytest.fixture
def asked(monkeypatch: Any) -> set[str]:
    """The parameters that were looked at."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # what is refused is no news here
    names: set[str] = set()

    def spied(method: Any) -> Any:
        def look(self: QueryDict, name: str, *args: Any, **named: Any) -> Any:
            names.add(name)
            return method(self, name, *args, **named)

        return look

    for method in ("__getitem__", "getlist", "__contains__"):
        monkeypatch.setattr(QueryDict, method, spied(getattr(QueryDict, method)))
    return names


@pytest.mark.parametrize(("role", "zone"), [("editor", "America/New_York"), ("viewer", "Asia/Tokyo")])
def test_every_page_answers(
    role: str, zone: str, browse: Any, workspace: Any, there: Any, asked: Any
) -> None:
    client = browse(role)
    User.objects.update(time_zone=zone)
    type(workspace).objects.update(time_zone=zone)
    usual = {"field": "date", "list": str(there["list_id"])}
    failures: list[Any] = []
    not_open, requests = set(), 0

    def get(path: str, query: dict[str, str]) -> int:
        nonlocal requests
        requests += 1
        try:
            with transaction.atomic():
                return _answer(client, path, query)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told with all others
            failures.append((path, {name: text[:20] for name, text in query.items()}, repr(error)[:200]))
            return 500

    for page, path in addresses(role, there):
        asked.clear()
        if get(path, {}) not in (200, 422):
            not_open.add(page)
            continue
        names = sorted(asked)
        for nonsense in TOGETHER if names else ():
            get(path, dict.fromkeys(names, nonsense))
        for place, name in enumerate(names, start=6 * (role == "viewer")):
            alone = [NONSENSE[place % len(NONSENSE)], *(TOGETHER[2:] if name in DAYS else ())]
            for nonsense in alone:
                get(path, usual | {name: nonsense})
    assert failures == []
    assert not_open == LEAD_ON[role]
    assert requests < 800


def _answer(client: Client, path: str, query: dict[str, str]) -> int:
    reply = client.get(path, query)
    if reply.streaming:
        b"".join(reply.streaming_content)  # type: ignore[arg-type]
    assert reply.status_code < 500
    return reply.status_code


@pytest.fixture
def fits(workspace: Any, there: dict[str, Any]) -> dict[str, Any]:
    """Somebody fits each filter."""
    SubscriptionFactory(list_id=there["list_id"], contact__workspace=workspace, status="unsubscribed")
    person = Contact.objects.get(pk=there["contact_id"])
    Contact.objects.filter(pk=person.pk).update(language="fr", custom=person.custom | {"date": "1900-01-01"})
    Tagging.objects.create(tag_id=there["tag_id"], contact=person)
    Engagement.objects.create(contact=person, opens=1, last_open_at=timezone.now())
    MirrorRow.objects.create(
        connection_id=there["connection_id"], kind=MirrorKind.CONTACT, object_id=person.pk, remote_id="1"
    )
    mine = Import.objects.get(pk=there["import_id"])
    start(mine, mine.created_by)
    run_outbox("audiences.bulk")
    return there


def test_a_filter_that_makes_no_sense_finds_nobody(browse: Any, fits: Any) -> None:
    client = browse("editor")
    today = timezone.now().date().isoformat()
    queries = {
        "list": "{list_id}", "tag": "{tag_id}", "segment": "{segment_id}", "state": "mailable", "account": "{connection_id}",
        "language": "fr", "did": "opened-ever", "since": today, "until": today, "import": "{import_id}", "bulk": "{bulk_id}",
        "field": "number", "field=number&value": "5", "field=number&to": "5", "field=date&value": "1900-01-01",
        "field=date&to": "1900-01-01", "field=boolean&value": "yes", "field=choice&value": "a",
        "list={list_id}&status": "unsubscribed", "import={import_id}&outcome": "new",
    }  # fmt: skip

    def found(query: str, value: str) -> bool:
        *usual, name = query.format(**fits).split("&")
        told = dict(pair.split("=") for pair in usual)
        return bool(client.get("/w/acme/contacts/", told | {name: value}).context["rows"])

    assert [query for query, sense in queries.items() if not found(query, sense.format(**fits))] == []
    nonsense = ("nonsense", "\u202e%\\'", "9" * 30)
    assert [(query, value) for query in queries for value in nonsense if found(query, value)] == []
