"""Accounts of several providers in one workspace: one person, one contact."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from accounts import pulls
from accounts.models import MirrorKind, MirrorRow, Pull
from accounts.providers.records import FieldRecord
from audiences.mirror import fields
from audiences.models import Contact, Field
from tests.accounts_there import EACH, AccountThere
from tests.helpers import run_outbox

ANA = {"email": "Ana@example.test", "fields": {"first_name": "Ana"}, "lists": [0]}


def test_somebody_in_every_account_is_one_contact(sandbox, workspace, member, browse):
    by = member("admin")
    for slug in EACH:
        there = AccountThere(sandbox, slug, f"sandbox-{slug}")
        there.seed(lists=[f"Readers of {slug}"], contacts=[ANA])
        pulls.start(connection=there.connect(workspace), by=by)
    run_outbox(
        "audiences.pull_fields", "audiences.pull_lists", "audiences.pull_leaves", "audiences.pull_contacts"
    )

    ana = Contact.objects.get()
    assert (ana.email, ana.first_name) == ("ana@example.test", "Ana")
    assert {row.list.name: row.status for row in ana.subscriptions.all()} == {
        f"Readers of {slug}": "subscribed" for slug in EACH
    }
    mirrored = MirrorRow.objects.filter(kind=MirrorKind.CONTACT, object_id=ana.pk)
    assert sorted(mirrored.values_list("connection__provider", flat=True).distinct()) == sorted(EACH)
    page = browse("editor").get(f"/w/acme/contacts/{ana.pk}/").content.decode()
    for slug in EACH:
        assert f"Readers of {slug}" in page


@pytest.mark.django_db(transaction=True)
def test_fields_of_accounts_that_are_pulled_at_once_are_shared(sandbox, workspace, member):
    records = [FieldRecord(remote_id=f"field{n}", name=f"Field {n}", kind="text") for n in range(40)]
    made = [
        pulls.start(
            connection=AccountThere(sandbox, slug, f"sandbox-{slug}").connect(workspace), by=member("admin")
        )
        for slug in ("brevo", "leadfox", "especial", "emailcampaigns")
    ]

    class There:
        def fields(self):
            return iter(records)

    def take_over(pull):
        try:
            for _ in fields.pull_fields(Pull.objects.get(pk=pull.pk), There()):
                pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(made)) as pool:
        list(pool.map(take_over, made))

    assert Field.objects.count() == 40
    assert MirrorRow.objects.filter(kind=MirrorKind.FIELD).count() == 160
