"""The main job at every provider, from connecting an account to its report, with what each page says is different there."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import OutboxEntry, Role
from accounts.providers import PROVIDERS, provider_class
from audiences.models import Subscription
from campaigns.models import Delivery
from tests.accounts_there import MAILED
from tests.journeys.conftest import TESTER

NAME = "Northwind Travel"
SENDER = "Northwind <news@northwind.example>"


@dataclass(frozen=True)
class Course:
    """What somebody types to connect, and what they are told on the way; empty where there is nothing to say."""

    typed: dict[str, str]  # by label; {} is the name of the account over there, here as well
    name: str = NAME
    on_checks: str = ""
    on_test: str = ""
    after_test: str = "Sent"
    on_review: str = "A draft of this campaign, read back and compared"
    on_confirm: str = "as soon as everything is prepared and read back"
    why_no_pause: str = ""
    on_watch: str = "It went out"
    at_first: str = ""
    on_report: tuple[str, ...] = ("Time line", "Mailbox domains", "Campanile and the account")
    not_on_report: str = "Totals only"


COURSES = {
    "brevo": Course(
        {"API key": "{}"},
        on_test="Brevo sends 50 test mails a day, to addresses it knows and has not blocked.",
    ),
    "especial": Course(
        {"E-mail address": "{}@example.test", "Password": "anything"},
        at_first="People come later",
    ),
    "mailmojo": Course(
        {},
        on_checks="Subject: everybody reads “friend”. How Mailmojo writes a person's values into a mail is not public.",
        why_no_pause="Mailmojo cannot pause a newsletter.",
        on_watch="of nobody what became of their mail",
        on_report=("Totals only", "Mailmojo tells no program who opened or clicked a newsletter"),
        not_on_report="Time line",
    ),
    "leadfox": Course(
        {"API key": "{}", "Secret": "anything"},
        on_checks="Subject: everybody reads “friend”. How Leadfox fills in a person's values is not published",
        on_test="A test goes out as a campaign of its own to a list that holds the testers alone.",
        after_test="It leaves as a campaign of its own",
        why_no_pause="Leadfox knows no pause",
        on_watch="of nobody what became of their mail",
        on_report=("Totals only", "Leadfox gives counts alone and does not say who opened or clicked."),
        not_on_report="Time line",
    ),
    "emailcampaigns": Course(
        {"Token": "{}"},
        name="{}.example (127.0.0.1)",  # it tells no name: the domain of its first sender, and the host
        on_checks="Subject: everybody reads “friend”. No merge tags are known for this account",
        on_test="The account sends no test mails.",
        after_test="It leaves as a campaign of its own",
        on_review="The campaign itself, armed as it is made",
        on_confirm="in 17 min at the earliest",
        at_first="People come later",
        on_report=("Mailbox domains", "Campanile and the account"),
        not_on_report="Time line",
    ),
}


@pytest.fixture
def unhurried(sandbox):
    """Afterwards the sandbox keeps our time again, however far its clock was put forward."""
    yield
    sandbox.control("reset")


@pytest.mark.parametrize("manner", ["mouse"])
@pytest.mark.parametrize("slug", PROVIDERS)
def test_from_the_account_to_its_report(
    visit, brand, colleague, campanile, sandbox, account, slug, unhurried
):
    course, provider = COURSES[slug], provider_class(slug)
    able = provider.capabilities
    visit.log_in(colleague(Role.ADMIN).email, brand.name)
    connect(visit, course, provider, account)
    if not able.has_senders:
        add_sender(visit)

    compose(visit, able)
    visit.see(course.on_checks, inside="#checks")
    send_test(visit, course)
    before, wanted = mailed(sandbox, slug, account), subscribers(brand)
    visit.press("link", "Review")
    visit.arrive("Review")
    for question in (
        "Who receives it",
        "What they read",
        "From whom",
        "When it goes",
        f"What is made at {provider.name}",
    ):
        visit.see(question)
    visit.see(course.on_review)
    visit.press("radio", "As soon as possible")
    visit.press("button", "Release…")
    visit.focus_is_in("#confirm-release")
    visit.see(course.on_confirm, inside="#confirm-release")
    visit.check_page()
    visit.press("button", "Send to", inside="#confirm-release")
    visit.arrive("First letter")

    pause = visit.page.locator("#delivery").get_by_role("button", name="Pause")
    expect(pause).to_be_enabled(enabled=able.pauses_campaigns)
    if course.why_no_pause:
        visit.see(course.why_no_pause, inside="#delivery")
    visit.check_page()
    if provider.least_lead:
        let_its_time_come(campanile, sandbox, brand)
    visit.see("Sent", inside="#delivery .cluster")
    visit.see(course.on_watch, inside="#delivery")
    visit.check_page()

    visit.press("link", "Report", inside="main")
    expect(visit.page).to_have_title(re.compile("^Report: First letter"))
    visit.arrive("First letter")
    visit.see(course.at_first, inside="#figures")
    if course.at_first == "People come later":
        visit.check_page()
        let_people_be_read(campanile, brand)
        visit.page.reload()
    for words in course.on_report:
        visit.see(words, inside="#figures")
    expect(visit.page.locator("#figures")).not_to_contain_text(course.not_on_report)
    visit.check_page()

    by_this = mailed(sandbox, slug, account) - before
    del by_this[TESTER]  # where a test is a campaign of its own
    assert by_this == dict.fromkeys(wanted, 1)
    visit.read_the_log(
        f"Connected {course.name.format(account)}", "Sent a test of “", "Released “First letter”"
    )


def subscribers(brand):
    """Addresses on News that may be written to."""
    on_news = Subscription.objects.filter(list__workspace=brand, list__name="News", status="subscribed")
    stayed = on_news.exclude(contact__email__in=brand.suppressions.values("email"))
    return list(stayed.values_list("contact__email", flat=True))


def mailed(sandbox, slug, account):
    """Address → how often campaigns of the account have mailed it."""
    return Counter(MAILED[slug](sandbox.read("state", provider=slug, account=account)["state"]))


def let_its_time_come(campanile, sandbox, brand):
    """A quarter of an hour over there; here the account is read once more, as it is when that long has passed."""
    delivery = Delivery.objects.get(campaign__workspace=brand, campaign__is_imported=False)
    campanile.wait_for(
        lambda: Delivery.objects.get(pk=delivery.pk).state == Delivery.State.ACCEPTED, "The account's yes"
    )
    sandbox.control("clock", advance=20 * 60)
    long_ago = timezone.now() - timedelta(minutes=16)
    Delivery.objects.filter(pk=delivery.pk).update(remote_read_at=long_ago)


def let_people_be_read(campanile, brand):
    """As ten minutes after the end."""
    asking = OutboxEntry.objects.filter(workspace=brand, task="reporting.read_back")
    campanile.wait_for(asking.exists, "The plan to ask who it was")
    asking.update(not_before=timezone.now())
    campanile.wait_for(asking.filter(payload__round=1).exists, "The people of the first round")


def connect(visit, course, provider, account):
    visit.press("link", "Connect an account")
    visit.arrive("Connect an account")
    visit.press("link", provider.name, inside="main")
    visit.arrive(f"Connect {provider.name}")
    for label, value in course.typed.items():
        visit.type(label, value.format(account))
    if course.typed:
        visit.press("button", "Check")
    else:
        visit.press("link", f"Go on to {provider.name}")
        visit.arrive("Campanile asks for access")
        visit.type("Account", account)
        visit.press("button", "Allow")
    visit.see(course.name.format(account), inside="#check")
    visit.see("What it can do", inside="#check")
    visit.focus_is_in("#check")
    visit.check_page()
    visit.press("button", "Save and pull")
    visit.arrive(course.name.format(account))
    visit.see("Open the mirror", inside="#pull")
    visit.see("Done", inside="#pull")
    visit.check_page()


def add_sender(visit):
    """Where the account keeps none, any may be written."""
    visit.turn_to("Senders")
    visit.press("button", "Add sender")
    visit.focus_is_in("#add-sender")
    visit.type("Name", "Northwind", inside="#add-sender")
    visit.type("Address", "news@northwind.example", inside="#add-sender")
    visit.press("button", "Add sender", inside="#add-sender")
    visit.see("Takes any", inside="#senders")
    visit.check_page()


def compose(visit, able):
    visit.turn_to("Campaigns")
    visit.press("link", "New campaign")
    visit.arrive("New campaign")
    visit.press("button", "Blank")
    visit.arrive("")
    visit.type("Name", "First letter")
    visit.pick("From", SENDER)
    visit.tick("News")
    visit.type("Subject", 'Good day, {{ contact.first_name|default:"friend" }}')
    visit.type("Preview text", "A first letter")
    visit.type("Words", "Hello from the mountains", inside=".block >> nth=0")
    visit.page.locator(".block textarea").first.fill(
        "Good day,\n\n[Look at the tours](https://northwind.example/tours)"
    )
    visit.is_saved()
    visit.check_page()


def send_test(visit, course):
    visit.press("button", "Send test", inside=".page-header")
    visit.focus_is_in("#test-dialog")
    if course.on_test:
        visit.see(course.on_test, inside="#test-dialog")
    visit.press("button", "Send test", inside="#test-dialog")
    visit.see(f"To {TESTER}", inside="#tests")
    visit.see(course.after_test, inside="#tests")
    visit.check_page()


@pytest.mark.parametrize("manner", ["keyboard"])
def test_what_each_account_can_do_is_opened_and_read(visit, brand, colleague):
    visit.log_in(colleague(Role.VIEWER).email, brand.name)
    visit.turn_to("Connections")
    visit.press("link", "What each account can do", inside="main")
    visit.arrive("What each account can do")
    row = visit.page.get_by_role("row", name="A campaign on its way can be paused.")
    answer = row.locator("details").filter(has_text="Leadfox")
    visit.activate(answer.locator("summary"))
    expect(answer.locator("p")).to_be_visible()
    expect(answer).to_contain_text("Leadfox knows no pause")
    visit.check_page()
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.check_page()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
