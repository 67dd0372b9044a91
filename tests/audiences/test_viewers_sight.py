"""Where an address stands that nobody looks for: in names, in fields, and in what people call their things."""

import pytest

from accounts import activity
from accounts.models import ActivityEntry
from audiences import privacy, rules, services
from audiences.models import Consent, ConsentBasis, DuplicatePair, Field, Folder, Import, List, Segment, Tag
from audiences.services.segments import create_segment
from tests.audiences.importing import begin, preview
from tests.factories import (
    CampaignFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db

ANA, BEN = "anna@brand.test", "ben@brand.test"
RULE = {"join": "all", "rules": [{"kind": "field", "of": "city", "op": "filled"}]}


@pytest.fixture
def contact(workspace):
    """As files often have it: an address where the name should be."""
    return ContactFactory(
        workspace=workspace,
        email=ANA,
        first_name=ANA,
        last_name="",
        city=BEN,
        custom={"vip": ANA, "met": ANA},
    )


@pytest.fixture
def pages(workspace, contact, by):
    """Every page that names the person."""
    Field.objects.create(workspace=workspace, key="vip", label="VIP", kind="boolean")
    Field.objects.create(workspace=workspace, key="met", label="Met", kind="date")
    on = SubscriptionFactory(contact=contact, list__workspace=workspace)
    blocked = SuppressionFactory(contact=contact, workspace=workspace, email=ANA)
    basis = ConsentBasis.objects.create(workspace=workspace, source=ANA)
    Consent.objects.create(contact=contact, basis=basis, at=contact.created_at)
    other = ContactFactory(workspace=workspace, email="b@example.com", first_name=BEN)
    SubscriptionFactory(contact=other, list=on.list)
    DuplicatePair.objects.create(
        workspace=workspace, contact_a=contact, contact_b=other, reasons=["mailbox"], rank=0, run=1
    )
    segment = Segment.objects.create(workspace=workspace, name="Somewhere", rule=RULE)
    campaign = CampaignFactory(workspace=workspace, subject="For {{ contact.first_name }} {{ contact.met }}")
    campaign.lists.add(on.list)
    mine = preview(begin(workspace, by, f"email,first name\nc@example.com,{ANA}\n"), by)
    return [
        "contacts/", f"contacts/{contact.pk}/", f"lists/{on.list_id}/", f"lists/{on.list_id}/growth/joined/?span=all",
        "suppressions/", f"suppressions/{blocked.pk}/", "contacts/duplicates/", "search/?q=anna",
        f"segments/{segment.pk}/", f"segments/{segment.pk}/?who=anna&why={contact.pk}", f"campaigns/{campaign.pk}/preview/",
        f"campaigns/{campaign.pk}/preview/frame/", f"campaigns/{campaign.pk}/audience/suppressed/",
        f"imports/{mine.pk}/?show=new",
    ]  # fmt: skip


def test_a_viewer_reads_no_address_in_a_name_or_a_field(pages, browse):
    viewer, editor = browse("viewer"), browse("editor")
    columns = {"columns": ["name", "city", "vip", "met"]}
    assert [client.post("/w/acme/contacts/columns/", columns).status_code for client in (viewer, editor)] == [
        302
    ] * 2

    def named(client):
        found = {}
        for page in pages:
            reply = client.get(f"/w/acme/{page}")
            assert reply.status_code == 200, page
            found[page] = ANA in reply.content.decode() or BEN in reply.content.decode()
        return found

    assert {page for page, is_named in named(viewer).items() if is_named} == set()
    assert {page for page, is_named in named(editor).items() if not is_named} == set()


def test_a_file_of_one_person_is_kept_without_their_address_in_its_name(workspace, by):
    names = [f"{ANA}.csv", f"export {ANA} (2).xlsx", ANA, f"a.b {ANA[:9]}", "people.csv"]
    for name in names:
        services.begin_import(workspace=workspace, by=by, name=name, blocks=[f"email\n{name}\n".encode()])

    kept = [mine.name for mine in Import.objects.order_by("id")]

    assert kept == ["a…@b….csv", "export a…@b… (2).xlsx", "a…@b….test", "a.b a…@b…", "people.csv"]


def test_the_log_holds_no_address_whatever_things_are_called(workspace, by):
    services.begin_import(workspace=workspace, by=by, name=f"{ANA}.csv", blocks=[b"email\nx@example.com\n"])
    services.cancel_import(mine=Import.objects.get(), by=by)
    services.add_tag(workspace=workspace, by=by, name=f"friend of {ANA}")
    services.make_list(workspace=workspace, by=by, name=f"List of {ANA}")
    services.make_folder(workspace=workspace, by=by, name=ANA)
    services.add_field(workspace=workspace, by=by, label=f"met {ANA}", kind="text")
    create_segment(workspace=workspace, by=by, name=ANA, description="", rule=rules.read(RULE))
    activity.record(workspace, "x.y", f"Did {ANA}", before={ANA: [{"deep": ANA}]}, after={"token": "sesame"})

    said = [f"{row.sentence} {row.before} {row.after}" for row in ActivityEntry.objects.order_by("id")]

    assert (len(said), [text for text in said if ANA in text or "sesame" in text]) == (7, [])
    assert said[-1] == "Did a…@b… {'a…@b…': [{'deep': 'a…@b…'}]} {'token': '…'}"
    assert activity.first_broken(workspace) is None


def test_erasing_takes_the_address_out_of_the_names_of_things(workspace, by, member):
    for email in (ANA, BEN):
        ContactFactory(workspace=workspace, email=email)
        Tag.objects.create(workspace=workspace, name=email)
        ListFactory(workspace=workspace, name=f"Of {email.upper()}", description=f"{email}'s")
        Folder.objects.create(workspace=workspace, name=email)
        Segment.objects.create(workspace=workspace, name=email, rule=RULE)
    Tag.objects.create(workspace=workspace, name=f"{'x' * 53} a@b.ch")
    ContactFactory(workspace=workspace, email="a@b.ch")

    for email in (ANA, BEN, "a@b.ch"):
        services.erase_person(person=privacy.person(workspace, email), by=member("admin"), typed=email)

    left = {
        model.__name__: [row.name.replace(str(row.pk), "#") for row in model.objects.order_by("pk")]
        for model in (Tag, List, Folder, Segment)
    }
    assert left == {
        "Tag": ["…#", "…#", f"{'x' * 53} …#"], "List": ["Of …#"] * 2,
        "Folder": ["…#"] * 2, "Segment": ["…#"] * 2,
    }  # fmt: skip
    assert {row.description for row in List.objects.all()} == {"…'s"}
