"""Journey 6: a campaign on its way."""

import re

from accounts.models import Role


def test_watch_pause_resume_and_cancel(visit, brand, colleague, sandbox, account, connected, released):
    sandbox.control("seed", provider="brevo", account=account, pace={"send": 600})  # more than enough time
    visit.log_in(colleague(Role.APPROVER).email, brand.name)
    visit.press("link", "November letter", inside="main")
    visit.arrive("November letter")
    visit.page.evaluate("window.isTheSamePage = true")
    visit.see("Sending", inside="#delivery .cluster")
    visit.see("Its last word", inside="#delivery")
    visit.see(re.compile(r"\b[1-9]\d* of 4\d people"), inside="#delivery .progress")  # it moves by itself
    assert visit.page.evaluate("window.isTheSamePage")
    visit.check_page()

    visit.press("button", "Pause", inside="#delivery")
    visit.see("Paused", inside="#delivery .cluster")
    visit.check_page()
    visit.press("button", "Resume", inside="#delivery")
    visit.see("Sending", inside="#delivery .cluster")
    assert visit.clicks <= 3

    visit.press("button", "Cancel…", inside="#delivery")
    visit.focus_is_in("#confirm-cancel")
    visit.check_page()
    visit.press("button", "Cancel the campaign", inside="#confirm-cancel")
    visit.see("Stopped", inside="#delivery .cluster")
    for number in ("Surely got it", "Surely did not", "Not known yet"):
        visit.see(number, inside="#delivery")
    visit.check_page()
    assert visit.clicks <= 5  # the table counts no confirmation; what cannot be called back asks for one

    state = sandbox.read("state", provider="brevo", account=account)["state"]
    mailed = [event[3] for event in state["events"][max(state["events"], key=int)] if event[1] == "sent"]
    assert len(mailed) == len(set(mailed)) < 40
    visit.read_the_log(
        "Released “November letter”",
        "to pause “November letter”",
        "to resume “November letter”",
        "to cancel “November letter”",
        "was cancelled on the way",
    )
