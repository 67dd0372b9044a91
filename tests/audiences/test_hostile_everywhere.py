"""The worst words in each field of everything: text on every page of the audience, and no formula in a file."""

import csv
import io
from html.parser import HTMLParser

import pytest
from django.urls import URLPattern

from accounts.models import OutboxEntry
from audiences import services, urls
from audiences.models import (
    BulkAction,
    Contact,
    Export,
    Field,
    Folder,
    Import,
    List,
    Segment,
    Suppression,
    Tag,
    Tagging,
)
from audiences.queries.contacts import People
from tests.audiences.importing import begin, preview, start
from tests.factories import ContactFactory, SubscriptionFactory, SuppressionFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db

BAD = "=<script>alert(1)</script>\"'&amp;{{ 1 }}{% x %}\u202eevil\u0007😀"
MARK, SHOWN = "<script>alert", "&lt;script&gt;alert"
FORMULA = ("=", "+", "-", "@", "\t", "\r")

# What is only done, and shows no page of its own.
POSTED = {
    "look_for_duplicates", "choose_columns", "choose_bulk", "begin_bulk", "cancel_bulk", "go_on_with_bulk", "undo_bulk",
    "suppress", "change_lists", "rename_folder", "remove_folder", "count_fields", "rename_field",
    "change_choices", "delete_field", "map_field", "go_on_with_field", "duplicate_segment",
    "archive_segment", "restore_segment", "count_segment", "paste", "open_import_again", "preview_import",
    "change_columns", "start_import", "cancel_import", "go_on_with_import", "roll_back_import",
    "cancel_export", "make_export_again", "throw_away_export", "merge_tag", "delete_tag", "tag_person",
    "untag_person", "export_person", "erase_person", "record_return", "record_consent",
    "paste_suppressions", "lift_suppression",
}  # fmt: skip


class Loose(HTMLParser):
    """Collects foreign text that could turn its neighbours around."""

    # What is text of its own, is drawn by the browser, or is only read aloud.
    APART = ("bdi", "option", "title", "textarea", "visually-hidden")
    EMPTY = ("area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr", "use", "path")

    def __init__(self) -> None:
        super().__init__()
        self.within: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            apart = "visually-hidden" if ("class", "visually-hidden") in attrs else tag
            self.within.append("bdi" if ("dir", "auto") in attrs else apart)

    def handle_endtag(self, tag):
        if self.within:
            self.within.pop()

    def handle_data(self, data):
        if "\u202e" in data and "\u2068" not in data and not set(self.within) & set(self.APART):
            self.found.append(f"{self.within[-3:]}: {data.strip()[:40]}")


@pytest.fixture
def there(workspace, member):
    """Everything once, named as badly as it can be; parameter of a URL → its value."""
    by = member("admin")
    field = Field.objects.create(
        workspace=workspace, key="bad", label=BAD, kind=Field.Kind.CHOICE, choices=[BAD]
    )
    folder = Folder.objects.create(workspace=workspace, name=BAD)
    list_ = List.objects.create(workspace=workspace, folder=folder, name=BAD, description=BAD)
    tag = Tag.objects.create(workspace=workspace, name=BAD)
    person = ContactFactory(
        workspace=workspace, email="ana@x.test", first_name=BAD, last_name=BAD, language="=fr", city=BAD, country=BAD[:80],
        phone="+1-cmd", custom={"bad": BAD},
    )  # fmt: skip
    SubscriptionFactory(list=list_, contact=person)
    Tagging.objects.create(tag=tag, contact=person)
    segment = Segment.objects.create(
        workspace=workspace, name=BAD, description=BAD,
        rule={"join": "all", "rules": [{"kind": "list", "of": list_.pk, "op": "on", "name": BAD},
                                       {"kind": "field", "of": "bad", "op": "is", "value": [BAD]}]},
    )  # fmt: skip
    block = SuppressionFactory(workspace=workspace, contact=person, evidence={"reason": BAD, "said": BAD})
    # Read from a file, with its heading.
    rows = io.StringIO()
    csv.writer(rows).writerows(
        [["Email", "Vorname", BAD], ["ben@x.test", BAD, BAD], [BAD, BAD, BAD], ["cleo@x.test", "=1+1", "@x"]]
    )
    mine = begin(workspace, by, rows.getvalue(), name=f"{BAD}.csv")
    mapping = [
        column | {"to": to} for column, to in zip(mine.mapping, ("email", "first_name", "city"), strict=True)
    ]
    mine = start(preview(mine, by, mapping, on_list=list_, consent_source=BAD, consent_wording=BAD), by)
    assert (mine.state, mine.counts["new"], mine.counts["invalid"]) == (Import.State.DONE, 2, 1)
    bulk = services.begin_bulk(
        workspace=workspace, by=by, action=BulkAction.Action.TAG, people=People(workspace, words="test"),
        arguments={"new_tag": BAD},
    )  # fmt: skip
    export = services.begin_export(
        workspace=workspace, by=by, kind=Export.Kind.PEOPLE, title=BAD, selection=People(workspace).as_json(),
        columns=["email", "first_name", "last_name", "language", "city", "country", "phone", "custom:bad", "lists", "tags", "consent"],
        written_as=Export.Format.CSV, total=3,
    )  # fmt: skip
    OutboxEntry.objects.exclude(task="audiences.export").delete()
    run_outbox("audiences.export")
    return {
        "contact_id": person.pk, "list_id": list_.pk, "folder_id": folder.pk, "key": field.key, "tag_id": tag.pk,
        "import_id": mine.pk, "export_id": export.pk, "bulk_id": bulk.pk, "suppression_id": block.pk,
        "segment_id": segment.pk,
        "kind": "joined",
    }  # fmt: skip


def pages(there):
    """(name, address) of every page there is something for."""
    for pattern in urls.urlpatterns:
        names = pattern.pattern.converters if isinstance(pattern, URLPattern) else {"?": None}
        if set(names) <= set(there):
            path = str(pattern.pattern)
            for name, converter in names.items():
                kind = {"IntConverter": "int", "SlugConverter": "slug"}.get(type(converter).__name__, "str")
                path = path.replace(f"<{kind}:{name}>", str(there[name]))
            yield pattern.name, path


def test_no_page_runs_or_turns_what_it_is_told(browse, workspace, there):
    client = browse("admin")
    showing, wrong, other = 0, [], {}
    for name, path in [
        *pages(there),
        *(("import", f"imports/{there['import_id']}/?show={show}") for show in Import.Outcome.values),
    ]:
        reply = client.get(f"/w/acme/{path}")
        if reply.status_code != 200:
            other[name] = reply.status_code
            continue
        if reply.streaming:
            continue
        text = reply.content.decode()
        showing += SHOWN in text
        loose = Loose()
        loose.feed(text)
        if MARK in text or loose.found:
            wrong.append((path, MARK in text, loose.found))
    assert wrong == []
    assert showing > 10
    # Where nobody is asked for, it leads to where that is done.
    assert other == dict.fromkeys(POSTED, 302) | {"held": 302}


def test_no_cell_of_a_file_is_a_formula(browse, workspace, there):
    client = browse("admin")
    for path in (f"exports/{there['export_id']}/file/", f"imports/{there['import_id']}/rejects/"):
        reply = client.get(f"/w/acme/{path}")
        assert reply.status_code == 200, path
        told = list(
            csv.reader(io.StringIO(b"".join(reply.streaming_content).decode("utf-8-sig"), newline=""))
        )
        assert len(told) > 1
        assert [cell for row in told for cell in row if cell.startswith(FORMULA)] == []
        assert any(cell.startswith("'=<script>") for row in told for cell in row)


def test_all_of_it_is_kept_as_it_was_written(workspace, there):
    assert Contact.objects.get(email="ana@x.test").first_name == BAD
    # A file's letters of control are none of a name's.
    assert Contact.objects.get(email="ben@x.test").first_name == BAD.replace("\u0007", " ")
    assert not Suppression.objects.exclude(pk=there["suppression_id"]).exists()
