"""The pages of this app: who may open them, what they show, what they never show."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.core import mail
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from django.utils.html import escape

from accounts import activity, attention, outbox
from accounts.models import (
    ActivityEntry,
    Connection,
    Invitation,
    Membership,
    MirrorKind,
    MirrorRow,
    OutboxEntry,
    Pull,
    Role,
    User,
)
from accounts.providers import PROVIDERS, provider_class
from accounts.providers.base import Effect
from accounts.queries import CAPABILITIES
from accounts.services import connections as services
from accounts.services import people
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    MembershipFactory,
    SuppressionFactory,
    UserFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db

PASSWORD = "a long password"
HOSTILE = "<script>alert(1)</script>\u202e\"'{{ 7 }}{% now %}"
PAGES = [
    "",
    "attention/",
    "indicators/",
    "search/",
    "search/?q=brevo",
    "activity/",
    "activity/?kind=connection&since=2026-11-01&until=2026-11-30&actor=1&object=accounts.connection:1",
    "activity/?since=never&actor=x&before=zzz",
    "connections/",
    "connections/capabilities/",
    "settings/",
    "settings/profile/",
    "settings/members/",
]
TABS = ["overview", "mirror", "events", "limits", "log"]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Test clients log in without a password; what asks for a fresh one has a test of its own."""
    with monkeypatch.context() as patch:
        patch.setattr("accounts.http.logged_in_lately", lambda request: True)
        yield patch


# Who may


def patterns(resolver, names=()):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, (*names, pattern.app_name or ""))
        elif isinstance(pattern, URLPattern):
            yield (*names, pattern.name or str(pattern.pattern)), pattern.callback


def test_every_page_of_ours_declares_who_may_open_it():
    ours = ("accounts", "audiences", "campaigns", "reporting")
    undeclared = [
        ":".join(name)
        for name, view in patterns(get_resolver())
        if name[0] in ours and not (hasattr(view, "role") or getattr(view, "public_because", ""))
    ]

    assert undeclared == []


def test_whoever_is_not_logged_in_is_asked_to(client):
    assert client.get("/w/acme/connections/").url == "/accounts/login/?next=/w/acme/connections/"
    assert client.get("/").url == "/accounts/login/?next=/"


@pytest.mark.parametrize("page", [*PAGES, "connections/new/", "connections/1/"])
def test_a_foreign_workspace_looks_like_none(browse, page):
    WorkspaceFactory(slug="foreign")
    client = browse("admin")

    assert client.get(f"/w/foreign/{page}").status_code == 404
    assert client.get(f"/w/nowhere/{page}").status_code == 404


def test_rows_of_a_foreign_workspace_look_like_none(browse, workspace):
    foreign = ConnectionFactory()
    entry = outbox.record(task="x", subject=foreign, connection=foreign, effect=Effect.READ)
    membership = MembershipFactory(workspace=foreign.workspace)
    invitation = Invitation.objects.create(
        workspace=foreign.workspace, email="x@example.test", role="viewer", token_digest="0" * 64
    )
    client = browse("admin")

    assert client.get(f"/w/acme/connections/{foreign.pk}/").status_code == 404
    assert client.get(f"/w/acme/connections/{foreign.pk}/credentials/").status_code == 404
    for action in ("save", "pull", "pull/cancel", "check", "pause", "resume", "rename", "disconnect", "webhook", "webhook/secret", f"log/{entry.pk}/retry"):  # fmt: skip
        assert client.post(f"/w/acme/connections/{foreign.pk}/{action}/").status_code == 404, action
    for action in (
        f"members/{membership.pk}/role",
        f"members/{membership.pk}/remove",
        f"invitations/{invitation.pk}/revoke",
    ):
        assert client.post(f"/w/acme/settings/{action}/", {"role": "admin"}).status_code == 404, action
    assert client.get("/w/acme/connections/new/", {"check": foreign.pk}).status_code == 200
    foreign.refresh_from_db()
    assert foreign.status == Connection.Status.READY


ADMIN_ONLY = ["save", "pause", "resume", "rename", "disconnect", "webhook", "webhook/secret"]
EDITOR_TOO = ["pull", "pull/cancel", "check"]


@pytest.mark.parametrize("role", ["viewer", "editor", "approver"])
def test_what_only_admins_may_is_refused_to_others(browse, workspace, role):
    connection = ConnectionFactory(workspace=workspace)
    client = browse(role)

    for action in ADMIN_ONLY:
        assert client.post(f"/w/acme/connections/{connection.pk}/{action}/").status_code == 403, action
    assert client.get("/w/acme/connections/new/").status_code == 403
    assert client.get(f"/w/acme/connections/{connection.pk}/credentials/").status_code == 403
    assert client.post("/w/acme/settings/", {"name": "x"}).status_code == 403
    assert client.post("/w/acme/settings/members/", {"email": "x@example.test"}).status_code == 403
    assert client.get("/w/acme/activity/?verify=1").status_code == 403
    for action in EDITOR_TOO:
        expected = 403 if role == "viewer" else 302
        assert client.post(f"/w/acme/connections/{connection.pk}/{action}/").status_code == expected, action


def test_looking_changes_nothing(browse, workspace):
    connection = ConnectionFactory(workspace=workspace)
    client = browse("admin")

    for action in [*ADMIN_ONLY, *EDITOR_TOO]:
        reply = client.get(f"/w/acme/connections/{connection.pk}/{action}/")
        assert (reply.status_code, reply.url) == (302, f"/w/acme/connections/{connection.pk}/"), action


# What they show


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_every_page_opens_with_and_without_a_connection(browse, workspace, role):
    client = browse(role)
    for filled in (False, True):
        if filled:
            ConnectionFactory(workspace=workspace)
        for page in PAGES:
            response = client.get(f"/w/acme/{page}")
            assert response.status_code == 200, page
            assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("status", ["ready", "paused", "reconnect", "disconnected"])
def test_a_connection_opens_in_every_tab_and_state(browse, workspace, status):
    connection = ConnectionFactory(workspace=workspace, status=status, status_note="why")
    client = browse()

    for tab in [*TABS, "nonsense"]:
        assert client.get(f"/w/acme/connections/{connection.pk}/?tab={tab}").status_code == 200


def fill(connection, n):
    for number in range(n):
        entry = outbox.record(
            task=f"audiences.push_{number}", subject=connection, connection=connection, effect=Effect.CONVERGE
        )
        OutboxEntry.objects.filter(pk=entry.pk).update(state="set_aside", note=HOSTILE)
        activity.record(
            connection.workspace, "connection.renamed", HOSTILE, subject=connection, after={HOSTILE: HOSTILE}
        )
        MembershipFactory(workspace=connection.workspace, role="viewer")
        ConnectionFactory(workspace=connection.workspace, name=HOSTILE)


def test_lists_take_the_same_queries_for_one_row_and_for_three(
    browse, workspace, django_assert_max_num_queries, django_assert_num_queries
):
    connection = ConnectionFactory(workspace=workspace)
    client = browse("admin")
    pages = [*PAGES, f"connections/{connection.pk}/?tab=log"]
    fill(connection, 1)
    few = {}
    for page in pages:
        client.get(f"/w/acme/{page}")
        with django_assert_max_num_queries(25) as queries:
            client.get(f"/w/acme/{page}")
        few[page] = len(queries)
    fill(connection, 2)

    for page in pages:
        with django_assert_num_queries(few[page]):
            client.get(f"/w/acme/{page}")


def test_hostile_text_stays_text(browse, workspace):
    account = {
        "name": HOSTILE,
        "plan": HOSTILE,
        "email": HOSTILE,
        "credits_left": 1,
        "senders": [{"name": HOSTILE, "email": HOSTILE, "is_active": False}],
    }
    connection = ConnectionFactory(
        workspace=workspace, name=HOSTILE, status="reconnect", status_note=HOSTILE, account=account
    )
    fill(connection, 1)
    Pull.objects.create(connection=connection, note=HOSTILE, state="failed")
    MembershipFactory(workspace=workspace, user=UserFactory(name=HOSTILE))
    check = ConnectionFactory(
        workspace=workspace, status="checking", account=account, checked_at=connection.created_at
    )
    client = browse("admin")

    pages = [
        *PAGES,
        f"connections/new/?check={check.pk}",
        f"connections/{connection.pk}/credentials/",
        *(f"connections/{connection.pk}/?tab={tab}" for tab in TABS),
        f"search/?q={HOSTILE}",
    ]
    for page in pages:
        text = client.get(f"/w/acme/{page}").content.decode()
        assert "<script>alert(1)" not in text, page
        assert "style=" not in text, page


def test_no_page_shows_a_secret(browse, workspace):
    connection = ConnectionFactory(workspace=workspace, api_key="xkeysib-very-secret")
    client = browse("admin")

    for page in [*PAGES, f"connections/{connection.pk}/credentials/", *(f"connections/{connection.pk}/?tab={tab}" for tab in TABS)]:  # fmt: skip
        text = client.get(f"/w/acme/{page}").content.decode()
        for secret in (
            "very-secret",
            "webhook-secret",
            connection.webhook_token,
            connection.sealed_credentials,
        ):
            assert secret not in text, page


def test_a_locked_vault_leaves_every_page_open_and_says_so(browse, workspace, settings):
    connection = ConnectionFactory(workspace=workspace)
    settings.VAULT_KEYS = []
    client = browse("admin")

    for page in [*PAGES, *(f"connections/{connection.pk}/?tab={tab}" for tab in TABS)]:
        assert client.get(f"/w/acme/{page}").status_code == 200, page
    assert "vault key is missing" in client.get(f"/w/acme/connections/{connection.pk}/").content.decode()
    page = client.post("/w/acme/connections/new/", {"provider": "brevo", "api_key": "xkeysib-x"})
    assert page.status_code == 422
    assert "VAULT_KEYS" in page.content.decode()
    assert "xkeysib-x" not in page.content.decode()


def test_every_ability_has_its_words():
    from accounts.providers.capabilities import Capabilities

    flags = sorted(name for name in Capabilities.__dataclass_fields__ if name != "because")
    assert sorted(flag for labels in CAPABILITIES.values() for flag in labels) == flags


def test_the_mirror_tab_counts_what_is_mirrored(browse, workspace):
    connection = ConnectionFactory(workspace=workspace)
    for number in range(3):
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.LIST, object_id=number, remote_id=str(number)
        )

    page = browse("viewer").get(f"/w/acme/connections/{connection.pk}/?tab=mirror").content.decode()

    assert 'href="/w/acme/lists/"' in page
    assert re.search(r"Lists</a></td><td class=\"num\">3</td>", page)


# The way in


def test_the_front_door_leads_to_the_workspace_used_last(browse, member, workspace, client):
    user = member("viewer")
    other = MembershipFactory(user=user, role="viewer").workspace
    client.force_login(user)
    assert client.get("/").url == "/w/acme/"

    client.get(f"/w/{other.slug}/")
    assert client.get("/").url == f"/w/{other.slug}/"

    Membership.objects.filter(user=user, workspace=other).delete()
    assert client.get("/").url == "/w/acme/"


def test_whoever_belongs_to_no_workspace_is_told_what_to_do(client):
    client.force_login(UserFactory(email="lost@example.test"))

    page = client.get("/").content.decode()
    assert "lost@example.test" in page
    assert "invitation" in page


def test_a_fresh_workspace_shows_one_next_step(browse):
    page = browse("admin").get("/w/acme/").content.decode()
    main = page[page.index("<main") :]

    assert re.findall(r'<a class="button button--primary" href="([^"]+)"', main) == [
        "/w/acme/connections/new/"
    ]
    viewer = browse("viewer").get("/w/acme/").content.decode()
    assert "/w/acme/connections/new/" not in viewer


def test_the_rail_shows_where_one_is(browse):
    page = browse().get("/w/acme/settings/members/").content.decode()

    assert re.search(r'href="/w/acme/settings/" aria-current="page"', page)
    assert page.count('class="rail__item" href="/w/acme/" aria-current="page"') == 0


def test_the_bar_counts_what_waits(browse, workspace):
    ConnectionFactory(workspace=workspace, status="reconnect")
    connection = ConnectionFactory(workspace=workspace)
    Pull.objects.create(connection=connection)

    bar = " ".join(browse().get("/w/acme/indicators/").content.decode().split())

    assert "1 <span" not in bar
    assert len(attention.needs(workspace)) == 1
    assert re.search(r"1<span class=\"indicator__word\"> running", bar)
    assert re.search(r"1<span class=\"indicator__word\"> needs attention", bar)


# Connecting


def test_the_first_journey_through_three_pages(browse, sandbox, workspace):
    client = browse("admin")
    assert "provider=brevo" in client.get("/w/acme/connections/new/").content.decode()
    form = client.get("/w/acme/connections/new/?provider=brevo").content.decode()
    assert re.search(r'<input type="password" name="api_key"[^>]*autocomplete="off"', form)

    checking = client.post(
        "/w/acme/connections/new/",
        {"provider": "brevo", "api_key": "sandbox-acme", "base_url": sandbox.base_url()},
        follow=True,
    )
    address = checking.redirect_chain[-1][0]
    assert 'hx-trigger="every 1s"' in checking.content.decode()
    run_outbox("accounts.check")
    partial = client.get(address, headers={"HX-Request": "true", "HX-Target": "check"}).content.decode()
    assert partial.lstrip().startswith('<div id="check"')
    assert "hx-trigger" not in partial
    assert "Save and pull" in partial
    assert "<html" not in partial
    assert ">sandbox-acme<" not in partial

    check = Connection.objects.get()
    page = client.post(f"/w/acme/connections/{check.pk}/save/", follow=True)
    assert page.redirect_chain[-1][0] == f"/w/acme/connections/{check.pk}/"
    assert "Cancel the pull" in page.content.decode()
    assert Connection.objects.get().name == "Acme"


def test_a_wrong_key_gives_the_form_back_to_try_another(browse, sandbox):
    client = browse("admin")
    page = client.post(
        "/w/acme/connections/new/", {"provider": "brevo", "api_key": "wrong", "base_url": sandbox.base_url()}
    )
    run_outbox("accounts.check")

    text = client.get(page.url).content.decode()
    assert "Brevo does not let Campanile in. Enter the credentials again" in text
    assert "Try again" in text
    assert "Save and pull" not in text


def shown(page):
    """The words of a page, as a person reads them."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.content.decode().partition("<main")[2])).split())


@pytest.mark.parametrize("slug", PROVIDERS)
def test_each_way_of_each_provider_has_a_page_of_its_own(browse, settings, slug):
    settings.EMBEDDED = True
    client = browse("admin")
    for way in provider_class(slug).ways:
        page = client.get(f"/w/acme/connections/new/?provider={slug}&way={way.name}")
        words, html = shown(page), page.content.decode()

        assert way.help in words
        assert re.findall(r'<input type="(?:text|password|checkbox)" name="(\w+)"', html) == [
            credential.name for credential in way.credentials
        ]
        assert re.findall(r'<input type="password" name="(\w+)"', html) == [
            credential.name for credential in way.credentials if credential.secret
        ]
        assert (f"Go on to {provider_class(slug).name}" in words) is way.asks_there
        assert [scope.why in words for scope in way.scopes] == [True] * len(way.scopes)
        assert "Only trying it out?" in words
        tabs = re.findall(r'<a href="\?provider=\w+&amp;way=(\w+)"', html)
        assert tabs == (
            [other.name for other in provider_class(slug).ways] if len(provider_class(slug).ways) > 1 else []
        )


def test_outside_of_a_trial_no_page_speaks_of_the_sandbox(browse, settings):
    settings.EMBEDDED = False
    client = browse("admin")

    for slug in PROVIDERS:
        for way in provider_class(slug).ways:
            page = client.get(f"/w/acme/connections/new/?provider={slug}&way={way.name}")
            assert "sandbox" not in page.content.decode()


# What the sandbox's account of this name is opened with, as its hint on the page says.
HINTED = {
    ("brevo", "key"): {"api_key": "sandbox-acme"},
    ("especial", "login"): {"username": "sandbox-acme@example.test", "password": "anything"},
    ("mailmojo", "client"): {"client_id": "sandbox-acme", "client_secret": "sandbox"},
    ("mailmojo", "managed"): {"username": "sandbox-acme"},
    ("leadfox", "key"): {"api_key": "sandbox-acme", "secret": "anything"},
    ("emailcampaigns", "token"): {"token": "sandbox-acme"},
    ("emailcampaigns", "login"): {"username": "sandbox-acme", "password": "anything"},
}


def test_every_way_without_a_page_of_the_providers_is_tried_out():
    ways = {(slug, way.name) for slug in PROVIDERS for way in provider_class(slug).ways if not way.asks_there}

    assert ways == set(HINTED)


@pytest.mark.parametrize(("slug", "way"), HINTED)
def test_what_the_hint_says_opens_an_account_of_the_sandbox(browse, sandbox, settings, slug, way):
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    client = browse("admin")
    words = shown(client.get(f"/w/acme/connections/new/?provider={slug}&way={way}"))
    for value in HINTED[slug, way].values():
        assert value == "anything" or f" {value}" in words

    page = client.post(
        "/w/acme/connections/new/", {"provider": slug, "way": way, **HINTED[slug, way]}, follow=True
    )
    run_outbox("accounts.check")

    answer = shown(client.get(page.redirect_chain[-1][0]))
    assert "Save and pull" in answer
    assert "Audience" in answer


def test_email_campaigns_wants_to_be_told_where_it_is(browse, settings):
    settings.EMBEDDED = False
    form = {"provider": "emailcampaigns", "way": "token", "token": "a1b2"}
    client = browse("admin")

    page = client.post("/w/acme/connections/new/", form)
    assert page.status_code == 422
    assert "Fill in the address at which the account is reached." in shown(page)
    assert not Connection.objects.exists()

    client.post("/w/acme/connections/new/", form | {"base_url": "https://mail.example.com/api/v1"})
    connection = Connection.objects.get()
    assert (connection.base_url, connection.credentials) == (
        "https://mail.example.com/api/v1",
        {"way": "token", "token": "a1b2"},
    )


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_password_is_kept_only_where_somebody_ticked_it(browse, sandbox, settings, is_kept):
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    form = {"provider": "especial", "username": "sandbox-acme@example.test", "password": "anything"}

    browse("admin").post("/w/acme/connections/new/", form | ({"keep_password": "on"} if is_kept else {}))
    run_outbox("accounts.check")

    kept = {
        "way": "login",
        "username": "sandbox-acme@example.test",
        "keep_password": "yes" if is_kept else "",
    }
    assert Connection.objects.get().credentials == kept | ({"password": "anything"} if is_kept else {})


def test_credentials_are_replaced_by_another_way(browse, sandbox, settings):
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    client = browse("admin")
    form = {"provider": "mailmojo", "way": "client", "client_id": "sandbox-acme", "client_secret": "sandbox"}
    client.post("/w/acme/connections/new/", form)
    run_outbox("accounts.check")
    connection = Connection.objects.get()
    client.post(f"/w/acme/connections/{connection.pk}/save/")
    place = f"/w/acme/connections/{connection.pk}/credentials/"
    usual = client.get(place).content.decode()
    assert re.search(r'way=client" aria-current="page"', usual)  # as it was connected

    page = client.post(place, {"way": "managed", "username": "sandbox-acme", "base_url": connection.base_url})
    run_outbox("accounts.check")
    done = client.get(page.url, follow=True)

    assert "uses the new credentials" in done.content.decode()
    connection.refresh_from_db()
    assert connection.credentials == {"way": "managed", "username": "sandbox-acme"}
    assert connection.open().account().fingerprint == connection.fingerprint


def test_credentials_of_another_account_change_nothing(browse, sandbox, settings):
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    client = browse("admin")
    form = {"provider": "leadfox", "api_key": "sandbox-acme", "secret": "anything"}
    client.post("/w/acme/connections/new/", form)
    run_outbox("accounts.check")
    connection = Connection.objects.get()
    client.post(f"/w/acme/connections/{connection.pk}/save/")
    connection.refresh_from_db()

    page = client.post(
        f"/w/acme/connections/{connection.pk}/credentials/",
        {"api_key": "sandbox-other", "secret": "anything", "base_url": connection.base_url},
    )
    run_outbox("accounts.check")

    assert "This opens another account" in shown(client.get(page.url))
    connection.refresh_from_db()
    assert connection.credentials["api_key"] == "sandbox-acme"


# What each account can do


def test_what_each_account_can_do_is_compared_in_one_table(browse):
    html = browse("viewer").get("/w/acme/connections/capabilities/").content.decode()

    assert html.count("<table") == 1
    heads = re.findall(r'<th scope="col">([^<]+)</th>', html)
    assert heads[1:] == [provider_class(slug).name for slug in PROVIDERS]
    assert html.count('<th scope="row" ') == sum(len(labels) for labels in CAPABILITIES.values())
    for slug in PROVIDERS:
        capabilities = provider_class(slug).capabilities
        for labels in CAPABILITIES.values():
            for flag in labels:
                if not getattr(capabilities, flag):
                    sentence = escape(capabilities.sentence(flag))
                    assert re.search(
                        rf'<details class="answer" data-can="no">.*?<p>{re.escape(sentence)}</p>', html
                    )
    assert (
        'href="/w/acme/connections/capabilities/"'
        in browse("viewer").get("/w/acme/connections/").content.decode()
    )


def test_an_accounts_own_list_begins_each_group_with_what_it_can(browse, workspace):
    connection = ConnectionFactory(workspace=workspace, provider="leadfox")

    html = browse("viewer").get(f"/w/acme/connections/{connection.pk}/").content.decode()

    groups = re.findall(r'<section class="capabilities__group">.*?</section>', html, re.DOTALL)
    told = [re.findall(r'data-can="(\w+)"', group) for group in groups]
    assert [re.search(r"\w+ of \d+", group)[0] for group in groups] == [
        f"{answers.count('yes')} of {len(labels)}"
        for answers, labels in zip(told, CAPABILITIES.values(), strict=True)
    ]
    assert [answers.index("no") for answers in told] == [answers.count("yes") for answers in told]


@pytest.mark.parametrize(
    ("slug", "listed", "tab"),
    [
        ("brevo", "not registered", "Register the webhook"),
        ("leadfox", "read at intervals", "Leadfox tells nothing by itself."),
    ],
)
def test_an_account_that_tells_nothing_is_not_asked_to(browse, workspace, slug, listed, tab):
    connection = ConnectionFactory(workspace=workspace, provider=slug)
    client = browse("admin")

    assert listed in shown(client.get("/w/acme/connections/"))
    events = shown(client.get(f"/w/acme/connections/{connection.pk}/?tab=events"))
    assert tab in events
    assert ("Register the webhook" in events) is (slug == "brevo")


def test_where_no_limits_are_published_the_page_says_so(browse, workspace):
    connection = ConnectionFactory(workspace=workspace, provider="emailcampaigns")

    page = browse("viewer").get(f"/w/acme/connections/{connection.pk}/?tab=limits")

    assert "Email Campaigns publishes no limits on calls" in shown(page)


@pytest.mark.parametrize(("embedded", "base_url"), [(True, "http://sandbox.test:8900/brevo/v3"), (False, "")])
def test_a_key_of_the_sandbox_opens_the_sandbox_where_it_runs(browse, settings, embedded, base_url):
    settings.EMBEDDED, settings.SANDBOX_URL = embedded, "http://sandbox.test:8900"

    browse("admin").post("/w/acme/connections/new/", {"provider": "brevo", "api_key": "sandbox-acme"})

    assert Connection.objects.get().base_url == base_url


def test_a_missing_key_is_asked_for_and_nothing_is_made(browse):
    page = browse("admin").post("/w/acme/connections/new/", {"provider": "brevo", "api_key": ""})

    assert page.status_code == 422
    assert not Connection.objects.exists()


def test_a_check_without_a_worker_says_so(browse, workspace, member):
    check = services.begin_check(
        workspace=workspace, provider="brevo", credentials={"api_key": "x"}, by=member("admin")
    )
    client = browse("admin")
    assert "No worker" not in client.get(f"/w/acme/connections/new/?check={check.pk}").content.decode()

    Connection.objects.filter(pk=check.pk).update(created_at=check.created_at - timedelta(seconds=11))
    assert "No worker" in client.get(f"/w/acme/connections/new/?check={check.pk}").content.decode()


def test_an_account_that_is_connected_already_is_named(browse, sandbox, workspace):
    client = browse("admin")
    for _ in range(2):
        page = client.post(
            "/w/acme/connections/new/",
            {"provider": "brevo", "api_key": "sandbox-acme", "base_url": sandbox.base_url()},
        )
        run_outbox("accounts.check")
        check = Connection.objects.latest("pk")
        saved = client.post(f"/w/acme/connections/{check.pk}/save/", follow=True)

    assert "already connected as" in saved.content.decode()
    assert page.url in saved.redirect_chain[-1][0]


def test_a_key_is_replaced_on_its_page(browse, sandbox, workspace):
    client = browse("admin")
    client.post(
        "/w/acme/connections/new/",
        {"provider": "brevo", "api_key": "sandbox-acme", "base_url": sandbox.base_url()},
    )
    run_outbox("accounts.check")
    connection = Connection.objects.get()
    client.post(f"/w/acme/connections/{connection.pk}/save/")
    Connection.objects.update(status="reconnect")

    page = client.post(
        f"/w/acme/connections/{connection.pk}/credentials/",
        {"api_key": "sandbox-acme", "base_url": sandbox.base_url()},
    )
    run_outbox("accounts.check")
    polled = client.get(page.url, headers={"HX-Request": "true", "HX-Target": "check"})

    assert polled.headers["HX-Redirect"] == f"/w/acme/connections/{connection.pk}/"
    connection.refresh_from_db()
    assert connection.status == Connection.Status.READY


def test_buttons_answer_with_a_sentence(browse, workspace):
    connection = ConnectionFactory(workspace=workspace, name="Main")
    client = browse("admin")

    def press(action, **data):
        page = client.post(f"/w/acme/connections/{connection.pk}/{action}/", data, follow=True)
        return page.content.decode()

    assert "Main is paused" in press("pause")
    assert "nothing to pause" in press("pause")
    assert "Main is at work again" in press("resume")
    assert "The pull of Main has begun" in press("pull")
    assert "already running" in press("pull")
    assert "stops after the page under way" in press("pull/cancel")
    assert "being read again" in press("check")
    assert "cannot reach" in press("webhook") or "being asked" in press("webhook")
    assert "Other" in press("rename", name="Other")
    assert "letters is needed" in press("rename", name="")
    assert "Other is disconnected" in press("disconnect")
    assert "not connected" in press("disconnect")


def test_set_aside_work_is_tried_again_from_the_log(browse, workspace):
    connection = ConnectionFactory(workspace=workspace)
    entry = outbox.record(
        task="audiences.push", subject=connection, connection=connection, effect=Effect.CONVERGE
    )
    OutboxEntry.objects.update(state="set_aside", note="The list is gone.")
    client = browse("editor")
    log = client.get(f"/w/acme/connections/{connection.pk}/?tab=log").content.decode()
    assert "The list is gone." in log

    page = client.post(f"/w/acme/connections/{connection.pk}/log/{entry.pk}/retry/", follow=True)

    assert "tried again now" in page.content.decode()
    entry.refresh_from_db()
    assert entry.state == OutboxEntry.State.WAITING


# People


def test_signing_up_needs_an_invitation(client):
    page = client.get("/accounts/signup/")
    assert "invit" in page.content.decode().lower()
    client.post(
        "/accounts/signup/", {"email": "x@example.test", "password1": "p" * 14, "password2": "p" * 14}
    )
    assert not User.objects.exists()


def invite(browse, email="new@example.test", role="editor"):
    page = browse("admin").post("/w/acme/settings/members/", {"email": email, "role": role})
    return re.search(r"/invitations/[\w-]+/", page.content.decode())[0]


def test_an_invited_newcomer_sets_a_password_and_is_in(browse, workspace, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        link = invite(browse)
    assert link in mail.outbox[0].body
    assert mail.outbox[0].to == ["new@example.test"]
    newcomer = Client()
    assert "new@example.test" in newcomer.get(link).content.decode()

    weak = newcomer.post(link, {"name": "New", "password": "password1234"})
    assert weak.status_code == 422
    page = newcomer.post(link, {"name": "New Person", "password": "rather-long-words"})

    assert page.url == "/w/acme/"
    assert newcomer.get("/w/acme/").status_code == 200
    assert Membership.objects.get(user__email="new@example.test").role == Role.EDITOR
    assert Client().get(link).status_code == 404
    assert Client().login(email="new@example.test", password="rather-long-words")
    assert {"member.invited", "member.joined"} <= set(ActivityEntry.objects.values_list("verb", flat=True))


def test_an_invitation_link_is_stored_nowhere_and_shown_once(browse, workspace):
    link = invite(browse)
    token = link.split("/")[2]

    assert token not in browse("admin").get("/w/acme/settings/members/").content.decode()
    assert token not in str(list(Invitation.objects.values())) + str(list(ActivityEntry.objects.values()))


def test_a_person_with_an_account_joins_by_logging_in(browse, client):
    user = UserFactory(email="known@example.test")
    link = invite(browse, "Known@example.test", "viewer")
    assert client.get(link).url == f"/accounts/login/?next={link}"
    client.force_login(user)
    assert "Join as" in client.get(link).content.decode()
    assert not Membership.objects.filter(user=user).exists()

    assert client.post(link).url == "/w/acme/"
    assert Membership.objects.get(user=user).role == Role.VIEWER


def test_an_invitation_is_for_its_address_only(browse, client):
    link = invite(browse)
    client.force_login(UserFactory(email="else@example.test"))

    assert "logged in as somebody else" in client.get(link).content.decode()
    assert client.post(link).status_code == 422
    assert not Membership.objects.filter(user__email="else@example.test").exists()


def test_an_invitation_taken_back_is_over(browse, client):
    link = invite(browse)
    admin = browse("admin")
    admin.post(f"/w/acme/settings/invitations/{Invitation.objects.get().pk}/revoke/")

    assert client.get(link).status_code == 404


def test_a_second_invitation_replaces_the_first(browse, client):
    first, second = invite(browse), invite(browse, role="viewer")

    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200


def test_a_member_is_not_invited_again(browse, member):
    user = member("viewer")
    page = browse("admin").post("/w/acme/settings/members/", {"email": user.email.upper(), "role": "admin"})

    assert page.status_code == 422
    assert "member already" in page.content.decode()


def test_the_last_admin_stays(workspace, member, client):
    admin, editor = member("admin"), member("editor")
    client.force_login(admin)
    mine = Membership.objects.get(user=admin)
    theirs = Membership.objects.get(user=editor)

    assert (
        "only admin"
        in client.post(
            f"/w/acme/settings/members/{mine.pk}/role/", {"role": "viewer"}, follow=True
        ).content.decode()
    )
    assert (
        "only admin"
        in client.post(f"/w/acme/settings/members/{mine.pk}/remove/", follow=True).content.decode()
    )
    client.post(f"/w/acme/settings/members/{theirs.pk}/role/", {"role": "admin"})
    client.post(f"/w/acme/settings/members/{mine.pk}/remove/")

    assert list(Membership.objects.values_list("user", "role")) == [(editor.pk, "admin")]


def test_two_admins_cannot_leave_a_workspace_without_one(workspace, member):
    first, second = member("admin"), member("admin")
    one, other = Membership.objects.get(user=first), Membership.objects.get(user=second)
    people.remove_member(membership=one, by=second)

    with pytest.raises(people.CannotManage, match="only admin"):
        people.remove_member(membership=other, by=first)
    with pytest.raises(people.CannotManage, match="no longer a member"):
        people.change_role(membership=one, role="viewer", by=second)


def test_the_workspace_is_changed_and_the_change_is_told(browse, workspace):
    page = browse("admin").post(
        "/w/acme/settings/",
        {
            "name": "Acme\r\nTools",
            "time_zone": "Europe/Zurich",
            "postal_address": "New Street 2",
            "test_addresses": "a@example.test\n\na@example.test\nb@example.test",
        },
    )

    assert page.status_code == 302
    workspace.refresh_from_db()
    assert (workspace.name, workspace.time_zone, workspace.version) == ("Acme Tools", "Europe/Zurich", 2)
    assert workspace.test_recipients == ["a@example.test", "b@example.test"]
    entry = ActivityEntry.objects.get()
    assert (entry.verb, entry.before["name"], entry.after["name"]) == (
        "workspace.changed",
        "Acme",
        "Acme Tools",
    )


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"time_zone": "Mars/Base"}, {"test_addresses": "nobody"}, {"test_addresses": "x@example.test\n" * 3 + "\n".join(f"a{n}@example.test" for n in range(25))}],
)  # fmt: skip
def test_wrong_settings_change_nothing(browse, workspace, wrong):
    good = {"name": "New", "time_zone": "UTC", "postal_address": "", "test_addresses": ""}
    page = browse("admin").post("/w/acme/settings/", good | wrong)

    assert page.status_code == 422
    workspace.refresh_from_db()
    assert workspace.name == "Acme"


def test_people_change_their_own_name_and_zone(member, client):
    user = member("viewer")
    client.force_login(user)
    client.post("/w/acme/settings/profile/", {"name": "Ana", "time_zone": "Asia/Tokyo"})

    user.refresh_from_db()
    assert (user.name, user.time_zone) == ("Ana", "Asia/Tokyo")


# A log-in of a while ago


def test_secrets_and_roles_ask_again_who_it_is(client, member, workspace, fresh):
    fresh.undo()
    connection = ConnectionFactory(workspace=workspace)
    admin, other = member("admin"), MembershipFactory(workspace=workspace, role="viewer")
    client.force_login(admin)
    here = f"/w/acme/connections/{connection.pk}"

    page = client.get(f"{here}/credentials/")
    assert (
        page.url
        == f"/accounts/reauthenticate/?next=%2Fw%2Facme%2Fconnections%2F{connection.pk}%2Fcredentials%2F"
    )
    for path in (f"{here}/disconnect/", f"{here}/webhook/secret/", f"/w/acme/settings/members/{other.pk}/role/", f"/w/acme/settings/members/{other.pk}/remove/", "/w/acme/settings/members/"):  # fmt: skip
        page = client.post(
            path, {"role": "admin"}, headers={"Referer": "http://testserver/w/acme/settings/members/"}
        )
        assert page.url == "/accounts/reauthenticate/?next=%2Fw%2Facme%2Fsettings%2Fmembers%2F", path
    elsewhere = client.post(f"{here}/disconnect/", headers={"Referer": "http://evil.example/x"})
    assert elsewhere.url == "/accounts/reauthenticate/?next=%2Fw%2Facme%2F"
    connection.refresh_from_db()
    assert connection.is_working
    other.refresh_from_db()
    assert other.role == "viewer"

    client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": f"{here}/credentials/"})
    assert client.get(f"{here}/credentials/").status_code == 200


# The log, and the search


def test_the_log_is_read_page_by_page_and_filtered(browse, workspace, member):
    actor = member("editor")
    for number in range(60):
        activity.record(
            workspace, "list.renamed", f"Renamed list {number}.", actor=actor if number % 2 else None
        )
    client = browse("viewer")

    first = client.get("/w/acme/activity/").content.decode()
    assert "Renamed list 59." in first
    assert "Renamed list 9." not in first
    older = re.search(r"\?before=\d+", first)[0]
    assert "Renamed list 9." in client.get(f"/w/acme/activity/{older}").content.decode()
    mine = client.get(f"/w/acme/activity/?actor={actor.pk}").content.decode()
    assert "Renamed list 59." in mine
    assert "Renamed list 58." not in mine
    assert "Nothing of this kind" in client.get("/w/acme/activity/?kind=campaign").content.decode()


def test_an_admin_has_the_log_verified(browse, workspace):
    activity.record(workspace, "list.renamed", "Renamed.")

    assert "The chain is whole" in browse("admin").get("/w/acme/activity/?verify=1").content.decode()


def test_the_search_finds_connections_and_members_by_part_of_a_name(browse, workspace, member):
    ConnectionFactory(workspace=workspace, name="Newsletter account")
    ConnectionFactory(name="Newsletter elsewhere")
    client = browse("viewer")

    page = client.get("/w/acme/search/?q=sletter").content.decode()
    assert "Newsletter account" in page
    assert "elsewhere" not in page
    assert "Type at least two letters" in client.get("/w/acme/search/?q=n").content.decode()
    assert "Nothing found" in client.get("/w/acme/search/?q=zzzzzz").content.decode()
    assert client.get("/w/acme/search/", {"q": "a\x00b"}).status_code == 200


def test_an_account_that_did_not_answer_is_tried_again_with_what_was_typed(browse, settings):
    settings.PRIVATE_ADDRESSES = ["127.0.0.1:1"]
    client = browse("admin")
    form = {"provider": "especial", "way": "login", "base_url": "http://127.0.0.1:1/api"}
    form |= {"username": "ana@example.test", "password": "hush-hush"}
    page = client.post("/w/acme/connections/new/", form)
    run_outbox("accounts.check")

    answer = client.get(page.url)
    assert "No answer from Especial. Try again." in shown(answer)
    assert "several times in a row" not in shown(answer)
    again = client.get(answer.context["again_url"]).content.decode()
    assert 'value="ana@example.test"' in again
    assert 'value="http://127.0.0.1:1/api"' in again
    assert "hush-hush" not in again


def test_what_was_typed_in_another_workspace_is_not_shown(browse, workspace):
    check = ConnectionFactory(
        workspace=WorkspaceFactory(), status="checking", status_note="no", base_url="https://foreign.test"
    )
    page = browse("admin").get(f"/w/acme/connections/new/?provider={check.provider}&again={check.pk}")
    assert "foreign.test" not in page.content.decode()


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("brevo", "are suppressed here (so far 1 address). With the first campaign"),
        ("leadfox", "Saving writes nothing there"),
    ],
)
def test_what_saving_writes_over_there_is_said_before(browse, workspace, slug, words):
    SuppressionFactory(contact=ContactFactory(workspace=workspace))
    check = ConnectionFactory(
        workspace=workspace,
        provider=slug,
        status="checking",
        checked_at=timezone.now(),
        account={"name": "A"},
    )
    page = shown(browse("admin").get(f"/w/acme/connections/new/?check={check.pk}"))
    assert words in page.partition("Save and pull")[0]
