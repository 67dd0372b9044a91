"""What becomes of each row, through services and the outbox: outcomes, rejects, one person typed in, former addresses."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from accounts.models import ActivityEntry
from accounts.refusals import CannotDo
from audiences import queries, services
from audiences.models import (
    Consent,
    Contact,
    Field,
    Import,
    List,
    Suppression,
)
from tests.audiences.importing import (
    begin,
    bring,
    fields,
    left_before,
    on,
    preview,
    start,
    state_of,
    undo,
)
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db


def outcomes(mine):
    """Outcome → [(line, address, what changes, why)] as the page shows them."""
    return {
        name: [(row.line, row.address, row.changes, row.why) for row in queries.rows_of(mine, name).rows]
        for name in Import.Outcome.values
        if mine.preview.get(name)
    }


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
        "read": 12, "new": 2, "changed": 1, "unchanged": 1, "duplicate": 1, "invalid": 2, "left": 1, "suppressed": 4,
        "left_changed": 1,
    }  # fmt: skip
    assert outcomes(mine) == {
        "new": [(2, "new@x.test", [], ""), (7, "sized@x.test", [], "")],
        "changed": [(3, "old@x.test", [("City", "Bern", "Basel"), ("Size", "38", "39")], "")],
        "unchanged": [(4, "same@x.test", [], "")],
        "duplicate": [(5, "new@x.test", [], "The same address as in line 2")],
        "invalid": [
            (6, "nobody · N", [], "This is no address"),
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
        ("same@x.test", "subscribed"), ("sized@x.test", "subscribed"),
    ]  # fmt: skip
    assert not Contact.objects.filter(email__in=["stranger@x.test", "anybody@gone.test"]).exists()
    news.refresh_from_db()
    assert news.subscribed_count == 4
    assert ActivityEntry.objects.order_by("-id").values_list("verb", flat=True)[0] == "import.done"


def test_a_roll_back_leaves_everything_as_it_was(workspace, by, news):
    text = everybody(workspace, news)
    before = state_of(workspace)
    mine = bring(workspace, by, text, mapping=COLUMNS, on_list=news)
    assert state_of(workspace) != before
    undo(mine, by)
    assert (mine.state, mine.undone) == (
        Import.State.UNDONE,
        {"fields": 2, "lists": 0, "people": 2, "off": 0, "kept": 0},
    )
    assert state_of(workspace) == before


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
        '5,"Left since 1 Jan 2026, told by Campanile",stop@x.test,S,\n'
    )


def test_a_reason_quotes_a_cell_as_it_was_before_a_download_guarded_it(workspace, by):
    mapping = [{"to": "email", "as": "text"}, {"to": "consent_ip", "as": "text"}]
    mine = preview(begin(workspace, by, "Email,IP\na@x.test,'+41 44\n"), by, mapping)
    assert "".join(queries.rejects_csv(mine)).splitlines()[1:] == [
        '2,"“IP” holds “+41 44”, no IP address such as 192.0.2.7",a@x.test,\'+41 44'
    ]


def test_a_row_whose_first_one_counts_stands_in_a_file_of_its_own(workspace, by):
    """Imported again, it would write over the other."""
    mine = bring(workspace, by, "Email,City\na@x.test,Bern\nnobody,Ulm\nA@x.test,@Graz\n")
    assert "".join(queries.rejects_csv(mine)).splitlines()[1:] == ["3,This is no address,nobody,Ulm"]
    assert "".join(queries.rejects_csv(mine, ["duplicate"])).splitlines() == [
        "Line,Reason,Email,City", "4,The same address as in line 2,A@x.test,'@Graz",
    ]  # fmt: skip


def test_one_person_by_hand_goes_by_the_same_rules(workspace, by, news):
    Field.objects.create(workspace=workspace, key="size", label="Size", kind=Field.Kind.NUMBER)
    person = services.add_person(
        workspace=workspace, by=by, email=" Ana@X.test", fields={"first_name": "Ana", "size": "38", "city": ""},
        on_list=news, consent_source="Phone",
    )  # fmt: skip
    assert (person.email, person.first_name, person.custom) == ("ana@x.test", "Ana", {"size": 38})
    assert on(news) == [("ana@x.test", "subscribed")]
    assert Consent.objects.get().basis.source == "Phone"
    logged = ActivityEntry.objects.latest("id")
    assert (logged.verb, logged.actor, logged.object_id) == ("contact.added", by, person.pk)
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
