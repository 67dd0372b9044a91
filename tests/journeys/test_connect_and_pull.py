"""Journey 1, and the ways it fails safely."""

import re

import pytest

from accounts.models import Connection, Role
from audiences.models import Contact, List

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{% now %}{{ 7|add:7 }}"


def show_where_the_sandbox_is(visit, sandbox):
    """Only somebody who tries things out has to say that the account is not at the provider's own address."""
    clicks = visit.clicks
    visit.activate(visit.page.locator("summary", has_text="Advanced"))
    visit.type("Base URL", sandbox.base_url())
    visit.clicks = clicks


def begin(visit, brand, colleague, sandbox, key):
    """As far as the answer to *Check*."""
    visit.log_in(colleague(Role.ADMIN).email, brand.name)
    visit.press("link", "Connect an account")
    visit.arrive("Connect an account")
    visit.press("link", "Brevo")
    visit.arrive("Connect Brevo")
    visit.type("API key", key)
    show_where_the_sandbox_is(visit, sandbox)
    visit.press("button", "Check")


def test_connect_an_account_and_pull_it(visit, brand, colleague, sandbox, account):
    begin(visit, brand, colleague, sandbox, account)
    visit.see("Northwind Travel", inside="#check")
    for fact in ("Plan", "Senders", "news@northwind.example", "Credits left", "What it can do"):
        visit.see(fact, inside="#check")
    visit.focus_is_in("#check")
    visit.check_page()
    visit.press("button", "Save and pull")
    visit.arrive("Northwind Travel")
    visit.see("Open the mirror", inside="#pull")
    visit.check_page()
    visit.press("link", "Open the mirror")
    visit.arrive("Northwind Travel")
    visit.press("link", "Lists", inside="main", exact=True)
    visit.arrive("Lists")
    visit.see("News", inside="main")

    assert visit.clicks == 6
    counts = dict(List.objects.filter(workspace=brand).values_list("name", "subscribed_count"))
    assert counts == {"News": 48, "Guests": 49}
    calls = sandbox.read("log", provider="brevo", account=account)["calls"]
    assert {call["method"] for call in calls} == {"GET"}
    visit.read_the_log("Connected Northwind Travel", "Robin Admin")


@pytest.mark.parametrize("manner", ["mouse"])
def test_a_key_that_opens_nothing_is_told_and_replaced(visit, brand, colleague, sandbox):
    begin(visit, brand, colleague, sandbox, "no-such-key")
    visit.see("The account could not be read", inside="#check")
    visit.check_page()
    visit.press("link", "Try again")
    visit.arrive("Connect Brevo")
    assert visit.field("API key").input_value() == ""
    assert not Connection.objects.filter(workspace=brand, status=Connection.Status.READY).exists()


@pytest.mark.parametrize("manner", ["mouse"])
def test_a_suspended_account_is_told(visit, brand, colleague, sandbox):
    begin(visit, brand, colleague, sandbox, "sandbox-suspended-x")
    visit.see("The account could not be read", inside="#check")
    visit.see(re.compile("suspend|activat", re.IGNORECASE), inside="#check")
    visit.check_page()


@pytest.mark.parametrize("manner", ["mouse"])
def test_a_pull_told_to_slow_down_waits_and_ends_whole(visit, brand, colleague, sandbox, account):
    sandbox.control(
        "faults",
        provider="brevo",
        account=account,
        method="GET",
        path="/contacts",
        kind="status",
        status=429,
        headers={
            "x-sib-ratelimit-limit": "10",
            "x-sib-ratelimit-remaining": "0",
            "x-sib-ratelimit-reset": "2",
        },
        times=2,
    )
    begin(visit, brand, colleague, sandbox, account)
    visit.see("Northwind Travel", inside="#check")
    visit.press("button", "Save and pull")
    visit.arrive("Northwind Travel")
    visit.see("Open the mirror", inside="#pull")
    visit.see("Done", inside="#pull")
    assert Contact.objects.filter(workspace=brand).count() == 81
    visit.read_the_log("Connected Northwind Travel")


@pytest.mark.parametrize("manner", ["mouse"])
def test_hostile_words_are_words(visit, brand, colleague, sandbox, account):
    """Whatever an account holds is shown as text, on every page that shows it."""
    sandbox.control(
        "seed",
        provider="brevo",
        account=account,
        company=HOSTILE,
        lists=[{"name": HOSTILE, "folder": HOSTILE}],
        contacts=[
            {
                "email": "hostile@northwind.example",
                "attributes": {"FIRSTNAME": HOSTILE, "LASTNAME": "{{ contact.email }}"},
                "lists": [0],
            }
        ],
        campaigns=[{"name": HOSTILE, "subject": HOSTILE, "lists": [0], "status": "sent", "daysAgo": 2}],
    )
    visit.page.on("dialog", lambda dialog: visit.complaints.append(f"A script ran: {dialog.message}"))
    begin(visit, brand, colleague, sandbox, account)
    visit.see(HOSTILE, inside="#check")
    visit.press("button", "Save and pull")
    visit.arrive(HOSTILE)
    visit.see("Open the mirror", inside="#pull")
    for page in ("Campaigns", "Contacts", "Lists", "Reports", "Connections"):
        visit.turn_to(page)
        visit.see(HOSTILE, inside="main")
    visit.read_the_log(HOSTILE)
