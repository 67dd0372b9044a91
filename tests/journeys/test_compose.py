"""Journey 4: from a template to a test mail."""

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from audiences.models import Segment
from campaigns.models import Template
from tests.campaigns.segments import make_segment
from tests.factories import TemplateFactory
from tests.journeys.conftest import TESTER


@pytest.fixture
def template(brand) -> Template:
    return TemplateFactory(
        workspace=brand,
        name="Monthly letter",
        subject="Out and about",
        blocks=[
            {"id": "head", "type": "heading", "text": "Out and about", "size": "large", "align": "left"},
            {"id": "body", "type": "text", "text": 'Dear {{ contact.first_name|default:"friend" }},', "align": "left"},
            {"id": "foot", "type": "footer", "text": ""},
        ],
    )  # fmt: skip


@pytest.fixture
def segment(brand, connected) -> Segment:
    guests = {"kind": "list", "of": brand.lists.get(name="Guests").pk, "op": "on"}
    return make_segment(brand, "Guests of this house", guests, mailable_count=48)


def test_compose_from_a_template_preview_and_test(
    visit, brand, colleague, sandbox, account, connected, template, segment
):
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Campaigns")
    visit.press("link", "New campaign")
    visit.arrive("New campaign")
    visit.press("button", "Monthly letter")
    visit.arrive("")
    expect(visit.field("Account").locator("option:checked")).to_have_text("Northwind Travel")  # the only one
    visit.pick("From", "Northwind <news@northwind.example>")
    visit.tick("\u2068Guests of this house\u2069 (48 mailable; counted just now)")
    visit.type("Subject", 'Snow is near, {{ contact.first_name|default:"friend" }}')
    visit.type("Preview text", "Three tours for short days")
    visit.type(
        "Words",
        'Dear {{ contact.first_name|default:"friend" }},\n\n[Look at the tours](https://northwind.example/tours)',
        inside="#block-body",
    )
    # As a reader drags its corner: the size goes along when the blocks are drawn anew, and no complaint is heard of it.
    clicks = visit.clicks
    visit.page.locator("#block-body textarea").evaluate("place => (place.style.height = '9rem')")
    visit.press("button", "Move up", inside="#block-body")
    visit.focus_is_in("#block-body")
    visit.press("button", "Move down", inside="#block-body")
    visit.clicks = clicks
    visit.is_saved()
    visit.see("In order", inside="#checks")

    mail = visit.page.frame_locator("#preview iframe").locator("body")
    expect(mail).to_contain_text("Dear ")
    visit.press("button", "Phone", inside="#preview")
    expect(visit.page.locator("#preview")).to_have_attribute("data-showing", "phone")
    visit.press("link", "The one with most gaps", inside="#preview")
    expect(visit.page.locator("#preview")).to_contain_text("Snow is near, ")
    visit.page.evaluate("scrollTo(0, 0)")  # a button half under the top bar counts as too small
    visit.check_page()

    visit.press("button", "Send test", inside=".page-header")
    visit.focus_is_in("#test-dialog")
    visit.check_page()
    visit.press("button", "Send test", inside="#test-dialog")
    visit.see(f"To {TESTER}", inside="#tests")
    visit.see("Sent", inside="#tests")
    expect(visit.page.locator("#test-dialog")).to_be_hidden()
    visit.focus_is_in(".page-header")
    visit.check_page()

    assert visit.clicks <= 8
    state = sandbox.read("state", provider="brevo", account=account)["state"]
    assert [mail["to"] for mail in state["test_mails"]] == [TESTER]
    draft = next(there for there in state["campaigns"].values() if there["status"] == "draft")
    assert draft["fields"]["subject"] == 'Snow is near, {{ contact.FIRSTNAME | default : "friend" }}'
    visit.turn_to("Reports")
    assert "Snow is near" not in visit.page.inner_text("main")
    visit.read_the_log("Created “", "Sent a test of “")
