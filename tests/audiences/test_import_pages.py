"""The pages of imports: roles, foreign workspaces, what was typed, and what is never shown."""

import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import attention
from accounts.models import ActivityEntry
from audiences import queries, services
from audiences.importing import bodies
from audiences.models import Contact, Import, ImportBody
from tests.audiences.importing import begin, bring, on, preview, work
from tests.factories import ContactFactory, ListFactory, SuppressionFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db

FILE = "Email,Vorname\nana@x.test,Ana\nnobody,N\nstop@x.test,S\n"


def upload(client, content=None, name="people.csv"):
    content = FILE.encode() if content is None else content
    return client.post("/w/acme/imports/new/", {"file": SimpleUploadedFile(name, content)})


def columns(mine, **values):
    """The form of the columns as the page sends it."""
    data = {"version": mine.version, "policy": "take"}
    for index, column in enumerate(mine.mapping):
        data |= {f"to_{index}": column["to"], f"as_{index}": column["as"]}
    return data | values


def test_from_file_to_result_by_pages_alone(browse, workspace):
    client = browse("editor")
    news = ListFactory(workspace=workspace, name="News")
    reply = upload(client)
    mine = Import.objects.get()
    assert (reply.status_code, reply.url) == (302, f"/w/acme/imports/{mine.pk}/")
    assert b"Opening the file" in client.get(reply.url).content
    work()
    mine.refresh_from_db()
    assert b"Read as UTF-8, separated by commas" in client.get(reply.url).content
    url = reply.url
    typed = columns(mine, on_list=news.pk, consent_source="Fair")
    assert client.post(f"{url}preview/", typed).status_code == 302
    work()
    mine.refresh_from_db()
    page = client.get(url)
    assert [(figure["name"], figure["count"]) for figure in page.context["figures"]] == [
        ("new", 2), ("changed", 0), ("unchanged", 0), ("duplicate", 0), ("invalid", 1), ("left", 0), ("suppressed", 0),
    ]  # fmt: skip
    assert b'href="?show=invalid#rows"' in page.content
    invalid = client.get(url, {"show": "invalid"}).content
    assert "This is no address" in invalid.decode()
    assert client.post(f"{url}start/", {"version": mine.version}).status_code == 302
    work()
    assert on(news) == [("ana@x.test", "subscribed"), ("stop@x.test", "subscribed")]
    done = client.get(url).content.decode()
    assert "What became of 3 rows" in done
    rejects = client.get(f"{url}rejects/")
    assert b"".join(rejects.streaming_content).splitlines()[1] == b"3,This is no address,nobody,N"
    assert rejects.headers["Content-Disposition"] == 'attachment; filename="people-left-out.csv"'
    assert client.post(f"{url}roll-back/").status_code == 302
    work()
    assert "Rolled back" in client.get(url).content.decode()
    assert not Contact.objects.exists()
    verbs = ActivityEntry.objects.order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["import.started", "import.done", "import.rejects", "import.undo", "import.undone"]


@pytest.mark.parametrize("name", ["people.csv", "../../etc/passwd.csv", "a\u202ecsv\n.exe"])
def test_a_files_name_is_only_a_name(browse, workspace, name):
    upload(browse("editor"), name=name)
    assert "/" not in Import.objects.get().name
    assert "\n" not in Import.objects.get().name


def test_the_same_file_twice_leads_to_the_one_import(browse, workspace):
    first, second = upload(browse("editor")), upload(browse("editor"))
    assert first.url == second.url
    assert Import.objects.count() == 1


def test_a_zip_dropped_here_is_opened(browse, workspace, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("people.csv", FILE)
    upload(browse("editor"), (tmp_path / "x.zip").read_bytes(), "x.zip")
    work()
    assert Import.objects.get().state == Import.State.MAPPING


def test_an_upload_beyond_the_limit_is_dropped_as_it_comes_in(browse, workspace, monkeypatch):
    monkeypatch.setattr("accounts.uploads.MAX_BYTES", 10)
    reply = upload(browse("editor"))
    assert reply.status_code == 422
    assert "larger than 200 MB" in reply.content.decode()
    assert not ImportBody.objects.exists()


def test_no_file_is_told(browse, workspace):
    client = browse("editor")
    assert upload(client, b"").status_code == 422
    assert client.post("/w/acme/imports/new/").status_code == 422
    assert not Import.objects.exists()


@pytest.mark.parametrize(
    "line",
    [
        "ana@x.test, ben@x.test; cid@x.test",
        'Ana <ana@x.test>, "Bell, Ben" <ben@x.test>; cid@x.test',
        "ana@x.test\nben@x.test, cid@x.test",
        "ana@x.test ben@x.test | cid@x.test",
        "ana@x.test; ben@x.test cid@x.test",
    ],
)
def test_every_person_of_a_pasted_line_is_read(browse, workspace, line):
    browse("editor").post("/w/acme/imports/new/paste/", {"rows": line})
    text = b"".join(bodies.blocks(Import.objects.get())).decode()
    assert [re.search(r"\w+@x\.test", row)[0] for row in text.splitlines()] == [
        "ana@x.test",
        "ben@x.test",
        "cid@x.test",
    ]


def test_pasted_rows_are_imported_like_a_file(browse, workspace):
    client = browse("editor")
    assert client.post("/w/acme/imports/new/paste/", {"rows": " "}).status_code == 422
    reply = client.post("/w/acme/imports/new/paste/", {"rows": "Email\tVorname\nana@x.test\tAna\n"})
    work()
    mine = Import.objects.get()
    assert (reply.url, mine.source, mine.state) == (f"/w/acme/imports/{mine.pk}/", "pasted", "mapping")
    assert [column["to"] for column in mine.mapping] == ["email", "first_name"]


def test_what_was_typed_stays_when_something_is_missing(browse, workspace, by):
    news = ListFactory(workspace=workspace)
    mine = begin(workspace, by, FILE)
    url = f"/w/acme/imports/{mine.pk}/"
    reply = browse("editor").post(
        f"{url}preview/", columns(mine, on_list=news.pk, consent_wording="Yes please", to_1="new")
    )
    assert reply.status_code == 422
    form = reply.context["columns"]
    assert list(form.errors) == ["consent_source"]
    assert (form["consent_wording"].value(), form["to_1"].value(), form["on_list"].value()) == (
        "Yes please",
        "new",
        str(news.pk),
    )


def test_another_encoding_can_be_chosen(browse, workspace, by):
    mine = begin(workspace, by, FILE)
    url = f"/w/acme/imports/{mine.pk}/"
    client = browse("editor")
    assert client.post(f"{url}open/", {"encoding": "nonsense"}).status_code == 422
    assert (
        client.post(f"{url}open/", {"encoding": "latin-1", "delimiter": ";", "heading": "0"}).status_code
        == 302
    )
    work()
    mine.refresh_from_db()
    assert (mine.dialect["encoding"], mine.dialect["delimiter"], mine.dialect["has_header"]) == (
        "latin-1",
        ";",
        False,
    )


def test_an_editor_cannot_tick_what_needs_an_approver(browse, workspace, by):
    news = ListFactory(workspace=workspace)
    mine = begin(workspace, by, FILE)
    url = f"/w/acme/imports/{mine.pk}/"
    client = browse("editor")
    assert b"This needs the role Approver" in client.get(url).content
    client.post(
        f"{url}preview/",
        columns(mine, on_list=news.pk, consent_source="x", resubscribes="on", consent_date="2026-01-01"),
    )
    mine.refresh_from_db()
    assert not mine.resubscribes


WRITES = [
    "new/",
    "new/paste/",
    "{}/open/",
    "{}/preview/",
    "{}/columns/",
    "{}/start/",
    "{}/cancel/",
    "{}/go-on/",
    "{}/roll-back/",
]


@pytest.mark.parametrize("path", WRITES)
def test_viewers_change_nothing(browse, workspace, by, path):
    mine = begin(workspace, by, FILE)
    assert browse("viewer").post(f"/w/acme/imports/{path.format(mine.pk)}").status_code == 403


@pytest.mark.parametrize("path", ["", *(path.removeprefix("{}/") for path in WRITES[2:]), "rejects/"])
def test_imports_of_another_workspace_look_like_nothing(browse, workspace, member, path):
    other = WorkspaceFactory()
    mine = preview(begin(other, member("editor"), FILE), member("editor"))
    client = browse("admin")
    url = f"/w/acme/imports/{mine.pk}/{path}"
    assert (client.get(url) if path in ("", "rejects/") else client.post(url)).status_code == 404
    mine.refresh_from_db()
    assert mine.state == Import.State.READY


def test_a_list_of_another_workspace_is_no_choice(browse, workspace, by):
    foreign = ListFactory()
    mine = begin(workspace, by, FILE)
    reply = browse("editor").post(
        f"/w/acme/imports/{mine.pk}/preview/", columns(mine, on_list=foreign.pk, consent_source="x")
    )
    assert reply.status_code == 422
    assert list(reply.context["columns"].errors) == ["on_list"]


@pytest.mark.parametrize("show", ["new", "invalid", "suppressed"])
def test_viewers_see_no_address(browse, workspace, by, show):
    SuppressionFactory(contact=None, workspace=workspace, email="stop@x.test")
    text = FILE + "ana@@x.test,ben@y.test\n"
    waiting = begin(workspace, by, "Email,Other\nana@x.test,ben@y.test\n")
    mine = bring(workspace, by, text)
    client = browse("viewer")
    for url in (
        f"/w/acme/imports/{mine.pk}/?show={show}",
        f"/w/acme/imports/{waiting.pk}/",
        "/w/acme/imports/",
    ):
        content = client.get(url).content.decode()
        for address in ("ana@x.test", "stop@x.test", "ben@y.test", "ana@@x"):
            assert address not in content
    assert client.get(f"/w/acme/imports/{mine.pk}/rejects/").status_code == 403


def test_viewers_see_no_address_in_where_the_consent_comes_from(browse, workspace, by):
    news = ListFactory(workspace=workspace)
    mine = bring(
        workspace, by, "Email\nana@x.test\n", on_list=news, consent_source="Letter of ben@secret.test"
    )
    assert "Letter of ben@secret.test" in browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert "Letter of b…@s…" in browse("viewer").get(f"/w/acme/imports/{mine.pk}/").content.decode()


def test_viewers_see_no_address_in_what_an_import_changed(browse, workspace, by):
    ContactFactory(workspace=workspace, email="ana@x.test", city="old@secret.test")
    mine = bring(workspace, by, "Email,City\nana@x.test,new@secret.test\n")
    url = f"/w/acme/imports/{mine.pk}/?show=changed"

    seen = {role: browse(role).get(url).context["rows"][0].changes for role in ("editor", "viewer")}

    assert seen == {
        "editor": [("City", "old@secret.test", "new@secret.test")],
        "viewer": [("City", "o…@s…", "n…@s…")],
    }


def test_hostile_words_are_text_on_every_page(browse, workspace, by):
    hostile = "<script>alert(1)</script>"
    ContactFactory(workspace=workspace, email="old@x.test", city="Bern")
    text = f"Email,{hostile},City\nnew@x.test,{hostile},\nold@x.test,,{hostile}\n{hostile},,\n"
    client = browse("approver")
    mine = begin(workspace, by, text, name=f"{hostile}.csv")
    pages = [client.get(f"/w/acme/imports/{mine.pk}/").content, client.get("/w/acme/imports/").content]
    preview(
        mine,
        by,
        [mine.mapping[0], {"to": "new", "as": "text"}, {"to": "city", "as": "text"}],
        new_list=hostile,
        consent_source=hostile,
    )
    for show in Import.Outcome.values:
        pages.append(client.get(f"/w/acme/imports/{mine.pk}/?show={show}").content)
    for page in pages:
        assert b"<script>alert" not in page
        assert b"&lt;script&gt;alert" in page


@pytest.mark.parametrize(
    "query", ["show=odd", "after=x", "after=" + "9" * 40, "show=new&after=-1", "show=%00"]
)
def test_odd_addresses_show_the_page(browse, workspace, by, query):
    mine = preview(begin(workspace, by, FILE), by)
    assert browse().get(f"/w/acme/imports/{mine.pk}/?{query}").status_code == 200


def test_the_preview_names_the_columns_that_are_left_out(browse, workspace, by):
    mine = preview(begin(workspace, by, "Email,Shoe,Empty,Of <b>z@x.test\nana@x.test,38,,x\n"), by)
    pages = [
        " ".join(browse(role).get(f"/w/acme/imports/{mine.pk}/").content.decode().split())
        for role in ("editor", "viewer")
    ]
    told = "2 columns are left out: <bdi>Shoe</bdi>, <bdi>Of &lt;b&gt;"
    assert [f"{told}z@x.test</bdi>." in page for page in pages] == [True, False]
    assert [told in page for page in pages] == [True, True]


def test_rows_behind_a_number_come_in_pages(browse, workspace, by):
    mine = preview(begin(workspace, by, "Email\n" + "".join(f"p{n:03}@x.test\n" for n in range(60))), by)
    client = browse()
    first = client.get(f"/w/acme/imports/{mine.pk}/?show=new").context
    second = client.get(f"/w/acme/imports/{mine.pk}/?show=new&after={first['after']}").context
    assert [row.address for row in [*first["rows"], *second["rows"]]] == [
        f"p{n:03}@x.test" for n in range(60)
    ]
    assert second["after"] is None


def test_pages_cost_the_same_for_one_row_and_three(browse, workspace, by):
    client = browse()

    def queries_of(url):
        client.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    one = preview(begin(workspace, by, "Email\np1@x.test\n"), by)
    costs = [queries_of("/w/acme/imports/"), queries_of(f"/w/acme/imports/{one.pk}/")]
    three = preview(begin(workspace, by, "Email\np1@x.test\np2@x.test\np3@x.test\n"), by)
    begin(workspace, by, "Email\np1@x.test\np2@x.test\n")
    assert [queries_of("/w/acme/imports/"), queries_of(f"/w/acme/imports/{three.pk}/")] == costs


def test_what_is_under_way_is_told_and_polled(browse, workspace, by):
    mine = preview(begin(workspace, by, FILE), by)
    services.start_import(mine=mine, by=by, version=mine.version)
    client = browse()
    url = f"/w/acme/imports/{mine.pk}/"
    reply = client.get(url, headers={"HX-Request": "true", "HX-Target": "import"}).content.decode().strip()
    assert reply.startswith('<section id="import"')
    assert 'hx-trigger="every 1s"' in reply
    assert [item.title for item in attention.running(workspace)] == ["Importing people.csv"]
    work()
    assert (
        'hx-trigger="every 1s"'
        not in client.get(url, headers={"HX-Request": "true", "HX-Target": "import"}).content.decode()
    )


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("imports/new/paste/", "imports/new/"),
        ("imports/7/preview/", "imports/7/"),
        ("suppressions/import/paste/", "suppressions/import/"),
        ("tags/7/delete/", "tags/7/"),
        ("contacts/7/suppress/", "contacts/7/"),
    ],
)
def test_where_only_forms_are_sent_leads_to_the_page_with_the_form(browse, workspace, path, page):
    client = browse("editor")
    replies = [
        client.get(f"/w/acme/{path}?a=b"),
        client.head(f"/w/acme/{path}"),
        client.put(f"/w/acme/{path}"),
    ]
    assert [(reply.status_code, reply.headers.get("Location")) for reply in replies] == [
        (302, f"/w/acme/{page}"), (302, f"/w/acme/{page}"), (405, None),
    ]  # fmt: skip


def test_empty_pages_say_what_to_do(browse, workspace):
    assert b"Import a file" in browse("editor").get("/w/acme/imports/").content
    assert b"Import a file" not in browse("viewer").get("/w/acme/imports/").content
    assert b"/w/acme/imports/new/" in browse("editor").get("/w/acme/contacts/").content


@pytest.mark.parametrize("content", [FILE.encode(), b"PK\x03\x04nonsense"])
def test_whoever_may_import_is_led_on_from_one_that_was_cancelled_or_has_stopped(
    browse, workspace, by, content
):
    mine = begin(workspace, by, content)
    if mine.state == Import.State.MAPPING:
        services.cancel_import(mine=mine, by=by)
    pages = [
        browse(role).get(f"/w/acme/imports/{mine.pk}/").content.decode() for role in ("editor", "viewer")
    ]
    assert ["Import another file" in page for page in pages] == [True, False]


def test_a_long_heading_is_cut_where_a_reason_names_it(workspace, by):
    mine = begin(workspace, by, f"Email,{'x' * 90}\nana@x.test,{'y' * 201}\n")
    preview(mine, by, [mine.mapping[0], {"to": "first_name", "as": "text"}])
    (row,) = queries.rows_of(mine, "invalid").rows
    assert row.why == f"“{'x' * 40}…” holds “{'y' * 40}…”, more than the 200 letters the field takes"


def test_a_person_is_added_by_hand(browse, workspace):
    news = ListFactory(workspace=workspace)
    client = browse("editor")
    typed = {"email": "Ana@X.test", "field_first_name": "Ana", "on_list": news.pk, "consent_source": ""}
    reply = client.post("/w/acme/contacts/new/", typed)
    assert reply.status_code == 422
    assert reply.context["form"]["field_first_name"].value() == "Ana"
    reply = client.post("/w/acme/contacts/new/", typed | {"consent_source": "Phone"})
    assert reply.url == f"/w/acme/contacts/{Contact.objects.get().pk}/"
    assert on(news) == [("ana@x.test", "subscribed")]
    assert browse("viewer").get("/w/acme/contacts/new/").status_code == 403
