"""The pages of connections, people and settings."""

import pytest

from tests.factories import ConnectionFactory

pytestmark = pytest.mark.django_db

PAGES = [
    "",
    "attention/",
    "indicators/",
    "search/",
    "search/?q=brevo",
    "activity/",
    "connections/",
    "settings/",
    "settings/profile/",
    "settings/members/",
]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_every_page_opens_with_and_without_a_connection(browse, workspace, page, role):
    client = browse(role)
    assert client.get(f"/w/acme/{page}").status_code == 200

    ConnectionFactory(workspace=workspace)
    assert client.get(f"/w/acme/{page}").status_code == 200


@pytest.mark.parametrize("tab", ["overview", "mirror", "events", "limits", "log"])
@pytest.mark.parametrize("status", ["ready", "paused", "reconnect", "disconnected"])
def test_a_connection_opens_in_every_tab_and_state(browse, workspace, tab, status):
    connection = ConnectionFactory(workspace=workspace, status=status, status_note="why")

    assert browse().get(f"/w/acme/connections/{connection.pk}/?tab={tab}").status_code == 200
