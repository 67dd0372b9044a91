"""How long a log-in lasts, what ends it, and who needs a second factor."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory

from accounts import sessions
from accounts.models import Role
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PAGE = "/w/acme/settings/profile/"
PASSWORD = "a long password"
HOUR = 3600


@pytest.fixture
def passes(monkeypatch):
    """`passes(seconds)` moves the clock that sessions go by."""
    began = sessions.time.time()
    moved = [0.0]
    monkeypatch.setattr(sessions.time, "time", lambda: began + moved[0])

    def move(seconds):
        moved[0] += seconds

    return move


def is_in(client, **headers):
    return client.get(PAGE, headers=headers).status_code == 200


def test_rest_ends_a_session(browse, passes):
    client = browse()
    passes(7 * HOUR)
    assert is_in(client)
    passes(7 * HOUR)
    assert is_in(client)
    passes(8 * HOUR + 1)

    assert not is_in(client)


def test_a_page_that_looks_again_by_itself_keeps_nobody_logged_in(browse, passes):
    client = browse()
    for _ in range(8):
        passes(HOUR)
        assert is_in(client, hx_request="true")
    passes(60)

    assert not is_in(client, hx_request="true")


def test_a_day_ends_a_session_however_busy(browse, passes):
    client = browse()
    for _ in range(6):
        passes(4 * HOUR)
        assert is_in(client)
    passes(1)

    assert not is_in(client)


def logged_in(user):
    client = Client()
    reply = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert reply.status_code == 302
    return client


def test_a_changed_password_ends_the_other_sessions(member):
    user = member()
    here, there = logged_in(user), logged_in(user)
    new = "tower bells ring at dawn"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert (is_in(here), is_in(there)) == (True, False)


def test_a_changed_factor_ends_the_other_sessions(member):
    user = member()
    here, there = logged_in(user), logged_in(user)
    request = RequestFactory().post("/")
    request.session = here.session
    authenticator_added.send(sender=Authenticator, request=request, user=user, authenticator=None)

    assert (is_in(here), is_in(there)) == (True, False)
    assert UserSession.objects.filter(user=user).count() == 1


@pytest.mark.parametrize(
    "password",
    [
        "Password1234!",
        "P@ssw0rd2026!",
        "passwordpassword",
        "aaaaaaaaaaaaaa",
        "!!letmein2025!!",
        "121212121212",
    ],
)
def test_a_common_password_in_disguise_is_refused(password):
    with pytest.raises(ValidationError):
        validate_password(password)


def test_a_few_words_are_a_password():
    validate_password("tower bells ring at dawn")


@pytest.mark.parametrize("path", ["/admin/", "/w/acme/"])
def test_staff_and_approvers_go_through_the_second_door(client, workspace, member, settings, path):
    settings.REQUIRE_TWO_FACTOR = True
    user = member(Role.ADMIN)
    user.is_staff = user.is_superuser = True
    user.save()
    client.force_login(user)

    reply = client.get(path)

    assert (reply.status_code, reply.headers.get("Location")) == (302, "/accounts/2fa/")


def test_staff_without_a_workspace_is_staff(client, settings):
    settings.REQUIRE_TWO_FACTOR = True
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    assert client.get("/admin/auth/").headers.get("Location") == "/accounts/2fa/"


def test_a_log_out_clears_what_tabs_keep_and_a_rest_does_not(browse, passes):
    client = browse()
    assert client.post("/accounts/logout/").headers["Clear-Site-Data"] == '"storage"'

    client = browse()
    assert is_in(client)
    passes(8 * HOUR + 1)
    assert "Clear-Site-Data" not in client.get(PAGE).headers
