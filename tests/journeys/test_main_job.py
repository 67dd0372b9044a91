"""From log-in to report in one go, as somebody does on the first day."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.test_connect_and_pull import begin


@pytest.mark.parametrize("manner", ["mouse"])
def test_from_log_in_to_report(visit, brand, colleague, sandbox, account):
    begin(visit, brand, colleague, sandbox, account)
    visit.press("button", "Save and pull")
    visit.arrive("Northwind Travel")
    visit.see("Open the mirror", inside="#pull")

    visit.turn_to("Campaigns")
    visit.press("link", "New campaign")
    visit.arrive("New campaign")
    visit.press("button", "Blank")
    visit.arrive("")
    visit.type("Name", "First letter")
    visit.pick("From", "Northwind <news@northwind.example>")
    visit.tick("News")
    visit.type("Subject", "Hello from the mountains")
    visit.type("Preview text", "A first letter")
    words = visit.page.locator(".block textarea").first
    words.fill("Good day,\n\n[Look at the tours](https://northwind.example/tours)")
    visit.type("Words", "Hello from the mountains", inside=".block >> nth=0")
    visit.is_saved()
    visit.check_page()
    visit.press("link", "Review")
    visit.arrive("Review")
    for question in (
        "Who receives it",
        "What they read",
        "From whom",
        "When it goes",
        "What is made at Brevo",
    ):
        visit.see(question)
    visit.press("radio", "As soon as possible")
    visit.press("button", "Release…")
    visit.focus_is_in("#confirm-release")
    visit.check_page()
    visit.press("button", "Send to", inside="#confirm-release")
    visit.arrive("First letter")
    visit.see("Sent", inside="#delivery .cluster")
    visit.check_page()
    visit.press("link", "Report", inside="main")
    expect(visit.page).to_have_title(re.compile("^Report: First letter"))
    visit.arrive("First letter")
    expect(visit.figure("Delivered")).to_be_visible()
    visit.check_page()
    visit.read_the_log("Connected Northwind Travel", "Created “", "Released “First letter”")
