"""Suppressions from a file of a former tool: told apart, applied in chunks, never taken back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow, OutboxEntry
from audiences import services
from audiences.importing import applying, blocks, running
from audiences.importing.blocks import reason_of
from audiences.models import Import, Suppression
from tests.audiences.erasing import erase, mentions
from tests.audiences.importing import start, work
from tests.factories import ConnectionFactory, ContactFactory, SuppressionFactory

pytestmark = pytest.mark.django_db

FILE = (
    "Subscriber,Why,Unsubscribed at,Colour\n"
    "Ana@Example.org,Spam complaint,2025-03-01,red\n"
    "*@bad.example,hard bounce,2025-04-02,red\n"
    "nobody,,,\n"
    "ana@example.org,unsubscribed,2025-01-01,blue\n"
    "letters.example,,,\n"
    "late@x.example,unsubscribed,31 of March,\n"
    "known@example.org,opt-out,2025-01-01,\n"
    "lifted@example.org,opt-out,2025-01-01,\n"
    "*@*,,,\n"
)


def begin(workspace, by, text=FILE):
    mine, _ = services.begin_import(
        workspace=workspace, by=by, name="blocks.csv", blocks=[text.encode()], aim=Import.Aim.SUPPRESSIONS
    )
    work()
    mine.refresh_from_db()
    return mine


def preview(mine, **values):
    said = {"mapping": mine.mapping, "reason": "by_hand"} | values
    services.preview_blocks(mine=mine, version=mine.version, **said)
    work()
    mine.refresh_from_db()
    return mine


def bring(workspace, by, text=FILE, **values):
    return start(preview(begin(workspace, by, text), **values), by)


def active():
    """(address or pattern, reason, day) of what is in force, without people caught by a pattern."""
    found = Suppression.objects.filter(lifted_at=None).exclude(evidence__has_key="pattern").order_by("email")
    return [(row.email, row.reason, f"{row.at:%Y-%m-%d}") for row in found]


def test_a_file_becomes_suppressions_with_their_own_reasons_and_dates(workspace, by):
    ana, ben, cy = (
        ContactFactory(workspace=workspace, email=email)
        for email in ("ana@example.org", "ben@letters.example", "cy@example.org")
    )
    known = ContactFactory(workspace=workspace, email="known@example.org")
    SuppressionFactory(contact=known, at=datetime(2025, 1, 1, tzinfo=UTC))
    lifted = ContactFactory(workspace=workspace, email="lifted@example.org")
    SuppressionFactory(
        contact=lifted, lifted_at=timezone.now(), lift_evidence={"agreed_at": "2026-01-01T00:00Z"}
    )

    mine = begin(workspace, by)
    assert [column["to"] for column in mine.mapping] == ["email", "reason", "at", ""]
    preview(mine, day=datetime(2025, 6, 1, tzinfo=UTC).date())
    told = {"read": 9, "new": 4, "unchanged": 1, "duplicate": 1, "invalid": 2, "lifted": 1}
    assert mine.preview == {**told, "people": 2, "odd_days": 1}
    assert not Suppression.objects.filter(email="ana@example.org").exists()

    start(mine, by)
    assert (mine.state, mine.counts) == (Import.State.DONE, told)
    assert active() == [
        ("*@bad.example", "bounced", "2025-04-02"), ("*@letters.example", "by_hand", "2025-06-01"),
        ("ana@example.org", "complained", "2025-03-01"), ("known@example.org", "unsubscribed", "2025-01-01"),
        # Its day does not read: nobody stays mailable for that.
        ("late@x.example", "unsubscribed", "2025-06-01"),
    ]  # fmt: skip
    row = Suppression.objects.get(contact=ana)
    assert (row.created_by, row.connection, row.evidence) == (
        by, None, {"import": mine.pk, "reason": "Spam complaint"},
    )  # fmt: skip
    assert Suppression.objects.get(contact=ben).evidence == {"pattern": "*@letters.example"}
    assert not Suppression.objects.filter(contact=cy).exists()
    assert [row.email for row in Suppression.objects.filter(is_pattern=True).order_by("email")] == [
        "*@bad.example", "*@letters.example",
    ]  # fmt: skip


def test_the_same_file_again_has_nothing_to_say(workspace, by):
    bring(workspace, by)
    again = bring(workspace, by, FILE + "\n")
    assert (again.counts.get("new", 0), again.counts["unchanged"]) == (0, 6)


def test_accounts_that_hold_these_people_are_told_once(workspace, by):
    ana = ContactFactory(workspace=workspace, email="ana@example.org")
    MirrorRow.objects.create(
        connection=ConnectionFactory(workspace=workspace), kind=MirrorKind.CONTACT, object_id=ana.pk, remote_id="1"
    )  # fmt: skip
    bring(workspace, by)
    bring(workspace, by, FILE + "\n")
    assert OutboxEntry.objects.filter(task="audiences.block", subject_id=ana.pk).count() == 1


def test_a_word_of_ones_own_outlives_the_pattern_that_caught_one(workspace, by):
    ana = ContactFactory(workspace=workspace, email="ana@example.org")
    services.suppress_patterns(
        workspace=workspace,
        connection=None,
        facts=[services.Fact("*@example.org", "by_hand", timezone.now())],
    )
    mine = bring(workspace, by, "Email\nana@example.org\n", reason="unsubscribed")
    assert mine.counts == {"read": 1, "new": 1}
    row = Suppression.objects.get(contact=ana)
    assert (row.reason, row.evidence) == ("unsubscribed", {"import": mine.pk})


@pytest.mark.parametrize("known", ["blocked", "unsubscribed"])
def test_blocked_once_more_and_later_says_nothing_new(known, workspace, by):
    at = datetime(2025, 1, 1, tzinfo=UTC)
    SuppressionFactory(workspace=workspace, contact=None, email="ana@example.org", reason=known, at=at)

    mine = bring(workspace, by, "Email,Why,Date\nana@example.org,blocked,2025-02-01\n")

    assert (mine.preview["unchanged"], mine.counts) == (1, {"read": 1, "unchanged": 1})
    assert active() == [("ana@example.org", known, "2025-01-01")]


def test_blocked_by_an_account_before_is_no_block_of_our_own_from_later(workspace, by):
    SuppressionFactory(
        workspace=workspace, contact=None, email="ana@example.org", reason="blocked",
        at=datetime(2025, 1, 1, tzinfo=UTC), connection=ConnectionFactory(workspace=workspace),
    )  # fmt: skip

    mine = bring(workspace, by, "Email,Why,Date\nana@example.org,blocked,2025-02-01\n")

    assert (mine.counts, Suppression.objects.count()) == ({"read": 1, "new": 1}, 2)


def test_chunk_by_chunk_it_goes_on_after_a_kill_and_counts_the_same(workspace, by, monkeypatch):
    monkeypatch.setattr(applying, "CHUNK", 2)
    monkeypatch.setattr(blocks, "CHUNK", 2)
    ContactFactory(workspace=workspace, email="ben@letters.example")
    mine = preview(begin(workspace, by))
    services.start_import(mine=mine, by=by, version=mine.version)
    mine.refresh_from_db()
    steps = running.run_steps(mine)
    next(steps)
    next(steps)  # and here the worker dies
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.counts["read"], mine.counts["new"]) == (Import.State.DONE, 9, 6)
    assert Suppression.objects.filter(contact__email="ben@letters.example").exists()


def test_blocks_are_not_rolled_back(workspace, by):
    mine = bring(workspace, by)
    with pytest.raises(services.CannotImport, match="lifted by a consent"):
        services.undo_import(mine=mine, by=by)


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        ([("", "text"), ("reason", "text"), ("at", "date_ymd"), ("", "text")], None),
        ([("email", "text"), ("email", "text"), ("", "text"), ("", "text")], "to_1"),
        ([("email", "text"), ("", "text"), ("at", "text"), ("", "text")], "as_2"),
    ],
)
def test_columns_that_do_not_fit_are_named(mapping, field, workspace, by):
    mine = begin(workspace, by)
    with pytest.raises(services.CannotImport) as refusal:
        preview(mine, mapping=[{"to": to, "as": how} for to, how in mapping])
    assert list(refusal.value.fields) == ([field] if field else [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Spam complaint", "complained"), ("abuse-report", "complained"), ("HARD_BOUNCE", "bounced"),
        ("Address unknown", "bounced"), ("Unsubscribed", "unsubscribed"), ("opt out", "unsubscribed"),
        ("désabonné", "unsubscribed"), ("Abgemeldet", "unsubscribed"), ("Blacklisted", "blocked"), ("x", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_words_of_other_tools_are_understood(text, reason):
    assert reason_of(text) == reason


def test_from_file_to_suppressions_by_pages_alone(browse, workspace):
    client = browse("editor")
    reply = client.post(
        "/w/acme/suppressions/import/", {"file": SimpleUploadedFile("old.csv", FILE.encode())}
    )
    mine = Import.objects.get()
    assert (reply.url, mine.aim) == (f"/w/acme/imports/{mine.pk}/", "suppressions")
    work()
    mine.refresh_from_db()
    data = {"version": mine.version, "reason": "unsubscribed", "day": "2025-06-01"}
    for index, column in enumerate(mine.mapping):
        data |= {f"to_{index}": column["to"], f"as_{index}": column["as"]}
    refused = client.post(f"{reply.url}preview/", data | {"day": "2999-01-01"})
    assert (refused.status_code, list(refused.context["columns"].errors)) == (422, ["day"])
    assert client.post(f"{reply.url}preview/", data).status_code == 302
    work()
    mine.refresh_from_db()
    page = client.get(reply.url)
    assert [(figure["label"], figure["count"]) for figure in page.context["figures"]] == [
        ("New", 6), ("Known already", 0), ("Twice in the file", 1), ("Invalid", 2), ("Lifted since", 0),
    ]  # fmt: skip
    assert "Nobody of this workspace is suppressed by it who is not already." in page.content.decode()
    assert "Spam complaint" in page.content.decode()
    assert "stands for all of a domain" in client.get(reply.url, {"show": "invalid"}).content.decode()
    client.post(f"{reply.url}start/", {"version": mine.version})
    work()
    done = client.get(reply.url).content.decode()
    assert "Open the suppressions" in done
    assert "Roll back" not in done
    rejects = b"".join(client.get(f"{reply.url}rejects/").streaming_content).decode().splitlines()
    assert rejects[0] == "Line,Reason,Subscriber,Why,Unsubscribed at,Colour"
    assert len(rejects) == 3
    twins = (
        b"".join(client.get(f"{reply.url}rejects/?show=duplicate").streaming_content).decode().splitlines()
    )
    assert twins[1:] == ["5,The same address as in line 2,ana@example.org,unsubscribed,2025-01-01,blue"]
    assert "Suppressions ·" in client.get("/w/acme/imports/").content.decode()


def test_pasted_blocks_are_read_like_a_file(browse, workspace):
    client = browse("editor")
    client.post("/w/acme/suppressions/import/paste/", {"rows": "ana@example.org\nexample.com\n"})
    work()
    mine = Import.objects.get()
    assert (mine.aim, [column["to"] for column in mine.mapping]) == ("suppressions", ["email"])
    assert browse("viewer").get("/w/acme/suppressions/import/").status_code == 403


def test_one_bad_date_among_few_leaves_no_column_out_and_is_named(browse, workspace, by):
    later = timezone.now() + timedelta(days=9)
    text = (
        f"Email,Date\nana@example.org,1.2.2025\nben@example.org,31.2.2025\ncy@example.org,{later:%d.%m.%Y}\n"
    )
    mine = begin(workspace, by, text)
    assert mine.mapping == [{"to": "email", "as": "text"}, {"to": "at", "as": "date_dmy"}]
    preview(mine)
    client, url = browse("editor"), f"/w/acme/imports/{mine.pk}/"
    page = client.get(url)
    assert (
        "2 new rows have a day that does not read; they are suppressed all the same, since the day of the import."
        in (page.content.decode())
    )
    assert [row.changes[1:] for row in page.context["rows"]] == [
        [("Since", "", "1 Feb 2025")],
        [
            ("Since", "", "the day of the import"),
            ("But", "", "“Date” holds “31.2.2025”, no day such as 31.12.2026"),
        ],
        [
            ("Since", "", "the day of the import"),
            ("But", "", f"“Date” holds “{later:%d.%m.%Y}”, a day that has not come yet"),
        ],
    ]
    seen = browse("viewer").get(url).context["rows"][1].changes
    assert seen[-1] == ("But", "", "“Date” holds no day such as 31.12.2026")


def test_a_moment_is_read_with_its_zone(workspace, by):
    at = timezone.now().replace(microsecond=0) - timedelta(minutes=5)
    zones = [timezone.get_fixed_timezone(timedelta(hours=hours)) for hours in (2, -8)]
    told = [at.astimezone(zone).isoformat(" ") for zone in zones] + [f"{at:%Y-%m-%d %H:%M:%S}Z"]
    lines = [f"p{number}@example.org,{moment}" for number, moment in enumerate(told)]

    bring(workspace, by, "\n".join(["Address or pattern,When", *lines, ""]))

    assert [row.at for row in Suppression.objects.all()] == [at, at, at]


def test_a_day_to_come_is_the_day_of_the_import(workspace, by):
    now = timezone.now()
    later = f"{now + timedelta(days=9):%Y-%m-%d}"
    mine = bring(workspace, by, f"Email,Date\nana@example.org,{later}\nben@example.org,2025-01-01\n")
    assert mine.counts == {"read": 2, "new": 2}
    assert now <= Suppression.objects.get(email="ana@example.org").at <= timezone.now()


@pytest.mark.parametrize(
    ("reason", "days", "outcome", "kept"),
    [
        ("complaint", 2, "new", ("complained", 2)),
        ("unsubscribed", 2, "new", ("unsubscribed", 2)),
        ("complaint", 20, "new", ("complained", 10)),
        ("unsubscribed", 20, "unchanged", ("unsubscribed", 10)),
        ("blocked", 20, "unchanged", ("unsubscribed", 10)),
    ],
)
def test_a_row_makes_a_block_worse_or_newer_and_never_milder(workspace, by, reason, days, outcome, kept):
    now = timezone.now().replace(microsecond=0)
    known = SuppressionFactory(
        workspace=workspace,
        email="ana@x.test",
        reason="unsubscribed",
        at=now - timedelta(days=10),
        connection=None,
    )
    told = now - timedelta(days=days)
    mine = bring(workspace, by, f"Email,Reason,Date\nana@x.test,{reason},{told:%Y-%m-%d %H:%M:%S}\n")
    assert mine.counts == {outcome: 1, "read": 1}
    known.refresh_from_db()
    assert (known.reason, known.at) == (kept[0], now - timedelta(days=kept[1]))


@pytest.mark.parametrize(
    ("name", "cells", "reading"),
    [
        ("date", ["2025-03-01 10:00:00 UTC"], "date_ymd"),
        ("Datum", ["1.3.2025", "?"], "date_dmy"),
        ("blocked at", ["unknown", "soon", "2025-03-01"], "date_ymd"),
        ("Timestamp", ["2025-03-01T10:00:00Z"], "date_ymd"),
        ("created", ["3/13/2025"], "date_mdy"),
    ],
)
def test_a_column_that_tells_days_by_its_name_says_since_when(workspace, by, name, cells, reading):
    rows = "".join(f"p{number}@example.org,{cell}\n" for number, cell in enumerate(cells))

    mine = begin(workspace, by, f"Email,{name}\n{rows}")

    assert mine.mapping[1] == {"to": "at", "as": reading}


@pytest.mark.parametrize(
    ("text", "is_told"),
    [("Email,Date\nana@example.org,yesterday\n", True), ("Email,Date\nana@example.org,2025-03-01\n", False)],
)
def test_a_file_that_says_no_day_is_said_to_count_from_today(browse, workspace, by, text, is_told):
    mine = begin(workspace, by, text)

    page = browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()

    assert ("Everybody is suppressed since today" in page) == is_told


def test_who_is_suppressed_stays_so_though_somebody_erased_is_named_beside(workspace, member):
    erase(workspace, member("admin"), "ana@x.test")

    mine = bring(
        workspace, member("admin"), "Email,Reason\nben@x.test,ana@x.test bounced\nana@x.test,bounced\n"
    )

    assert (mine.counts["read"], mine.counts["new"], mentions("ana@x.test")) == (2, 1, set())
    assert [(row[0], row[1]) for row in active()] == [("ben@x.test", "bounced")]


def test_a_day_to_come_with_two_digits_of_its_year_is_not_a_century_ago(workspace, by):
    """Else a new complaint would be older than the consent by which a block was lifted."""
    ana = ContactFactory(workspace=workspace, email="ana@example.org")
    SuppressionFactory(
        contact=ana, at=timezone.now() - timedelta(days=9), lifted_at=timezone.now() - timedelta(days=3),
        lift_evidence={"agreed_at": f"{timezone.now() - timedelta(days=4):%Y-%m-%dT%H:%M}Z"},
    )  # fmt: skip
    day = f"{timezone.now() + timedelta(days=2):%d.%m.%y}"

    mine = bring(
        workspace, by, f"Email,Why,When\nana@example.org,spam complaint,{day}\nb@x.test,opt-out,01.02.24\n"
    )

    assert (mine.counts, mine.preview["odd_days"]) == ({"read": 2, "new": 2}, 1)
    assert active() == [
        ("ana@example.org", "complained", f"{timezone.now():%Y-%m-%d}"),
        ("b@x.test", "unsubscribed", "2024-02-01"),
    ]
