"""The pages of this app: who may open them, what they show, what they never show."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

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
from accounts.providers.base import Effect
from accounts.queries import CAPABILITIES
from accounts.services import connections as services
from accounts.services import people
from tests.factories import ConnectionFactory, MembershipFactory, UserFactory, WorkspaceFactory
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
        assert client.get(f"/w/acme/connections/{connection.pk}/{action}/").status_code == 405, action


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

    flags = {name for name in Capabilities.__dataclass_fields__ if name != "because"}
    assert set(CAPABILITIES) == flags


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
    assert "does not take this key" in text
    assert "Try another key" in text
    assert "Save and pull" not in text


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
