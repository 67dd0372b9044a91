"""What exports leave behind: no address in the log, no file nobody waits for, no person erased meanwhile."""

import pytest

from accounts import attention
from accounts.models import ActivityEntry
from audiences import services
from audiences.models import Export
from audiences.queries.contacts import People
from tests.audiences.erasing import ANA
from tests.factories import ContactFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(member):
    return member("admin")


@pytest.fixture
def ana(workspace):
    return ContactFactory(workspace=workspace, email=ANA)


@pytest.fixture
def begun(workspace, by, ana):
    """An export of everybody, found by an address."""
    return services.begin_export(
        workspace=workspace, by=by, kind="people", title=f"People: “{ANA}”", selection=People(workspace).as_json(),
        columns=["email"], written_as="csv", total=1,
    )  # fmt: skip


def test_no_address_stands_in_the_log_or_among_what_is_under_way(workspace, by, begun):
    (item,) = attention.running(workspace)
    services.cancel_export(export=begun, by=by)
    Export.objects.update(state="failed")
    begun.refresh_from_db()
    services.make_again(export=begun, by=by)
    run_outbox("audiences.export")
    begun.refresh_from_db()
    services.fetch_export(export=begun, by=by)
    services.throw_away(export=begun, by=by)

    assert item.title == "Export: People: “a…@e…”"
    assert list(ActivityEntry.objects.order_by("pk").values_list("sentence", flat=True)) == [
        "Had “People: “a…@e…”” exported.",
        "Cancelled the export “People: “a…@e…””.",
        "Had “People: “a…@e…”” exported again.",
        "Made the export “People: “a…@e…””.",
        "Downloaded the export “People: “a…@e…””.",
        "Threw the export “People: “a…@e…”” away.",
    ]
