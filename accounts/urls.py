from django.urls import path

from accounts import styleguide
from accounts.http import public_view
from accounts.views import connections, consent, home, settings

app_name = "accounts"
urlpatterns = [
    path("", home.start, name="home"),
    path("attention/", home.needs_attention, name="attention"),
    path("indicators/", home.indicators, name="indicators"),
    path("search/", home.search_everything, name="search"),
    path("activity/", home.activity_log, name="activity"),
    path("connections/", connections.connections, name="connections"),
    path("connections/new/", connections.connect, name="connect"),
    path("connections/capabilities/", connections.capabilities, name="capabilities"),
    path("connections/new/ask/", consent.ask, name="ask_consent"),
    path("connect/back/", consent.back, name="consent_back"),
    path("connections/<int:connection_id>/", connections.connection, name="connection"),
    path("connections/<int:connection_id>/save/", connections.save, name="save_connection"),
    path("connections/<int:connection_id>/pull/", connections.start_pull, name="start_pull"),
    path("connections/<int:connection_id>/pull/cancel/", connections.cancel_pull, name="cancel_pull"),
    path("connections/<int:connection_id>/check/", connections.check_again, name="check_again"),
    path("connections/<int:connection_id>/pause/", connections.pause, name="pause_connection"),
    path("connections/<int:connection_id>/resume/", connections.resume, name="resume_connection"),
    path("connections/<int:connection_id>/rename/", connections.rename, name="rename_connection"),
    path("connections/<int:connection_id>/disconnect/", connections.disconnect, name="disconnect"),
    path(
        "connections/<int:connection_id>/credentials/",
        connections.replace_credentials,
        name="replace_credentials",
    ),
    path("connections/<int:connection_id>/webhook/", connections.register_webhook, name="register_webhook"),
    path(
        "connections/<int:connection_id>/webhook/secret/",
        connections.rotate_webhook_secret,
        name="rotate_webhook_secret",
    ),
    path("connections/<int:connection_id>/log/<int:entry_id>/retry/", connections.retry, name="retry_entry"),
    path("settings/", settings.workspace, name="settings"),
    path("settings/unlock-sending/", settings.unlock_sending, name="unlock_sending"),
    path("settings/profile/", settings.profile, name="profile"),
    path("settings/members/", settings.members, name="members"),
    path("settings/members/<int:membership_id>/role/", settings.change_role, name="change_role"),
    path("settings/members/<int:membership_id>/remove/", settings.remove_member, name="remove_member"),
    path(
        "settings/invitations/<int:invitation_id>/revoke/",
        settings.revoke_invitation,
        name="revoke_invitation",
    ),
    path("invitations/<str:token>/", settings.invitation, name="invitation"),
    path("styleguide/", public_view("sample content only")(styleguide.styleguide), name="styleguide"),
]
