"""Exports: whose rows, how cells are written, what becomes of a file, and who may have it."""

import csv
import html
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from django.utils.html import strip_tags
from python_calamine import CalamineWorkbook

from accounts.days import HAIR
from accounts.models import ActivityEntry, Role, User
from audiences import rules, services
from audiences.exporting import making
from audiences.models import (
    Engagement,
    Export,
    ExportPiece,
    Field,
    Folder,
    FormerAddress,
    Segment,
    Subscription,
    Tag,
    Tagging,
)
from audiences.queries import rows_of
from audiences.queries.contacts import People
from audiences.queries.selections import in_words, signed
from tests.audiences.importing import begin as begin_import
from tests.audiences.importing import preview
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(workspace):
    """On News, tagged, with fields that a spreadsheet would run."""
    Field.objects.create(workspace=workspace, key="note", label="=Note")
    ana = ContactFactory(
        workspace=workspace, email="ana@x.test", first_name='=HYPERLINK("x")', last_name="Ä, “B”\n", city="\tBern",
        phone="+41 1", custom={"note": "-1+1|cmd"},
    )  # fmt: skip
    SubscriptionFactory(list=ListFactory(workspace=workspace, name="News"), contact=ana)
    SubscriptionFactory(
        list=ListFactory(workspace=workspace, name="Old"),
        contact=ana,
        status=Subscription.Status.UNSUBSCRIBED,
    )
    Tagging.objects.create(tag=Tag.objects.create(workspace=workspace, name="@home"), contact=ana)
    Engagement.objects.create(contact=ana, received=3, opens=2, clicks=1)
    return ana


def begin(workspace, by, *, people=None, columns=("email",), written_as="csv", **more):
    people = people or People(workspace)
    told = {
        "kind": "people", "title": in_words(people), "selection": people.as_json(), "total": None
    } | more  # fmt: skip
    return services.begin_export(workspace=workspace, by=by, columns=columns, written_as=written_as, **told)


def made(workspace, by, **more):
    export = begin(workspace, by, **more)
    run_outbox("audiences.export")
    export.refresh_from_db()
    return export


def rows(export):
    text = b"".join(making.pieces(export)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_each_cell_that_a_spreadsheet_would_run_is_text(workspace, by, ana):
    export = made(
        workspace, by,
        columns=["email", "first_name", "last_name", "city", "phone", "custom:note", "lists", "left", "tags", "mailable",
                 "received", "clicks", "tracking"],
    )  # fmt: skip

    assert rows(export) == [
        ["Address", "First name", "Last name", "City", "Phone", "'=Note", "On lists", "Left lists", "Tags",
         "May be written to", "Opens and clicks counted", "Campaigns received", "Clicks"],
        ["ana@x.test", "'=HYPERLINK(\"x\")", "Ä, “B”\n", "'\tBern", "'+41 1", "'-1+1|cmd", "News", "Old", "'@home",
         "yes", "unknown", "3", "1"],
    ]  # fmt: skip
    assert (export.state, export.rows, export.size) == (
        "ready",
        1,
        sum(len(piece) for piece in making.pieces(export)),
    )


def test_a_workbook_holds_the_same_rows_with_numbers_and_days(workspace, by, ana):
    for key, kind in (("size", "number"), ("born", "date")):
        Field.objects.create(workspace=workspace, key=key, label=key.title(), kind=kind)
    ana.custom |= {"size": -38.5, "born": "1952-07-26T00:00:00.000Z"}
    ana.save()
    ContactFactory(
        workspace=workspace, email="ben@x.test", first_name="", phone="0041", custom={"size": "=1", "born": "soon"}
    )  # fmt: skip
    columns = ["email", "first_name", "phone", "custom:born", "custom:size", "clicks"]
    export = made(workspace, by, columns=columns, written_as="xlsx")

    book = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(making.pieces(export))))
    assert book.get_sheet_by_index(0).to_python() == [
        ["Address", "First name", "Phone", "Born", "Size", "Clicks"],
        ["ana@x.test", '\'=HYPERLINK("x")', "'+41 1", date(1952, 7, 26), -38.5, 1.0],
        ["ben@x.test", "", "0041", "soon", "'=1", ""],
    ]


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (lambda w, of: People(w), ["ana@x.test", "ben@x.test", "eva@x.test"]),
        (lambda w, of: People(w, list_id=of["news"].pk), ["ana@x.test"]),
        (lambda w, of: People(w, list_id=of["news"].pk, status="unsubscribed"), ["ben@x.test"]),
        (lambda w, of: People(w, ids=(of["eva"].pk, of["foreign"].pk)), ["eva@x.test"]),
        (lambda w, of: People(w, state="suppressed"), ["eva@x.test"]),
        (lambda w, of: People(w, words="ben@x"), ["ben@x.test"]),
        (lambda w, of: People(w, rule=of["rule"]), ["ben@x.test"]),
    ],
)
def test_the_file_holds_the_people_of_the_selection(workspace, by, select, expected):
    news = ListFactory(workspace=workspace)
    ana, ben, eva = (
        ContactFactory(workspace=workspace, email=f"{name}@x.test", city=name)
        for name in ("ana", "ben", "eva")
    )
    SubscriptionFactory(list=news, contact=ana)
    SubscriptionFactory(list=news, contact=ben, status=Subscription.Status.UNSUBSCRIBED)
    SuppressionFactory(contact=eva)
    rule = rules.read(
        {"join": "all", "rules": [{"kind": "field", "of": "city", "op": "is", "value": ["BEN"]}]}
    )
    people = select(workspace, {"news": news, "eva": eva, "foreign": ContactFactory(), "rule": rule})

    assert [row[0] for row in rows(made(workspace, by, people=people))[1:]] == expected


def test_a_file_of_suppressions_says_what_their_page_says(workspace, by, browse):
    """Each kind of evidence that anything writes down."""
    account = ConnectionFactory(workspace=workspace, name="=Brevo")
    campaign = CampaignFactory(workspace=workspace, connection=account, name="May, “news”")
    kept = ContactFactory(workspace=workspace, first_name="Ana", last_name="Bell")
    FormerAddress.objects.create(workspace=workspace, email="p10@x.test", contact=kept)
    kinds = [
        (account, None, {"told": "pull", "remote_id": "7"}),
        (account, None, {"told": "leaves"}),
        (account, None, {"told": "at our word"}),
        (account, None, {"event": "complaint", "campaign_id": campaign.pk, "said": "-2, gone"}),
        (None, None, {"event": "unsubscribed", "campaign_id": campaign.pk, "said": "by our page"}),
        (None, None, {"event": "unsubscribed", "campaign_id": None, "said": "by our page"}),
        (None, by, {"reason": "Legal\n“now”"}),
        (None, by, {"reason": "Legal", "bulk": 3}),
        (None, by, {"import": 3, "reason": "hard bounce"}),
        (None, by, {"consent": 3, "reason": "A letter"}),
        (None, by, {"merged": kept.pk}),
        (account, None, {"told": "leaves", "merged_from": 3}),
        (account, None, {"told": "leaves", "moved_from": 3}),
        (None, by, {"reason": "Legal", "moved_from": 3, "moved": "here"}),
        (None, None, {"pattern": "*@x.test"}),
        (None, None, {}),
    ]
    for number, (connection, member, evidence) in enumerate(kinds):
        SuppressionFactory(
            contact=None, workspace=workspace, email=f"p{number}@x.test", connection=connection, created_by=member,
            evidence=evidence,
        )  # fmt: skip
    page = browse("editor").get("/w/acme/suppressions/").content.decode()
    cells = re.findall(
        r'data-label="Told by"><bdi>(.*?)</bdi>.*?data-label="Evidence".*?><bdi>(.*?)</td>', page, re.DOTALL
    )
    cells = [(told_by, strip_tags(evidence)) for told_by, evidence in cells]

    export = made(workspace, by, kind="suppressions", selection={}, columns=[])

    said = [(told_by.lstrip("'"), evidence or "–") for _, _, told_by, _, evidence, _ in rows(export)[1:]]
    assert said == [tuple(html.unescape(cell) for cell in pair) for pair in cells]
    assert [evidence for _, evidence in said if "(" in evidence] == [
        "the person was merged into another (Ana Bell)"
    ]
    assert len(set(said)) == len(kinds)
    assert {told_by for told_by, _ in said} == {"=Brevo", "The person", str(by), "Campanile"}


def test_suppressions_are_exported_in_the_zone_of_who_asked(workspace, by):
    User.objects.filter(pk=by.pk).update(time_zone="Europe/Zurich")
    contact = ContactFactory(workspace=workspace, email="=eva@x.test")
    SuppressionFactory(
        contact=contact, reason="bounced", evidence={"said": "@gone"}, at=datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        lifted_at=datetime(2026, 7, 2, 3, 4, 5, tzinfo=UTC),
    )  # fmt: skip
    # Said without a time, and said of the very beginning of a day.
    for email, at in (
        ("day", datetime(2026, 1, 1, tzinfo=UTC)),
        ("night", datetime(2026, 1, 1, tzinfo=UTC) - HAIR),
    ):
        eva = ContactFactory(workspace=workspace, email=f"{email}.eva@x.test")
        SuppressionFactory(contact=eva, reason="bounced", at=at)
    SuppressionFactory(contact=ContactFactory(workspace=workspace, email="ben@x.test"))
    SuppressionFactory()

    export = made(
        workspace, by, kind="suppressions", columns=[],
        selection={"reason": "bounced", "words": "EVA", "state": ""},
    )  # fmt: skip

    why = "Address does not exist"
    assert rows(export) == [
        ["Address or pattern", "Reason", "Told by", "When", "Evidence", "Lifted"],
        [
            "'=eva@x.test", why, "Campanile", "2026-01-02 04:04:05+01:00", "“@gone”", "2026-07-02 05:04:05+02:00",
        ],
        ["day.eva@x.test", why, "Campanile", "2026-01-01", "", ""],
        ["night.eva@x.test", why, "Campanile", "2026-01-01 01:00:00+01:00", "", ""],
    ]  # fmt: skip


def test_a_worker_killed_midway_leaves_no_piece_behind(workspace, by, ana):
    export = begin(workspace, by)
    for number in range(3):
        ExportPiece.objects.create(of=export, number=number, body=b"half a file")

    run_outbox("audiences.export")

    export.refresh_from_db()
    assert rows(export) == [["Address"], ["ana@x.test"]]


def test_pressed_twice_it_is_one(workspace, by):
    assert begin(workspace, by) == begin(workspace, by)
    assert begin(workspace, by, written_as="xlsx") != begin(workspace, by)


def test_a_selection_that_can_no_longer_be_worked_out_stops_with_a_sentence(workspace, by, ana):
    tag = Tag.objects.get()
    rule = rules.read({"join": "all", "rules": [{"kind": "tag", "of": tag.pk, "op": "has", "name": "@home"}]})
    export = begin(workspace, by, people=People(workspace, rule=rule))
    tag.delete()

    run_outbox("audiences.export")

    export.refresh_from_db()
    assert (export.state, export.note, ExportPiece.objects.count()) == (
        "failed",
        "The tag “@home” is gone. Change the rule, then it can be worked out.",
        0,
    )


def test_cancelled_before_it_began_nothing_is_made(workspace, by, ana):
    export = begin(workspace, by)
    services.cancel_export(export=export, by=by)

    run_outbox("audiences.export")

    export.refresh_from_db()
    assert (export.state, ExportPiece.objects.count()) == ("cancelled", 0)
    with pytest.raises(services.CannotExport):
        services.cancel_export(export=export, by=by)


def test_cancelled_while_it_is_stored_nothing_is_left(workspace, by, ana, monkeypatch):
    export = begin(workspace, by)
    monkeypatch.setattr(making, "PIECE", 4)

    def cancel(entry, *, seconds=None):
        Export.objects.filter(pk=export.pk).update(cancel_requested=True)

    monkeypatch.setattr(making.outbox, "renew", cancel)
    run_outbox("audiences.export")

    export.refresh_from_db()
    assert (export.state, ExportPiece.objects.count()) == ("cancelled", 0)


def test_lists_of_one_name_are_told_apart_in_a_file(workspace, by, ana):
    for name in ("Spring", "Autumn"):
        folder = Folder.objects.create(workspace=workspace, name=name)
        mine = ListFactory(workspace=workspace, name="Fair", folder=folder)
        SubscriptionFactory(list=mine, contact=ana)

    export = made(workspace, by, columns=["lists"])

    assert rows(export) == [["On lists"], ["Fair · Spring; Fair · Autumn; News"]]


def test_files_go_when_their_time_is_over(workspace, by, ana):
    export = made(workspace, by)
    services.sweep_exports()
    assert Export.objects.get().state == "ready"
    Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(services.CannotExport):
        services.fetch_export(export=Export.objects.get(), by=by)

    services.sweep_exports()

    export.refresh_from_db()
    assert (export.state, export.rows, ExportPiece.objects.count()) == ("expired", 1, 0)


def test_a_file_that_went_before_its_time_says_why(workspace, by, browse):
    made(workspace, by)
    services.throw_away(export=Export.objects.get(), by=by)
    kept = made(workspace, by)
    Export.objects.filter(pk=kept.pk).update(state="expired", note="")

    page = " ".join(strip_tags(browse().get("/w/acme/exports/").content.decode()).split())

    assert f"Thrown away{by} threw the file away." in page
    assert page.count("Expired") == 1


def test_ten_a_day_and_no_workbook_too_large(workspace, by):
    with pytest.raises(services.CannotExport) as refusal:
        begin(workspace, by, written_as="xlsx", total=3_000_001)
    assert refusal.value.fields == {
        "written_as": "With these columns an Excel file holds 1\u00a0048\u00a0575 rows. Take CSV."
    }
    for number in range(10):
        begin(workspace, by, people=People(workspace, language=str(number)))
    with pytest.raises(services.CannotExport) as refusal:
        begin(workspace, by)
    assert refusal.value.sentence == (
        "You have had 10 exports made within a day. Fetch one of those, or wait until tomorrow."
    )


def test_from_a_signed_selection_to_the_file_by_pages_alone(browse, workspace, ana):
    client = browse("editor")
    chosen = client.post("/w/acme/contacts/bulk/", {"action": "export", "ids": [ana.pk]})
    page = client.get(chosen.url)
    assert (page.context["title"], page.context["count"]) == ("One chosen person", 1)

    reply = client.post(chosen.url, {"columns": ["email", "tags"], "written_as": "csv"})
    export = Export.objects.get()
    assert (reply.status_code, reply.url) == (302, f"/w/acme/exports/{export.pk}/")
    assert b"Writing the file" in client.get(reply.url).content
    run_outbox("audiences.export")
    assert b"Download" in client.get(reply.url).content
    file = client.get(f"{reply.url}file/")

    assert (b"".join(file.streaming_content), file.headers["Content-Disposition"]) == (
        b"\xef\xbb\xbfAddress,Tags\nana@x.test,'@home\n",
        f'attachment; filename="one-chosen-person-{export.created_at:%Y-%m-%d}.csv"',
    )
    assert set(ActivityEntry.objects.values_list("verb", flat=True)) == {
        "export.started", "export.ready", "export.fetched",
    }  # fmt: skip
    # The next form ticks what was chosen last.
    assert client.get("/w/acme/exports/new/").context["form"]["columns"].value() == ["email", "tags"]


def test_the_filters_of_the_page_of_suppressions_are_those_of_the_file(browse, workspace):
    eva, ben = (ContactFactory(workspace=workspace, email=f"{name}@x.test") for name in ("eva", "ben"))
    SuppressionFactory(contact=eva, reason="bounced")
    SuppressionFactory(contact=ben, reason="bounced", lifted_at=timezone.now(), lift_evidence={})
    client = browse("editor")
    address = "/w/acme/exports/new/suppressions/?reason=bounced&state=lifted"
    assert b"exports/new/suppressions/?reason=bounced&amp;state=lifted" in (
        client.get("/w/acme/suppressions/?reason=bounced&state=lifted").content
    )
    page = client.get(address)
    assert (page.context["title"], page.context["count"]) == (
        "Suppressions: Address does not exist, Lifted",
        1,
    )

    client.post(address, {"written_as": "csv"})
    run_outbox("audiences.export")

    assert [row[0] for row in rows(Export.objects.get())] == ["Address or pattern", "ben@x.test"]


def test_a_form_without_a_column_comes_back_with_a_sentence(browse, workspace):
    reply = browse("editor").post("/w/acme/exports/new/", {"written_as": "csv"})

    assert (reply.status_code, reply.context["form"].errors) == (
        422,
        {"columns": ["Choose at least one column."]},
    )


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_who_may_export(browse, workspace, by, role):
    mine = begin(workspace, by)
    client = browse(role)
    paths = ["exports/", "exports/new/", f"exports/{mine.pk}/", f"exports/{mine.pk}/file/"]

    statuses = [client.get(f"/w/acme/{path}").status_code for path in paths]

    assert statuses == ([200, 200, 200, 302] if role == Role.EDITOR else [403] * 4)


def test_of_another_workspace_nothing_is_seen(browse, workspace, by):
    elsewhere = WorkspaceFactory()
    theirs = begin(elsewhere, by)
    client = browse("editor")
    segment = Segment.objects.create(workspace=elsewhere, name="S", rule={"join": "all", "rules": []})

    assert [
        client.get(f"/w/acme/exports/{theirs.pk}/").status_code,
        client.get(f"/w/acme/exports/{theirs.pk}/file/").status_code,
        client.post(f"/w/acme/exports/{theirs.pk}/throw-away/").status_code,
        client.get("/w/acme/exports/new/", {"segment": segment.pk}).status_code,
        client.get("/w/acme/exports/new/", {"list": ListFactory(workspace=elsewhere).pk}).status_code,
        client.get("/w/acme/exports/new/", {"people": signed(People(elsewhere))}).url,
        client.get("/w/acme/exports/new/", {"people": "forged"}).url,
    ] == [404, 404, 404, 404, 404, "/w/acme/contacts/", "/w/acme/contacts/"]


@pytest.mark.parametrize("more", ["0", "x"])
@pytest.mark.parametrize("name", ["list", "segment"])
def test_whoever_an_address_does_not_name_is_not_exported(browse, workspace, ana, name, more):
    """Not those of another list whose id begins alike, and not everybody."""
    ListFactory(workspace=workspace, pk=10**17)
    Segment.objects.create(workspace=workspace, pk=10**17, name="Big", rule={"join": "all", "rules": []})
    client = browse("editor")
    assert client.get("/w/acme/exports/new/", {name: str(10**17)}).status_code == 200
    assert client.get("/w/acme/exports/new/", {name: f"{10**17}{more}"}).status_code == 404


def test_the_list_asks_as_often_for_three_exports_as_for_one(
    browse, workspace, by, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = browse("editor")
    begin(workspace, by)
    with CaptureQueriesContext(connection) as one:
        client.get("/w/acme/exports/")
    for number in range(2):
        begin(workspace, by, people=People(workspace, language=str(number)))

    with django_assert_num_queries(len(one)):
        client.get("/w/acme/exports/")


def test_an_export_that_is_imported_again_changes_nothing(workspace, by, ana):
    export = made(workspace, by, columns=["email", "first_name", "city", "phone", "custom:note"])
    file = b"".join(making.pieces(export)).replace(b"'=Note", b"Note")

    mine = preview(
        begin_import(workspace, by, file),
        by,
        [{"to": to, "as": "text"} for to in ("email", "first_name", "city", "phone", "note")],
    )

    # A tab at the end of a cell is nothing a field keeps.
    assert (mine.preview, [row.changes for row in rows_of(mine, "changed").rows]) == (
        {"read": 1, "changed": 1}, [[("City", "\tBern", "Bern")]],
    )  # fmt: skip
