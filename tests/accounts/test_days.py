"""Days at the ends of the calendar, where a zone may have no instant for them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone

from accounts import days
from accounts.models import User

pytestmark = pytest.mark.django_db
ENDS = (date.min, date.max)


@pytest.fixture(params=["America/New_York", "Asia/Tokyo"])
def client(request, workspace, browse):
    client = browse("editor")
    User.objects.update(time_zone=request.param)
    return client


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_every_day_begins_somewhere(zone):
    there = ZoneInfo(zone)

    assert [days.start_of(day, there).tzinfo for day in ENDS] == [UTC, UTC]
    assert days.start_of(date(2026, 3, 29), ZoneInfo("Europe/Paris")) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert (days.day_after(date.max), days.day_before(date.min)) == (date.max, date.min)


def test_a_day_to_come_or_of_a_mistyped_year_is_refused():
    assert [bool(days.refusal(day)) for day in (date.min, date(1899, 12, 31), date(1900, 1, 1))] == [
        True, True, False,
    ]  # fmt: skip
    assert days.refusal(timezone.localdate() + timedelta(days=2)) == "This day has not come yet."


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_an_instant_that_a_zone_cannot_tell_is_told_in_utc(zone, moment):
    said = Template("{% load ui %}{{ at|when:zone }} {{ at|ago:zone }} {{ at|clock:zone }}")

    assert str(moment.year) in said.render(Context({"at": moment, "zone": zone}))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("activity/", "“From” is after “To”"),
        ("suppressions/", "“From” is after “To”"),
        ("exports/new/suppressions/", "“From” is after “To”"),
        ("contacts/", "“Added from” is after “Added until”"),
    ],
)
def test_days_the_wrong_way_round_are_told_and_kept(client, page, names):
    typed = {"since": "2026-05-02", "until": "2026-05-01"}
    text = client.get(f"/w/acme/{page}", typed, follow=True).content.decode()

    assert f"{names}: no day is between them." in text
    if "exports" not in page:
        assert ('value="2026-05-02"' in text, 'value="2026-05-01"' in text) == (True, True)
    assert (
        "is after"
        not in client.get(f"/w/acme/{page}", {"since": "2026-05-01", "until": "2026-05-01"}).content.decode()
    )


@pytest.mark.parametrize("page", ["activity/", "suppressions/", "exports/new/suppressions/", "contacts/"])
def test_filters_bear_the_ends_of_the_calendar(client, page):
    codes = {
        client.get(f"/w/acme/{page}", {name: day.isoformat()}).status_code
        for name in ("since", "until")
        for day in ENDS
    }

    assert codes == {200}
