"""Journey 7: what came of a campaign, and who."""

import csv
from pathlib import Path

from playwright.sync_api import expect

from accounts.models import Role
from campaigns.models import Campaign


def people_by_deed(sandbox, account, deeds):
    """Addresses of everybody of whom one of the deeds is told in the newest campaign, as the account knows them."""
    events = sandbox.read("state", provider="brevo", account=account)["state"]["events"]
    return {event[3] for event in events[max(events, key=int)] if event[1] in deeds}


def test_read_the_report_and_export_people(
    visit, brand, colleague, campanile, sandbox, account, connected, released
):
    campanile.wait_for(
        lambda: Campaign.objects.get(pk=released.pk).status == Campaign.Status.SENT, "The end of the sending"
    )
    done = {"delivered", "hard", "soft"}
    campanile.wait_for(
        lambda: people_by_deed(sandbox, account, {"sent"}) == people_by_deed(sandbox, account, done),
        "A word about every mail",
    )
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Reports")
    visit.press("link", "November letter", inside="main")
    visit.arrive("November letter")
    delivered = people_by_deed(sandbox, account, {"delivered"})
    expect(visit.figure("Delivered")).to_have_text(str(len(delivered)))
    for part in ("Time line", "Links", "Mailbox domains", "Campanile and the account"):
        visit.see(part, inside="#figures")
    visit.check_page()

    visit.activate(visit.figure("Delivered"))
    visit.arrive("Delivered")
    for email in delivered:
        visit.see(email, inside="#people")
    visit.check_page()
    with visit.page.expect_download() as download:
        visit.press("button", "Export", inside="main")
    rows = csv.reader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines())
    assert {row[0] for row in list(rows)[1:]} == delivered
    assert visit.clicks <= 3  # comparing, with two clicks more, is not among the pages yet
    visit.read_the_log("Exported the people of “November letter”: delivered.")
