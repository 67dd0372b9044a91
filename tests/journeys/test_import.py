"""Journey 2: people from a file, seen before they are imported, and taken back."""

import csv
import io
import re

import pytest

from accounts.models import Role
from audiences.models import Contact, Import, List, Subscription
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory, SuppressionFactory

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{% now %}{{ 7|add:7 }}"
FILE = (
    "E-Mail;Vorname;Wohnort;Kundin seit;Rabatt\r\n"
    "ana@reader.example;Ana;Bern;3.2.2019;12,5\r\n"
    "Ben@Reader.example;Ben;Zürich;31.12.2020;\r\n"
    "known@reader.example;Kim;Basel;;\r\n"
    "same@reader.example;Sam;;;\r\n"
    "left@reader.example;Lou;;;\r\n"
    "stop@reader.example;Pat;;;\r\n"
    "ana@reader.example;Anna;;;\r\n"
    "nobody-at-all;Nora;;;\r\n"
).encode("cp1252")


@pytest.fixture
def news(brand):
    """A list with people for each outcome."""
    mine = ListFactory(workspace=brand, name="News")
    ListFactory(workspace=brand, name="Guests")
    for email, first_name, status in (
        ("known@reader.example", "Kim", "subscribed"),
        ("same@reader.example", "Sam", "subscribed"),
        ("left@reader.example", "Lou", "unsubscribed"),
    ):
        person = ContactFactory(workspace=brand, email=email, first_name=first_name)
        SubscriptionFactory(list=mine, contact=person, status=status)
    SuppressionFactory(contact=ContactFactory(workspace=brand, email="stop@reader.example"))
    return mine


def drop(visit, body, name="people.csv"):
    """The file arrives as if it had been dropped: no click."""
    visit.page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": body}
    )


def figures(visit):
    """Label → number, as the page shows them."""
    found = visit.page.locator(".figure")
    return {
        found.nth(index).locator(".figure__label").inner_text().strip(): int(
            re.sub(r"\D", "", found.nth(index).locator(".figure__value").inner_text())
        )
        for index in range(found.count())
    }


def test_import_a_file_and_take_it_back(visit, brand, colleague, news):
    people = {row.pk for row in Contact.objects.filter(workspace=brand)}
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Contacts")
    visit.press("link", "Import", inside="main", exact=True)
    visit.arrive("Import people")
    drop(visit, FILE)
    visit.arrive("people.csv")
    visit.see("Windows-1252", inside="#import")
    visit.focus_is_in("#import")
    visit.check_page()
    visit.pick("Goes to, for Kundin seit", "New field")
    visit.pick("Put them on the list", "News")
    visit.type("Where their consent comes from", "Form on our website")
    visit.press("button", "Preview")
    visit.see("What would become of 8 rows", inside="#import")
    visit.focus_is_in("#import")
    visit.check_page()
    said = figures(visit)
    assert said == {
        "New": 2, "Changed": 1, "Unchanged": 1, "Twice in the file": 1, "Invalid": 1, "Left before": 1, "Suppressed": 1,
    }  # fmt: skip
    visit.press("button", "Import", inside="main")
    visit.see("What became of 8 rows", inside="#import")
    visit.check_page()

    assert visit.clicks == 5
    assert figures(visit) == said
    on_list = Subscription.objects.filter(list=news).values_list("contact__email", "status")
    assert sorted(on_list) == [
        ("ana@reader.example", "subscribed"), ("ben@reader.example", "subscribed"),
        ("known@reader.example", "subscribed"), ("left@reader.example", "unsubscribed"),
        ("same@reader.example", "subscribed"),
    ]  # fmt: skip
    assert Contact.objects.get(workspace=brand, email="ana@reader.example").custom == {
        "kundin_seit": "2019-02-03"
    }

    visit.press("link", "1", inside=".figure:has-text('Suppressed') .figure__value")
    visit.see("Left since", inside="#rows")
    visit.press("button", "Roll back", inside="main")
    visit.press("button", "Roll back", inside="dialog[open]")
    visit.see("2 people whom nothing else kept here are gone again", inside="#import")
    visit.focus_is_in("#import")
    visit.check_page()
    assert {row.pk for row in Contact.objects.filter(workspace=brand)} == people
    visit.turn_to("Imports")
    visit.see("Rolled back", inside="#imports")
    visit.read_the_log("Started the import of people.csv", "Rolled back the import of people.csv")


@pytest.mark.parametrize("manner", ["mouse"])
def test_what_a_file_holds_is_only_words(visit, brand, colleague):
    visit.page.on("dialog", lambda dialog: visit.complaints.append(f"A script ran: {dialog.message}"))
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Imports")
    visit.press("link", "Import a file", inside="main")
    visit.arrive("Import people")
    text = io.StringIO()
    table = [
        ["Email", "Vorname", HOSTILE],
        ["ana@reader.example", HOSTILE, "\u202eRTL 😀"],
        [HOSTILE, "x", "y"],
    ]
    csv.writer(text, delimiter="\t").writerows(table)
    visit.type("Rows", text.getvalue())
    visit.press("button", "Go on with these rows")
    visit.arrive("Pasted rows")
    visit.see(HOSTILE, inside="#import")
    visit.type("Or on a new list", HOSTILE)
    visit.type("Where their consent comes from", HOSTILE)
    visit.press("button", "Preview")
    visit.see("What would become of 2 rows", inside="#import")
    visit.see(HOSTILE, inside="#rows")
    visit.check_page()
    visit.press("button", "Import", inside="main")
    visit.see("What became of 2 rows", inside="#import")
    assert List.objects.filter(workspace=brand).get().name == HOSTILE
    visit.read_the_log("Started the import of Pasted rows")


@pytest.mark.parametrize("manner", ["keyboard"])
def test_a_file_that_is_none_says_so_and_another_one_can_follow(visit, brand, colleague):
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Contacts")
    visit.press("link", "Import", inside="main", exact=True)
    visit.arrive("Import people")
    drop(visit, b"PK\x03\x04nonsense", "people.xlsx")
    visit.arrive("people.xlsx")
    visit.see("This archive is damaged", inside="#import")
    visit.check_page()
    visit.press("link", "Import another file")
    visit.arrive("Import people")
    visit.press("link", "Add one person by hand")
    visit.arrive("Add a person")
    visit.type("Address", "ana@reader.example")
    visit.type("First name", "Ana")
    visit.press("button", "Add", exact=True)
    visit.arrive("Ana")
    assert Import.objects.filter(workspace=brand, state="done", source="by_hand").count() == 1
    visit.read_the_log("Added a person by hand")
