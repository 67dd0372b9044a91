"""The file of the rows left out: each as it stood in the file, whatever its columns are read as."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.utils import timezone

from audiences import queries, services
from audiences.importing import applying, left_out, running
from audiences.importing.tables import Tables
from audiences.models import Field, ImportBody, Subscription
from tests.audiences.importing import begin, bring, preview, start, work
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory, SuppressionFactory

pytestmark = pytest.mark.django_db

FILE = (
    "E-Mail;Since;VIP;Note\n"
    "ana@x.test;1.2.2020;ja;a\n"
    " Ana@X.test ;3.4.2020;nein;not mapped\n"
    "stop@x.test;5.6.2020;ja;\n"
    "ben@x.test/b@x.test;1.2.2020;ja;x\n"
    "ana@x.test;7.8.2020\n"
)
AS_IT_STOOD = [
    "5,There are several addresses in one cell: each person needs a row,ben@x.test/b@x.test,1.2.2020,ja,x",
    "3,The same address as in line 2, Ana@X.test ,3.4.2020,nein,not mapped",
    "6,The same address as in line 2,ana@x.test,7.8.2020",
    '4,"Suppressed by hand since 1 Jan 2026, told by Campanile",stop@x.test,5.6.2020,ja,',
]


@pytest.fixture
def mapping(workspace):
    for key, kind in (("since", "date"), ("vip", "boolean")):
        Field.objects.create(workspace=workspace, key=key, label=key, kind=kind)
    SuppressionFactory(
        contact=None, workspace=workspace, email="stop@x.test", reason="by_hand",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    said = (("email", "text"), ("since", "date_dmy"), ("vip", "boolean"), ("", "text"))
    return [{"to": to, "as": how} for to, how in said]


def rejects(mine):
    """All of them, worst first."""
    order = ["invalid", "duplicate", "suppressed", "left"]
    return "".join(queries.rejects_csv(mine, order)).splitlines()[1:]


def test_rows_left_out_stand_as_in_the_file_before_and_after_the_import(workspace, by, mapping):
    mine = preview(begin(workspace, by, FILE), by, mapping)
    assert rejects(mine) == AS_IT_STOOD
    start(mine, by)
    assert rejects(mine) == AS_IT_STOOD


def test_after_a_kill_the_rest_of_them_is_kept(workspace, by, mapping, monkeypatch):
    monkeypatch.setattr(left_out, "CHUNK", 1)
    mine = begin(workspace, by, FILE)
    kept = []

    def keep(mine, table):
        for _ in left_out.keep_left_out(mine, table):
            kept.append(rejects(mine)[1])
            if len(kept) == 1:
                raise ConnectionError
            yield

    monkeypatch.setattr(running, "keep_left_out", keep)
    preview(mine, by, mapping)
    work()
    mine.refresh_from_db()
    assert (mine.state, rejects(mine), len(kept)) == ("ready", AS_IT_STOOD, 4)


def test_whoever_left_since_the_preview_stands_there_as_in_the_file(workspace, by, mapping):
    news = ListFactory(workspace=workspace, name="News")
    ben = ContactFactory(workspace=workspace, email="ben@x.test")
    SubscriptionFactory(list=news, contact=ben)
    mine = preview(
        begin(workspace, by, "E-Mail;Since;VIP;Note\nben@x.test;1.2.2020;ja;x\n"), by, mapping, on_list=news
    )
    assert rejects(mine) == []
    Subscription.objects.update(status="unsubscribed", changed_at=timezone.now())
    start(mine, by)
    assert [row.partition("ben")[2] for row in rejects(mine)] == ["@x.test,1.2.2020,ja,x"]


def test_of_who_is_imported_nothing_else_is_kept(workspace, by, mapping):
    mine = start(preview(begin(workspace, by, FILE), by, mapping), by)
    with connection.cursor() as cursor:
        cursor.execute(f"select line from {Tables(mine).stage} where cells is not null order by line")
        assert cursor.fetchall() == [(3,), (4,), (5,), (6,)]


@pytest.mark.parametrize("how", ["while it runs", "after it stopped", "not at all"])
def test_of_one_that_ended_midway_they_stand_as_in_the_file(workspace, by, mapping, monkeypatch, how):
    monkeypatch.setattr(applying, "CHUNK", 2)
    news = ListFactory(workspace=workspace, name="News")
    ben = ContactFactory(workspace=workspace, email="ben@x.test")
    SubscriptionFactory(list=news, contact=ben)
    text = "E-Mail;Since;VIP;Note\n ben@x.test;1.2.2020;ja;x\nana@x.test;1.2.2020;ja;\ncid@x.test;;;\n"
    mine = preview(begin(workspace, by, text), by, mapping, on_list=news)
    Subscription.objects.update(status="unsubscribed", changed_at=timezone.now())
    services.start_import(mine=mine, by=by, version=mine.version)

    Tables(mine).make_result()
    applying.apply_next(mine)
    if how != "while it runs":
        running.fail(mine, "Cut off.")
    if how != "not at all":
        services.cancel_import(mine=mine, by=by)
        work()
        mine.refresh_from_db()
        assert (mine.state, ImportBody.objects.count()) == ("cancelled", 0)

    assert mine.counts == {"read": 2, "new": 1, "left": 1, "left_changed": 1}
    assert [row.partition(",")[2].partition(",")[2] for row in rejects(mine)] == [" ben@x.test,1.2.2020,ja,x"]


def test_rows_that_come_twice_are_no_rows_to_mend_and_have_a_download_beside_them(browse, workspace, by):
    mine = bring(workspace, by, "Email\na@x.test\nA@x.test\n")
    client, url = browse("editor"), f"/w/acme/imports/{mine.pk}/"

    page = client.get(url, {"show": "duplicate"})

    assert "Rows left out" not in page.content.decode()
    assert f'href="{url}rejects/?show=duplicate"' in page.content.decode()
    assert "rejects/" not in browse("viewer").get(url, {"show": "duplicate"}).content.decode()
    twins = client.get(f"{url}rejects/", {"show": "duplicate"})
    assert b"".join(twins.streaming_content).splitlines()[1:] == [b"3,The same address as in line 2,A@x.test"]
    assert twins.headers["Content-Disposition"] == 'attachment; filename="people-twice.csv"'
