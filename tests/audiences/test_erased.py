"""Who was erased stays out, by whichever way they come."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Connection, MirrorKind, MirrorRow, Pull
from accounts.vault import Locked
from audiences import queries, services
from audiences.erased import REFUSAL as CANNOT_ADD
from audiences.erased import Erased
from audiences.mirror import contacts, gathering
from audiences.mirror.reading import Reader
from audiences.models import (
    Contact,
    ErasedThere,
    Erasure,
)
from reporting.models import Event, InboxCall
from tests.audiences.erasing import ANA, call, erase, mentions
from tests.audiences.importing import begin, bring, preview
from tests.audiences.there import EACH, There, pull
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ListFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.reporting.calls import brevo_call, make_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(member):
    return member("admin")


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


@pytest.mark.parametrize(
    "cell",
    [
        f"Ana <{ANA}>; Ben <ben@x.test>", f"ask {ANA}", f"ben@x.test ({ANA})", f"ask {ANA.upper()}|ben@x.test.",
        "".join(f"p{number}@example.org, " for number in range(150)) + ANA, f"{{{ANA}}}", f"see mailto:{ANA}?subject=x",
    ],
)  # fmt: skip
def test_a_row_left_out_does_not_name_them_whatever_stands_beside(workspace, by, erased, cell):
    mine = preview(begin(workspace, by, f'Email,City\n"{cell}",Bern\nben@x.test,\n'), by)

    assert mine.preview == {"read": 2, "new": 1, "suppressed": 1}
    assert ANA not in "".join(queries.rejects_csv(mine)).lower()


@pytest.mark.parametrize("friend", [ANA, f"ask {ANA}"])
def test_a_column_left_out_does_not_name_them(workspace, by, erased, friend):
    SuppressionFactory(
        workspace=workspace,
        contact=None,
        email="no@x.test",
        reason="by_hand",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    text = f"Email,Friend\nno@x.test,{friend}\nok@x.test,\n"
    mine = preview(begin(workspace, by, text), by, [{"to": "email", "as": "text"}, {"to": "", "as": "text"}])

    (row,) = "".join(queries.rejects_csv(mine)).splitlines()[1:]

    assert row == '2,"Suppressed by hand since 1 Jan 2026, told by Campanile"'


def test_no_name_of_a_list_brings_the_address_back(workspace, by, browse):
    account = ConnectionFactory(workspace=workspace)
    folder = workspace.folders.create(name=f"Of {ANA}")
    shop = ListFactory(workspace=workspace, name=f"For {ANA}", folder=folder)
    for kind, mine in ((MirrorKind.LIST, shop), (MirrorKind.FOLDER, folder)):
        MirrorRow.objects.create(
            connection=account, kind=kind, object_id=mine.pk, remote_id="7", theirs={"name": f"There {ANA}"}
        )
    was = f"/w/acme/lists/{shop.pk}/edit/"
    client = browse("editor")
    page = client.get(was).context
    opened = {field.name: field.value() or "" for field in page["form"]} | {"version": page["version"]}
    erase(workspace, by)

    assert "changed" in str(client.post(was, opened).context["form"].non_field_errors())
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
    for values in ({"agreed_on": today}, {"agreed_on": today + timedelta(days=1)}):
        with pytest.raises(services.CannotErase) as refusal:
            services.record_return(**words, **values)
        assert set(refusal.value.fields) == {"agreed_on"}
    with pytest.raises(services.CannotErase, match="Nobody with this address was erased"):
        services.record_return(**words | {"email": "ben@example.com"}, agreed_on=today)
    assert not Contact.objects.exists()

    Erasure.objects.update(at=timezone.now() - timedelta(days=1))
    contact = services.record_return(**words, agreed_on=today)
    assert [(row.basis.source, row.kind, row.list) for row in contact.consents.all()] == [
        ("Asked us in the shop", "given", None)
    ]
    assert ANA not in Erased(workspace)
    services.add_person(workspace=workspace, by=by, email=ANA, fields={"city": "Basel"})
    erase(workspace, by)
    assert (Erasure.objects.get().lifted_at, ANA in Erased(workspace)) == (None, True)


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


def test_no_pull_takes_the_address_out_of_the_name_of_a_list(sandbox, workspace, by):
    there = There(sandbox, "brevo")
    there.seed(lists=[f"For {ANA}", "News"], contacts=[{"email": "b@example.com", "lists": [0]}])
    connection = there.connect(workspace)
    pull(connection)
    erase(workspace, by)
    assert mentions(ANA) == set()
    pull(connection)
    assert mentions(ANA) == set()

    afresh = there.connect(WorkspaceFactory(slug="other"))
    Connection.objects.filter(pk=afresh.pk).update(workspace=workspace)
    pull(Connection.objects.get(pk=afresh.pk))

    assert mentions(ANA) == set()
    assert sorted(name[:5] for name in workspace.lists.values_list("name", flat=True)) == [
        "For …", "For …", "News", "News",
    ]  # fmt: skip


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
