"""The installation, the browser and the people of the journeys.

Web, worker, beat and sandbox run once for all journeys, on the test database, which is emptied when they have ended.
Each journey has a workspace and a provider account of its own.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django.db import connection, connections
from playwright.sync_api import Browser, expect, sync_playwright

from accounts import pulls
from accounts.models import Connection, Pull, Role, User, Workspace
from campaigns.models import Campaign
from campaigns.services.release import release_campaign
from tests.conftest import SandboxServer
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    MembershipFactory,
    UserFactory,
    WorkspaceFactory,
)
from tests.installation import TIMES, Installation, environment
from tests.journeys.visit import PASSWORD, Visit
from tests.providers.conftest import CREDENTIALS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
]
PATIENCE_SECONDS = 45  # for anything that must become true on a page
PACE = TIMES | {"POLL_SECONDS": 2, "LEAVES_SECONDS": 2, "SEND_NOW_LEAD_SECONDS": 1}
MANNERS = ["mouse", "keyboard"]
TESTER = "editor@northwind.example"  # gets test mails; the account knows the address

# Playwright keeps an event loop in this thread; our own calls to the database are not made from it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="package")
def campanile(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with django_db_blocker.unblock():
        made = Installation(environment(django_settings.REDIS_URL, PACE), tmp_path_factory.mktemp("logs"))
        made.broker.flushdb()
        try:
            made.start_sandbox()
            made.start_web()
            made.start_worker()
            made.start_beat()
            yield made
        finally:
            made.stop()
            made.wait_for(_nobody_else_is_connected, "The end of all connections to the database")
            call_command("flush", interactive=False, verbosity=0)


def _nobody_else_is_connected() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
        return cursor.fetchone() == (0,)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("There is no chromium on PATH (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_SECONDS * 1000)
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(autouse=True)
def transactional_db(campanile: Installation, django_db_blocker: Any) -> Iterator[None]:
    """In place of pytest-django's: emptying all tables after each journey would get in the worker's way."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()  # beside Playwright's event loop Django opens one of its own


@pytest.fixture
def sandbox(campanile: Installation) -> SandboxServer:
    return campanile.sandbox


@pytest.fixture(params=MANNERS)
def manner(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def visit(browser: Browser, campanile: Installation, manner: str) -> Iterator[Visit]:
    """Whoever uses the keyboard alone also has dark pages, so that both looks are checked."""
    by_keyboard = manner == "keyboard"
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        color_scheme="dark" if by_keyboard else "light",
        reduced_motion="reduce",
        timezone_id="Europe/Zurich",
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    page = context.new_page()
    yield Visit(page, campanile.env["PUBLIC_URL"], by_keyboard=by_keyboard)
    context.close()


@pytest.fixture
def brand(transactional_db: None) -> Workspace:
    """A workspace for this journey alone."""
    slug = f"brand-{Workspace.objects.count() + 1}"
    return WorkspaceFactory(slug=slug, name="Northwind", test_addresses=TESTER)


@pytest.fixture
def colleague(brand: Workspace) -> Callable[..., User]:
    """`colleague("editor")` is a member of the workspace who can log in."""

    def make(role: str = Role.ADMIN) -> User:
        if known := User.objects.filter(email=f"{role}@{brand.slug}.example").first():
            return known
        user = UserFactory(email=f"{role}@{brand.slug}.example", name=f"Robin {role.title()}")
        user.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
        user.save()
        MembershipFactory(user=user, workspace=brand, role=role)
        return user

    return make


@pytest.fixture
def slug() -> str:
    """The provider of the journey; a journey by each of them is parametrized with this name."""
    return "brevo"


@pytest.fixture
def account(sandbox: SandboxServer, brand: Workspace, slug: str) -> str:
    """The name of an account of this journey alone: two lists, eighty people and a tester, a campaign of last week."""
    name = f"sandbox-{brand.slug}"
    tester = {"email": TESTER, "fields": {"first_name": "Edith"}, "lists": [1]}
    sandbox.control(
        "seed",
        provider=slug,
        account=name,
        company="Northwind Travel",
        credits=5000,
        pace={"send": 4, "react": 4, "process": 0.2},
        domains=[{"name": "northwind.example", "authenticated": True}],
        senders=[{"name": "Northwind", "email": "news@northwind.example", "active": True}],
        lists=["News", "Guests"],
        contacts=[*(_guest(number) for number in range(80)), tester],
        campaigns=[
            {"name": "Last week", "subject": "What was on", "lists": [0], "status": "sent", "daysAgo": 7}
        ],
    )
    return name


def _guest(number: int) -> dict[str, Any]:
    """Everybody is on one of two lists, every fifth on both."""
    names = ("Ana", "Ben", "Cleo", "Dora", "Emil", "Fatma", "Goran", "Hana")
    return {
        "email": f"guest{number}@mail{number % 3}.example",
        "fields": {"first_name": names[number % len(names)], "last_name": f"Guest {number}"},
        "lists": [0, 1] if number % 5 == 0 else [number % 2],
    }


@pytest.fixture
def connected(
    campanile: Installation,
    sandbox: SandboxServer,
    brand: Workspace,
    account: str,
    slug: str,
    colleague: Callable[..., User],
) -> Connection:
    """The account, connected and pulled."""
    connection = ConnectionFactory(
        workspace=brand, provider=slug, base_url=sandbox.base_url(slug), name="Northwind Travel"
    )
    connection.set_credentials(CREDENTIALS[slug](account))
    connection.save()
    pull = pulls.start(connection=connection, by=colleague(Role.ADMIN))
    campanile.wait_for(lambda: not Pull.objects.get(pk=pull.pk).is_running, "The end of the pull")
    assert Pull.objects.get(pk=pull.pk).state == Pull.State.DONE
    return connection


@pytest.fixture
def letter(brand: Workspace, connected: Connection) -> Campaign:
    """A draft to everybody on News that lacks nothing."""
    campaign = CampaignFactory(
        workspace=brand,
        connection=connected,
        sender=brand.senders.get(email="news@northwind.example"),
        name="November letter",
        subject="Snow is near",
    )
    campaign.lists.add(brand.lists.get(name="News"))
    return campaign


@pytest.fixture
def released(
    letter: Campaign, colleague: Callable[..., User], sandbox: SandboxServer, settings: Any
) -> Campaign:
    """The letter on its way."""
    settings.PRIVATE_ADDRESSES = [sandbox.url.removeprefix("http://")]
    for name, seconds in PACE.items():
        setattr(settings, name, seconds)
    release_campaign(
        campaign=letter, by=colleague(Role.ADMIN), version=letter.version, send_at=None, zone="UTC"
    )
    return letter
