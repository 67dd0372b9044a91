"""Journey 1, and the ways it fails safely."""

from accounts.models import Role
from audiences.models import List


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
