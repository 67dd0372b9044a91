"""Imports through their services and the outbox: outcomes, consent, roll back, and what a kill leaves."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry
from accounts.refusals import CannotDo
from audiences import queries, rules, services
from audiences.importing import applying, running, staging
from audiences.importing.tables import Tables
from audiences.models import (
    Consent,
    ConsentBasis,
    Contact,
    Field,
    Import,
    ImportBody,
    ImportChange,
    List,
    Subscription,
    Suppression,
)
from audiences.queries.contacts import People
from tests.audiences.importing import begin, bring, on, preview, start, state_of, undo, work
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date()


@pytest.fixture
def approver(member):
    return member("approver")


@pytest.fixture
def news(workspace):
    return ListFactory(workspace=workspace, name="News")


def fields(email):
    contact = Contact.objects.get(email=email)
    return contact.first_name, contact.city, contact.custom, contact.version


def outcomes(mine):
    """Outcome → [(line, address, what changes, why)] as the page shows them."""
    return {
        name: [(row.line, row.address, row.changes, row.why) for row in queries.rows_of(mine, name).rows]
        for name in Import.Outcome.values
        if mine.preview.get(name)
    }


# Opening


def test_a_file_is_opened_with_its_columns_guessed(workspace, by):
    Field.objects.create(workspace=workspace, key="shoe", label="Schuhgröße", kind=Field.Kind.NUMBER)
    mine = begin(
        workspace,
        by,
        "Kunde;E-Mail;Vorname;Schuhgröße;Geburtstag\n17;ana@x.test;Ana;38,5;3.2.1984\n".encode("cp1252"),
    )
    assert mine.state == Import.State.MAPPING
    assert mine.dialect["encoding"] == "cp1252"
    assert mine.dialect["delimiter"] == ";"
    assert mine.mapping == [
        {"to": "", "as": "number"},
        {"to": "email", "as": "text"},
        {"to": "first_name", "as": "text"},
        {"to": "shoe", "as": "number_comma"},
        {"to": "", "as": "date_dmy"},
    ]
    assert mine.columns[2] == {"name": "Vorname", "samples": ["Ana"], "as": "text", "addresses": 0.0}


def test_without_a_heading_the_column_with_addresses_is_found(workspace, by):
    mine = begin(workspace, by, "Ana,ana@x.test\nBen,ben@x.test\n")
    assert not mine.dialect["has_header"]
    assert [column["to"] for column in mine.mapping] == ["", "email"]
    assert preview(mine, by).preview == {"read": 2, "new": 2}


def test_a_file_that_cannot_be_read_says_why_and_is_not_kept(workspace, by):
    mine = begin(workspace, by, b"PK\x03\x04nonsense", name="people.zip")
    assert (mine.state, mine.note) == (
        Import.State.FAILED,
        "This archive is damaged or cut off. Make it again, or upload the file without it.",
    )
    assert not ImportBody.objects.exists()


def test_an_empty_file_is_refused_at_once(workspace, by):
    with pytest.raises(CannotDo, match="This file is empty"):
        begin(workspace, by, "")
    assert not Import.objects.exists()


def test_a_file_beyond_the_limit_is_refused_and_not_kept(workspace, by, monkeypatch):
    monkeypatch.setattr("audiences.services.imports.MAX_BYTES", 10)
    with pytest.raises(CannotDo, match="larger than 200 MB"):
        begin(workspace, by, "Email\nana@x.test\n")
    assert not ImportBody.objects.exists()


def test_a_file_can_be_read_another_way(workspace, by):
    mine = begin(workspace, by, "Email;Name\nana@x.test;Жан\n".encode("cp1251"))
    assert mine.columns[1]["samples"] != ["Жан"]
    services.open_again(mine=mine, encoding="cp1251", delimiter=";", heading=1)
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.columns[1]["samples"]) == (Import.State.MAPPING, ["Жан"])


def test_the_same_file_while_it_is_open_is_one_import(workspace, by, approver):
    first = begin(workspace, by, "Email\nana@x.test\n")
    second, is_new = services.begin_import(
        workspace=workspace, by=approver, name="copy.csv", blocks=[b"Email\nana@x.test\n"]
    )
    assert (second, is_new) == (first, False)
    assert Import.objects.count() == 1
    other = WorkspaceFactory()
    assert (
        services.begin_import(workspace=other, by=by, name="x.csv", blocks=[b"Email\nana@x.test\n"])[1]
        is True
    )
    start(preview(first, by), by)
    assert (
        services.begin_import(workspace=workspace, by=by, name="again.csv", blocks=[b"Email\nana@x.test\n"])[
            1
        ]
        is True
    )


def test_what_was_matched_is_remembered_for_the_same_headings(workspace, by):
    mine = begin(workspace, by, "E-Mail;Kundin;Rest\nana@x.test;Ana;1\n")
    bring_mapping = [
        {"to": "email", "as": "text"},
        {"to": "first_name", "as": "text"},
        {"to": "", "as": "number"},
    ]
    start(preview(mine, by, bring_mapping), by)
    again = begin(workspace, by, "e-mail;KUNDIN;Rest\nben@x.test;Ben;x\n")
    assert again.mapping == [*bring_mapping[:2], {"to": "", "as": "text"}]


# Deciding


def test_a_mapping_must_name_the_address_and_fill_each_field_once(workspace, by):
    mine = begin(workspace, by, "Email,A,B\nana@x.test,1,2\n")
    text = {"as": "text"}
    with pytest.raises(CannotDo, match="Which column holds the addresses"):
        preview(mine, by, [{"to": "", **text}] * 3)
    with pytest.raises(CannotDo) as refused:
        preview(mine, by, [{"to": "email", **text}, {"to": "city", **text}, {"to": "city", **text}])
    assert refused.value.fields == {"to_2": "Another column fills this already."}


def test_cells_must_be_what_the_field_holds(workspace, by):
    Field.objects.create(workspace=workspace, key="born", label="Born", kind=Field.Kind.DATE)
    mine = begin(workspace, by, "Email,Day\nana@x.test,1.2.1984\n")
    with pytest.raises(CannotDo) as refused:
        preview(mine, by, [{"to": "email", "as": "text"}, {"to": "born", "as": "text"}])
    assert refused.value.fields == {"as_1": "This field holds a date. Choose how the column writes it."}


def test_a_list_needs_to_know_where_consent_comes_from(workspace, by, news):
    mine = begin(workspace, by, "Email\nana@x.test\n")
    with pytest.raises(CannotDo) as refused:
        preview(mine, by, on_list=news, consent_source=" ")
    assert list(refused.value.fields) == ["consent_source"]
    tomorrow = (timezone.now() + timedelta(days=2)).date()
    with pytest.raises(CannotDo, match="has not come yet"):
        preview(mine, by, on_list=news, consent_date=tomorrow)


def test_new_fields_are_made_with_the_kind_of_their_cells(workspace, by):
    mine = begin(workspace, by, "Email,Shoe size,Email\nana@x.test,38,x\n")
    mapping = [{"to": "email", "as": "text"}, {"to": "new", "as": "number"}, {"to": "new", "as": "text"}]
    start(preview(mine, by, mapping), by)
    assert list(Field.objects.order_by("key").values_list("key", "label", "kind")) == [
        ("email_2", "Email", "text"),
        ("shoe_size", "Shoe size", "number"),
    ]
    assert Contact.objects.get().custom == {"shoe_size": 38, "email_2": "x"}


def test_a_decision_on_an_old_page_is_refused(workspace, by):
    mine = begin(workspace, by, "Email\nana@x.test\n")
    old = mine.version
    preview(mine, by)
    with pytest.raises(CannotDo, match="Somebody changed this import"):
        services.start_import(mine=mine, by=by, version=old)


# Outcomes


COLUMNS = [
    {"to": "email", "as": "text"}, {"to": "first_name", "as": "text"}, {"to": "city", "as": "text"},
    {"to": "size", "as": "number"},
]  # fmt: skip


def everybody(workspace, news):
    """Somebody for each outcome, and the file that meets them."""
    old = ContactFactory(
        workspace=workspace, email="old@x.test", first_name="Old", city="Bern", custom={"size": 38}
    )
    SubscriptionFactory(list=news, contact=old)
    SubscriptionFactory(
        list=news,
        contact=ContactFactory(workspace=workspace, email="same@x.test", first_name="Same", city=""),
    )
    left = ContactFactory(workspace=workspace, email="left@x.test", first_name="Left", city="Bern")
    SubscriptionFactory(
        list=news, contact=left, status="unsubscribed", changed_at=datetime(2026, 3, 5, tzinfo=UTC)
    )
    blocked = ContactFactory(workspace=workspace, email="blocked@x.test", first_name="Blocked", city="Bern")
    account = ConnectionFactory(workspace=workspace, name="Shop mails")
    SuppressionFactory(
        contact=blocked, reason="complained", connection=account, at=datetime(2026, 2, 1, tzinfo=UTC)
    )
    moved = ContactFactory(workspace=workspace, email="moved@x.test")
    SuppressionFactory(contact=moved, email="before@x.test", at=datetime(2026, 1, 1, tzinfo=UTC))
    SuppressionFactory(
        contact=None, workspace=workspace, email="stranger@x.test", at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    services.suppress_patterns(
        workspace=workspace, connection=None,
        facts=[services.Fact("*@gone.test", "bounced", datetime(2026, 1, 1, tzinfo=UTC))],
    )  # fmt: skip
    Field.objects.create(workspace=workspace, key="size", label="Size", kind=Field.Kind.NUMBER)
    return (
        "Email,Vorname,City,Size\n"
        "new@x.test,New,Basel,40\n"
        "OLD@x.test,,Basel,39\n"
        "same@x.test,Same,,\n"
        "new@x.test,Twin,,\n"
        "nobody,N,,\n"
        "sized@x.test,S,,big\n"
        "left@x.test,Left,Basel,\n"
        "blocked@x.test,B,Basel,\n"
        "moved@x.test,M,,\n"
        "stranger@x.test,S,,\n"
        "anybody@gone.test,A,,\n"
        "ſ@x.test,Long,,\n"
    )


def test_each_row_has_one_outcome_and_its_reason(workspace, by, news):
    mine = preview(begin(workspace, by, everybody(workspace, news)), by, COLUMNS, on_list=news)
    assert mine.preview == {
        "read": 12, "new": 1, "changed": 1, "unchanged": 1, "duplicate": 1, "invalid": 3, "left": 1, "suppressed": 4,
        "left_changed": 1,
    }  # fmt: skip
    assert outcomes(mine) == {
        "new": [(2, "new@x.test", [], "")],
        "changed": [(3, "old@x.test", [("City", "Bern", "Basel"), ("Size", "38", "39")], "")],
        "unchanged": [(4, "same@x.test", [], "")],
        "duplicate": [(5, "new@x.test", [], "The same address as in line 2")],
        "invalid": [
            (6, "nobody · N", [], "This is no address"),
            (7, "sized@x.test · S · big", [], "“Size” holds “big”, no number such as 1,234.5"),
            (13, "ſ@x.test · Long", [], "There are letters before the @ that many mail servers do not take"),
        ],
        "left": [(8, "left@x.test", [("City", "Bern", "Basel")], "Left News on 5 Mar 2026")],
        "suppressed": [
            (9, "blocked@x.test", [], "Complained since 1 Feb 2026, told by Shop mails"),
            (10, "moved@x.test", [], "Left since 1 Jan 2026, told by Campanile"),
            (11, "stranger@x.test", [], "Left since 1 Jan 2026, told by Campanile"),
            (12, "anybody@gone.test", [], "Address does not exist since 1 Jan 2026, told by Campanile"),
        ],
    }


def test_the_result_is_what_the_preview_said(workspace, by, news):
    mine = preview(begin(workspace, by, everybody(workspace, news)), by, COLUMNS, on_list=news)
    said = outcomes(mine)
    start(mine, by)
    assert (mine.state, mine.counts) == (Import.State.DONE, mine.preview)
    assert outcomes(mine) == said
    assert fields("new@x.test") == ("New", "Basel", {"size": 40}, 1)
    assert fields("old@x.test") == ("Old", "Basel", {"size": 39}, 2)
    assert fields("same@x.test") == ("Same", "", {}, 1)
    assert fields("left@x.test") == ("Left", "Basel", {}, 2)
    assert fields("blocked@x.test") == ("Blocked", "Bern", {}, 1)
    assert on(news) == [
        ("left@x.test", "unsubscribed"), ("new@x.test", "subscribed"), ("old@x.test", "subscribed"),
        ("same@x.test", "subscribed"),
    ]  # fmt: skip
    assert not Contact.objects.filter(email__in=["stranger@x.test", "anybody@gone.test"]).exists()
    news.refresh_from_db()
    assert news.subscribed_count == 3
    assert ActivityEntry.objects.order_by("-id").values_list("verb", flat=True)[0] == "import.done"


def test_the_same_file_again_writes_nothing(workspace, by, news):
    text = "Email,Vorname,Size\nana@x.test,Ana,38\nben@x.test,Ben,\n"
    Field.objects.create(workspace=workspace, key="size", label="Size", kind=Field.Kind.NUMBER)
    bring(workspace, by, text, on_list=news)
    with connection.cursor() as cursor:
        cursor.execute("select id, xmin::text, ctid::text from audiences_contact order by id")
        before = cursor.fetchall()
        assert bring(workspace, by, text, on_list=news).counts == {"read": 2, "unchanged": 2}
        cursor.execute("select id, xmin::text, ctid::text from audiences_contact order by id")
        assert cursor.fetchall() == before
    assert Consent.objects.count() == 2


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("take", ("File", "Basel", {"a": "file", "b": "file", "c": "here"}, 2)),
        ("fill", ("Here", "Basel", {"a": "here", "b": "file", "c": "here"}, 2)),
        ("leave", ("Here", "", {"a": "here", "c": "here"}, 1)),
    ],
)
def test_people_who_are_here_follow_the_decision(workspace, by, policy, expected):
    for key in "abc":
        Field.objects.create(workspace=workspace, key=key, label=key)
    ContactFactory(
        workspace=workspace, email="x@x.test", first_name="Here", city="", custom={"a": "here", "c": "here"}
    )
    bring(workspace, by, "Email,Vorname,City,a,b,c\nx@x.test,File,Basel,file,file,\n", policy=policy)
    assert fields("x@x.test") == expected


def test_who_was_taken_off_or_waits_is_no_leave(workspace, by, news):
    for status in ("removed", "pending"):
        SubscriptionFactory(
            list=news, contact=ContactFactory(workspace=workspace, email=f"{status}@x.test"), status=status
        )
    mine = bring(workspace, by, "Email\nremoved@x.test\npending@x.test\n", on_list=news)
    assert mine.counts == {"read": 2, "changed": 1, "unchanged": 1}
    assert on(news) == [("pending@x.test", "pending"), ("removed@x.test", "subscribed")]


def test_hostile_cells_are_text_or_a_reason(workspace, by):
    long = "l" * 65
    mine = begin(
        workspace, by,
        "Email,Vorname\n"
        f"a@x.test,<script>alert(1)</script>\nb@bücher.test,مرحبا\u202e\nc@x.test,😀👩‍👩‍👧\nd@x.test,\"two\nlines\tand\x07bell\"\n"
        f"{long}@x.test,too\ne@{'d' * 250}.test,far\nf@x.test,{'n' * 201}\n'=1+1'@x.test,=1+1\ng@x.test,one,two\n",
    )  # fmt: skip
    start(preview(mine, by), by)
    assert dict(Contact.objects.values_list("email", "first_name")) == {
        "a@x.test": "<script>alert(1)</script>", "b@xn--bcher-kva.test": "مرحبا\u202e", "c@x.test": "😀👩‍👩‍👧",
        "d@x.test": "two lines and bell", "'=1+1'@x.test": "=1+1",
    }  # fmt: skip
    assert [row.why for row in queries.rows_of(mine, "invalid").rows] == [
        "The address is too long: no mail server takes it",
        "The address is too long: no mail server takes it",
        f"“Vorname” holds “{'n' * 40}…”, more than the 200 letters the field takes",
        "The row has more cells than the heading has names",
    ]


# Consent


def test_who_is_new_on_a_list_has_a_consent_with_its_proof(workspace, by, news):
    ContactFactory(workspace=workspace, email="here@x.test")
    mine = begin(workspace, by, "Email,When,IP\nnew@x.test,2026-01-05 10:30,192.0.2.7\nhere@x.test,,\n")
    mapping = [
        {"to": "email", "as": "text"},
        {"to": "consent_at", "as": "date_ymd"},
        {"to": "consent_ip", "as": "text"},
    ]
    start(
        preview(
            mine,
            by,
            mapping,
            on_list=news,
            consent_source="Fair",
            consent_wording="Yes, write to me",
            consent_date=YESTERDAY,
        ),
        by,
    )
    rows = Consent.objects.order_by("contact__email").values_list(
        "contact__email", "list", "kind", "at", "ip"
    )
    assert list(rows) == [
        ("here@x.test", news.pk, "given", datetime.combine(YESTERDAY, datetime.min.time(), UTC), None),
        ("new@x.test", news.pk, "given", datetime(2026, 1, 5, 10, 30, tzinfo=UTC), "192.0.2.7"),
    ]
    basis = ConsentBasis.objects.get()
    assert (basis.source, basis.wording, basis.channel, basis.by) == ("Fair", "Yes, write to me", "email", by)


def test_consents_stay_as_they_were_written(workspace, by, news):
    bring(workspace, by, "Email\nana@x.test\n", on_list=news)
    for change in (
        lambda: Consent.objects.update(at=timezone.now()),
        lambda: ConsentBasis.objects.update(source="Something else"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    Consent.objects.all().delete()
    with pytest.raises(DatabaseError, match="append-only"):
        connection.check_constraints()


def left_before(workspace, news, days):
    contact = ContactFactory(workspace=workspace, email="left@x.test")
    SubscriptionFactory(
        list=news, contact=contact, status="unsubscribed", changed_at=timezone.now() - timedelta(days=days)
    )


def test_only_an_approver_brings_people_back(workspace, by, news):
    mine = begin(workspace, by, "Email\nleft@x.test\n")
    with pytest.raises(CannotDo, match="Only an approver"):
        preview(mine, by, on_list=news, resubscribes=True, consent_date=YESTERDAY)


def test_bringing_people_back_needs_the_day_they_agreed(workspace, approver, news):
    mine = begin(workspace, approver, "Email\nleft@x.test\n")
    with pytest.raises(CannotDo, match="Say when they agreed again"):
        preview(mine, approver, on_list=news, resubscribes=True)


def test_an_editor_may_not_start_what_an_approver_prepared(workspace, by, approver, news):
    mine = preview(
        begin(workspace, approver, "Email\nleft@x.test\n"),
        approver,
        on_list=news,
        resubscribes=True,
        consent_date=YESTERDAY,
    )
    with pytest.raises(CannotDo, match="Only an approver"):
        start(mine, by)


@pytest.mark.parametrize(("left_days_ago", "status"), [(10, "subscribed"), (0, "unsubscribed")])
def test_who_agreed_after_leaving_is_back_and_nobody_else(workspace, approver, news, left_days_ago, status):
    left_before(workspace, news, left_days_ago)
    bring(
        workspace, approver, "Email\nleft@x.test\n", on_list=news, resubscribes=True, consent_date=YESTERDAY
    )
    assert on(news) == [("left@x.test", status)]
    assert Consent.objects.count() == (1 if status == "subscribed" else 0)


def test_suppressed_people_stay_out_whoever_asks(workspace, approver, news):
    contact = ContactFactory(workspace=workspace, email="left@x.test", first_name="Ana")
    SuppressionFactory(contact=contact, at=timezone.now() - timedelta(days=30))
    mine = bring(
        workspace,
        approver,
        "Email,Vorname\nleft@x.test,Zoe\n",
        on_list=news,
        resubscribes=True,
        consent_date=YESTERDAY,
    )
    assert mine.counts == {"read": 1, "suppressed": 1}
    assert (on(news), fields("left@x.test")[0], queries.is_suppressed(contact)) == ([], "Ana", True)


def test_who_left_between_preview_and_import_stays_out(workspace, by, news):
    mine = preview(begin(workspace, by, "Email\nana@x.test\n"), by, on_list=news)
    services.suppress(
        workspace=workspace,
        email="ana@x.test",
        reason="unsubscribed",
        connection=None,
        at=timezone.now(),
        evidence={},
    )
    assert start(mine, by).counts == {"read": 1, "suppressed": 1}
    assert not Contact.objects.exists()


# Rolling back


def test_a_roll_back_leaves_everything_as_it_was(workspace, by, news):
    text = everybody(workspace, news)
    before = state_of(workspace)
    mine = bring(workspace, by, text, mapping=COLUMNS, on_list=news)
    assert state_of(workspace) != before
    undo(mine, by)
    assert (mine.state, mine.undone) == (
        Import.State.UNDONE,
        {"fields": 2, "lists": 0, "people": 1, "off": 0, "kept": 0},
    )
    assert state_of(workspace) == before


def test_a_roll_back_leaves_what_changed_since_and_says_which(workspace, by, news):
    old = ContactFactory(workspace=workspace, email="old@x.test", first_name="Old", city="Bern")
    mine = bring(
        workspace,
        by,
        "Email,Vorname,City\nold@x.test,New,Basel\nmade@x.test,Made,\nleft@x.test,Left,\n",
        on_list=news,
    )
    Contact.objects.filter(pk=old.pk).update(city="Chur", version=3)
    Contact.objects.filter(email="made@x.test").update(first_name="Else", version=2)
    Subscription.objects.filter(contact__email="left@x.test").update(status="unsubscribed")
    undo(mine, by)
    assert fields("old@x.test")[:2] == ("Old", "Chur")
    assert on(news) == [("left@x.test", "unsubscribed")]
    assert [(address, what) for _, address, what in queries.undone(mine, "kept").rows] == [
        ("old@x.test", "City"), ("left@x.test", "the person"),
    ]  # fmt: skip
    assert [(address, what) for _, address, what in queries.undone(mine, "off").rows] == [
        ("made@x.test", "the list News")
    ]
    assert mine.undone["kept"] == 3


def test_a_person_an_account_knows_is_taken_off_and_not_forgotten(workspace, by, news):
    mine = bring(workspace, by, "Email\nana@x.test\n", on_list=news)
    MirrorRow.objects.create(
        connection=ConnectionFactory(workspace=workspace),
        kind=MirrorKind.CONTACT,
        object_id=Contact.objects.get().pk,
        remote_id="1",
    )
    undo(mine, by)
    assert on(news) == [("ana@x.test", "removed")]
    assert Contact.objects.get().version == 2
    assert list(Consent.objects.order_by("id").values_list("kind", flat=True)) == ["given", "undone"]


def test_a_roll_back_takes_nobodys_word_back(workspace, by, news):
    mine = bring(workspace, by, "Email\nana@x.test\nben@x.test\ncem@x.test\n", on_list=news)
    ana, ben, cem = Contact.objects.order_by("email")
    Contact.objects.update(version=2)  # edited since, so they stay
    now = timezone.now()
    own = ConsentBasis.objects.create(workspace=workspace, source="Phone")
    for contact, kind, days in ((ben, "given", 9), (cem, "withdrawn", 9)):
        Consent.objects.create(contact=contact, basis=own, kind=kind, at=now - timedelta(days=days))

    undo(mine, by)

    def who(op):
        rule = rules.read({"join": "all", "rules": [{"kind": "consent", "of": "mail", "op": op}]})
        return {row.email for row in queries.contacts(People(workspace, rule=rule)).rows}

    assert [(row.get_kind_display(), row.basis.source) for row in ana.consents.order_by("id")] == [
        ("Given", "Shop"), ("Rolled back", "Shop"),
    ]  # fmt: skip
    assert {op: who(op) for op in ("given", "not_given", "denied")} == {
        "given": {"ben@x.test"}, "not_given": {"ana@x.test", "cem@x.test"}, "denied": {"cem@x.test"},
    }  # fmt: skip


def test_who_was_brought_back_leaves_again_with_a_roll_back(workspace, approver, news):
    left_before(workspace, news, 10)
    before = Subscription.objects.values("status", "evidence", "changed_at").get()
    mine = bring(
        workspace, approver, "Email\nleft@x.test\n", on_list=news, resubscribes=True, consent_date=YESTERDAY
    )
    undo(mine, approver)
    assert Subscription.objects.values("status", "evidence", "changed_at").get() == before


def test_nothing_imported_is_nothing_to_take_back(workspace, by):
    mine = preview(begin(workspace, by, "Email\nana@x.test\n"), by)
    with pytest.raises(CannotDo, match="Nothing was imported"):
        services.undo_import(mine=mine, by=by)


# Kills, twins, ends


class Killed(BaseException):
    """The worker is gone; nothing catches it."""


def many(count=9):
    return "Email,Vorname\n" + "".join(
        f"p{number % (count - 1)}@x.test,P{number}\n" for number in range(count)
    )


def crash(task):
    """The lease of the entry runs out, and the sweep frees it."""
    OutboxEntry.objects.filter(task=task, state="claimed").update(state="waiting", fence=99)


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_an_import_killed_between_chunks_goes_on_with_no_row_twice(workspace, by, news, monkeypatch, after):
    monkeypatch.setattr(applying, "CHUNK", 3)
    mine = preview(begin(workspace, by, many()), by, on_list=news)
    real, calls = applying.apply_next, []

    def dying(mine):
        calls.append(1)
        if len(calls) > after:
            raise Killed
        return real(mine)

    monkeypatch.setattr(applying, "apply_next", dying)
    with pytest.raises(Killed):
        start(mine, by)
    assert Contact.objects.count() == min(3 * after, 8)
    monkeypatch.setattr(applying, "apply_next", real)
    crash("audiences.run_import")
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.counts) == (Import.State.DONE, {"read": 9, "new": 8, "duplicate": 1})
    assert (Contact.objects.count(), len(on(news)), Consent.objects.count()) == (8, 8, 8)


def test_a_kill_within_a_chunk_leaves_nothing_of_it(workspace, by, news, monkeypatch):
    mine = preview(begin(workspace, by, many()), by, on_list=news)
    real = applying.remember

    def dying(*args, **checkpoint):
        raise Killed

    monkeypatch.setattr(applying, "remember", dying)
    with pytest.raises(Killed):
        start(mine, by)
    assert (Contact.objects.count(), Subscription.objects.count(), Consent.objects.count()) == (0, 0, 0)
    monkeypatch.setattr(applying, "remember", real)
    crash("audiences.run_import")
    work()
    assert Contact.objects.count() == 8


def test_reading_killed_midway_goes_on_where_it_was(workspace, by, monkeypatch):
    monkeypatch.setattr(staging, "BATCH", 2)
    mine = begin(workspace, by, many())
    real, calls = staging.remember, []

    def dying(*args, **checkpoint):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        real(*args, **checkpoint)

    monkeypatch.setattr(staging, "remember", dying)
    with pytest.raises(Killed):
        preview(mine, by)
    mine.refresh_from_db()
    assert mine.checkpoint == {"stage": 5, "rows": 4}
    monkeypatch.setattr(staging, "remember", real)
    crash("audiences.read_import")
    work()
    mine.refresh_from_db()
    assert mine.preview == {"read": 9, "new": 8, "duplicate": 1}


def test_rows_lost_with_the_database_are_read_again(workspace, by, monkeypatch):
    monkeypatch.setattr(running, "SLICE_SECONDS", -1)
    monkeypatch.setattr(staging, "BATCH", 2)
    mine = begin(workspace, by, many())
    services.preview_import(mine=mine, by=by, version=mine.version, decisions=running_decisions(mine))
    entry = OutboxEntry.objects.get(task="audiences.read_import")
    OutboxEntry.objects.update(not_before=timezone.now() - timedelta(minutes=1))
    from audiences.tasks.imports import read_import

    read_import(entry_id=entry.pk)
    mine.refresh_from_db()
    assert mine.checkpoint["stage"]
    with connection.cursor() as cursor:
        cursor.execute(f"truncate {Tables(mine).stage}")
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.preview["read"]) == (Import.State.READY, 9)


def running_decisions(mine):
    from audiences.importing.decisions import Decisions

    return Decisions(mine.mapping)


def test_a_roll_back_killed_between_chunks_goes_on(workspace, by, news, monkeypatch):
    from audiences.importing import undoing

    monkeypatch.setattr(applying, "CHUNK", 3)
    mine = bring(workspace, by, many(), on_list=news)
    real, calls = undoing.undo_next, []

    def dying(mine):
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return real(mine)

    monkeypatch.setattr(undoing, "undo_next", dying)
    with pytest.raises(Killed):
        undo(mine, by)
    monkeypatch.setattr(undoing, "undo_next", real)
    crash("audiences.undo_import")
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.undone["people"], Contact.objects.count()) == (Import.State.UNDONE, 8, 0)


def test_a_second_worker_on_the_same_chunk_writes_nothing(workspace, by):
    from accounts.outbox import LeaseLost

    mine = preview(begin(workspace, by, many()), by)
    services.start_import(mine=mine, by=by, version=mine.version)
    stale = Import.objects.select_related("workspace").get(pk=mine.pk)
    Tables(mine).make_result()
    assert applying.apply_next(mine) is True
    with pytest.raises(LeaseLost):
        applying.apply_next(stale)
    assert Contact.objects.count() == 8


def test_import_pressed_twice_is_one_import(workspace, by):
    mine = preview(begin(workspace, by, many()), by)
    version = mine.version
    services.start_import(mine=mine, by=by, version=version)
    with pytest.raises(CannotDo):
        services.start_import(mine=mine, by=by, version=version)
    work()
    assert Contact.objects.count() == 8


def test_cancelled_midway_what_is_there_stays_and_can_be_taken_back(workspace, by, monkeypatch):
    monkeypatch.setattr(applying, "CHUNK", 3)
    mine = preview(begin(workspace, by, many()), by)
    services.start_import(mine=mine, by=by, version=mine.version)
    services.cancel_import(mine=mine, by=by)
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.counts, Contact.objects.count()) == (
        Import.State.CANCELLED,
        {"read": 3, "new": 3},
        3,
    )
    assert not ImportBody.objects.exists()
    undo(mine, by)
    assert (mine.state, Contact.objects.count()) == (Import.State.UNDONE, 0)


def test_cancelled_before_it_began_nothing_is_kept(workspace, by):
    mine = preview(begin(workspace, by, many()), by)
    services.cancel_import(mine=mine, by=by)
    mine.refresh_from_db()
    assert (mine.state, mine.columns[0]["samples"], mine.has_rows) == (Import.State.CANCELLED, [], False)
    assert not ImportBody.objects.exists()
    assert not Tables(mine).holds(Tables(mine).stage)


def test_an_import_whose_work_was_set_aside_says_so_and_goes_on(workspace, by):
    mine = preview(begin(workspace, by, many()), by)
    services.start_import(mine=mine, by=by, version=mine.version)
    OutboxEntry.objects.filter(task="audiences.run_import").update(state="set_aside", note="Cut off.")
    assert services.end_stuck_imports() == 1
    mine.refresh_from_db()
    assert (mine.state, mine.note) == (Import.State.FAILED, "Cut off.")
    services.go_on(mine=mine, by=by)
    work()
    mine.refresh_from_db()
    assert (mine.state, Contact.objects.count()) == (Import.State.DONE, 8)


def test_file_and_rows_go_when_nobody_needs_them(workspace, by):
    ContactFactory(workspace=workspace, email="p1@x.test", first_name="Old")
    mine = bring(workspace, by, many())
    assert not ImportBody.objects.exists()
    assert mine.columns[0]["samples"] == []
    assert services.prune_imports() == 0
    Import.objects.update(finished_at=timezone.now() - timedelta(days=31))
    assert services.prune_imports() == 1
    mine.refresh_from_db()
    assert (mine.has_rows, ImportChange.objects.count(), mine.counts["read"]) == (False, 0, 9)
    assert not Tables(mine).holds(Tables(mine).stage)


def test_a_long_journal_goes_a_bit_at_a_time_and_nothing_is_rolled_back_meanwhile(
    browse, workspace, by, monkeypatch
):
    monkeypatch.setattr("audiences.journal.FORGOTTEN", 2)
    monkeypatch.setattr("audiences.services.imports.PRUNED_AT_ONCE", 1)
    for number in (1, 2, 3):
        ContactFactory(workspace=workspace, email=f"p{number}@x.test", first_name="Old")
    mine = bring(workspace, by, many())
    Import.objects.update(finished_at=timezone.now() - timedelta(days=31))

    assert (services.prune_imports(), ImportChange.objects.count()) == (0, 1)
    with pytest.raises(services.CannotImport, match="can no longer be rolled back"):
        services.undo_import(mine=mine, by=by)
    assert "Roll back" not in browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert (services.prune_imports(), ImportChange.objects.count(), mine.steps.count()) == (1, 0, 0)
    with pytest.raises(services.CannotImport, match="can no longer be rolled back"):
        services.undo_import(mine=mine, by=by)


def test_what_stopped_over_a_month_ago_is_not_gone_on_with(browse, workspace, by):
    mine = bring(workspace, by, many())
    stopped = {"state": "failed", "failed_in": "undoing", "finished_at": timezone.now() - timedelta(days=31)}
    Import.objects.update(**stopped)

    with pytest.raises(services.CannotImport, match="more than 30 days ago"):
        services.go_on(mine=mine, by=by)

    assert "Go on" not in browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()


def test_a_file_nobody_went_on_with_is_dropped_after_a_week(workspace, by):
    mine = begin(workspace, by, many())
    Import.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert services.prune_imports() == 1
    mine.refresh_from_db()
    assert mine.state == Import.State.CANCELLED
    assert not ImportBody.objects.exists()


# Rejects, hands


def test_the_rejects_name_line_and_reason_and_escape_formulas(workspace, by, news):
    SuppressionFactory(
        contact=None, workspace=workspace, email="stop@x.test", at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    mine = bring(
        workspace, by, 'Email,=Vorname,@City\n=1+1,-x,+y\na@x.test,A,\na@x.test,@B,Bern\nstop@x.test,S,\n"\t=x",y,\n',
    )  # fmt: skip
    assert "".join(queries.rejects_csv(mine)).replace("\r\n", "\n") == (
        "Line,Reason,Email,'=Vorname,'@City\n"
        "2,This is no address,'=1+1,'-x,'+y\n"
        "6,This is no address,'\t=x,y,\n"
        "4,The same address as in line 3,a@x.test,'@B,Bern\n"
        '5,"Left since 1 Jan 2026, told by Campanile",stop@x.test,S,\n'
    )


def test_one_person_by_hand_goes_by_the_same_rules(workspace, by, news):
    Field.objects.create(workspace=workspace, key="size", label="Size", kind=Field.Kind.NUMBER)
    person = services.add_person(
        workspace=workspace, by=by, email=" Ana@X.test", fields={"first_name": "Ana", "size": "38", "city": ""},
        on_list=news, consent_source="Phone",
    )  # fmt: skip
    assert (person.email, person.first_name, person.custom) == ("ana@x.test", "Ana", {"size": 38})
    assert on(news) == [("ana@x.test", "subscribed")]
    assert Consent.objects.get().basis.source == "Phone"
    undo(Import.objects.get(source="by_hand"), by)
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("email", "says"),
    [("nobody", "This is no address"), ("stop@x.test", "suppressed"), ("left@x.test", "left that list"), ("here@x.test", "just like this")],
)  # fmt: skip
def test_one_person_by_hand_is_refused_with_a_reason(workspace, by, news, email, says):
    SuppressionFactory(contact=None, workspace=workspace, email="stop@x.test")
    left_before(workspace, news, 3)
    SubscriptionFactory(list=news, contact=ContactFactory(workspace=workspace, email="here@x.test"))
    before = state_of(workspace)
    with pytest.raises(CannotDo, match=says):
        services.add_person(
            workspace=workspace, by=by, email=email, fields={}, on_list=news, consent_source="Phone"
        )
    assert (state_of(workspace), Import.objects.count()) == (before, 0)


def test_lists_of_other_workspaces_and_people_there_do_not_matter(workspace, by):
    other = WorkspaceFactory()
    SuppressionFactory(contact=ContactFactory(workspace=other, email="ana@x.test"))
    assert bring(workspace, by, "Email\nana@x.test\n").counts == {"read": 1, "new": 1}


def test_a_list_can_be_made_on_the_spot(workspace, by):
    bring(workspace, by, "Email\nana@x.test\n", new_list=" Spring  fair ", consent_source="Fair")
    assert on(List.objects.get(name="Spring fair")) == [("ana@x.test", "subscribed")]
    assert Suppression.objects.count() == 0


# An address that somebody had before


def moved(workspace, by, email="ana@new.test"):
    ana = ContactFactory(workspace=workspace, email="ana@old.test", first_name="Ana", last_name="Bell")
    services.edit_person(contact=ana, by=by, email=email, fields={}, seen={}, version=1)
    return ana


def test_who_left_and_got_a_new_address_does_not_come_back_by_the_old_one(workspace, by, news):
    ana = moved(workspace, by)
    SubscriptionFactory(list=news, contact=ana, status="unsubscribed")
    before = state_of(workspace)
    mine = bring(workspace, by, "Email\nana@old.test\n", on_list=news)
    assert (mine.preview, mine.counts) == ({"read": 1, "left": 1}, {"read": 1, "left": 1})
    with pytest.raises(CannotDo, match="left that list"):
        services.add_person(
            workspace=workspace, by=by, email="ana@old.test", fields={}, on_list=news, consent_source="Phone"
        )
    assert state_of(workspace) == before


def test_a_block_of_the_person_holds_for_the_address_they_had(workspace, by):
    ana = moved(workspace, by)
    SuppressionFactory(contact=ana, email="ana@new.test")
    before = state_of(workspace)
    assert bring(workspace, by, "Email,Vorname\nana@old.test,Else\n").counts == {"read": 1, "suppressed": 1}
    assert state_of(workspace) == before


def test_a_row_of_the_address_they_had_changes_the_person_once_and_is_taken_back(workspace, by, news):
    ana = moved(workspace, by)
    before = state_of(workspace)
    mine = bring(
        workspace, by, "Email,City\nana@old.test,Bern\nana@new.test,Basel\nana@old.test,Genf\n", on_list=news
    )
    assert (mine.preview, mine.counts) == (mine.counts, {"read": 3, "changed": 1, "duplicate": 2})
    assert [row.why for row in queries.rows_of(mine, "duplicate").rows] == [
        "The same person as in a line before", "The same address as in line 2",
    ]  # fmt: skip
    assert (on(news), fields("ana@new.test")[1]) == ([("ana@new.test", "subscribed")], "Bern")
    assert Consent.objects.get().contact == ana
    undo(mine, by)
    assert state_of(workspace) == before
    assert bring(workspace, by, "Email\nana@old.test\n").counts == {"read": 1, "unchanged": 1}
    assert (
        services.add_person(workspace=workspace, by=by, email="ana@old.test", fields={"city": "Bern"}) == ana
    )


def test_whoever_has_the_address_now_goes_first(workspace, by):
    moved(workspace, by)
    ContactFactory(workspace=workspace, email="ana@old.test", first_name="Other")
    assert bring(workspace, by, "Email,City\nana@old.test,Bern\n").counts == {"read": 1, "changed": 1}
    assert [fields(email)[1] for email in ("ana@new.test", "ana@old.test")] == ["", "Bern"]
