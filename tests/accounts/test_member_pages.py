"""People: invited, joined, given a role; the settings of a workspace and of themselves."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.models import (
    ActivityEntry,
    Invitation,
    Membership,
    Role,
    User,
)
from accounts.services import people
from tests.factories import (
    ConnectionFactory,
    MembershipFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh")]


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


PASSWORD = "a long password"


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
