"""The pages of this app: who may open them, what they show, what they never show."""

import re

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import activity, attention, outbox
from accounts.models import (
    Connection,
    Invitation,
    Membership,
    MirrorKind,
    MirrorRow,
    OutboxEntry,
    Pull,
)
from accounts.providers.base import Effect
from accounts.queries import CAPABILITIES
from tests.factories import (
    ConnectionFactory,
    MembershipFactory,
    UserFactory,
    WorkspaceFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh")]

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
