import json
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from accounts.models import Connection
from reporting import limits
from reporting.models import InboxCall
from reporting.views import hooks
from tests.reporting.calls import brevo_call

pytestmark = pytest.mark.django_db

CALL = json.dumps(brevo_call("delivered", "ana@example.test")).encode()


def post(connection, body=CALL, *, secret="webhook-secret", token=None, client=None):
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return (client or Client(enforce_csrf_checks=True)).post(
        f"/hooks/{token or connection.webhook_token}/", body, content_type="application/json", headers=headers
    )


def stored():
    return [bytes(body) for body in InboxCall.objects.order_by("pk").values_list("body", flat=True)]


def test_a_call_is_stored_as_the_bytes_it_came_in(connection):
    body = b'{"event": "click", "email": "ana@example.test", "link": "\\u0000\xff"}'

    response = post(connection, body)

    assert (response.status_code, response.content, stored()) == (204, b"", [body])


def test_the_same_call_twice_is_one_row(connection):
    assert [post(connection).status_code, post(connection).status_code] == [204, 204]
    assert stored() == [CALL]


def test_storing_takes_one_statement_once_the_door_is_known(connection, django_assert_num_queries):
    post(connection)

    with django_assert_num_queries(1):
        post(connection, CALL + b" ")


@pytest.mark.parametrize("secret", ["", "wrong", "webhook-secret2", "webhook-secre\u00e9"])
def test_a_forged_call_leaves_nothing_but_a_count(connection, secret):
    before = hooks.CALLS.labels("forged")._value.get()

    response = post(connection, secret=secret.encode("latin-1").decode("latin-1"))

    assert (response.status_code, stored()) == (401, [])
    assert hooks.CALLS.labels("forged")._value.get() == before + 1


def test_without_a_secret_of_our_own_nobody_gets_in(connection):
    Connection.objects.filter(pk=connection.pk).update(sealed_webhook_secrets="")

    assert (post(connection, secret="").status_code, post(connection, secret="x").status_code) == (401, 401)


def test_the_older_of_two_secrets_still_opens(connection):
    connection.set_webhook_secrets(["new-secret", "webhook-secret"])
    connection.save()

    assert [post(connection, CALL + bytes([32 + n])).status_code for n in (0,)] == [204]
    assert post(connection, CALL, secret="new-secret").status_code == 204


def test_an_unknown_address_is_not_found(connection):
    assert (post(connection, token="x" * 43).status_code, stored()) == (404, [])


def test_an_account_that_was_never_saved_is_not_found(connection):
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.CHECKING)

    assert post(connection).status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_other_methods_change_nothing(connection, method):
    response = getattr(Client(), method)(f"/hooks/{connection.webhook_token}/")

    assert (response.status_code, response.headers["Allow"], stored()) == (405, "POST", [])


def test_a_call_of_more_than_a_megabyte_is_refused(connection):
    assert post(connection, b" " * hooks.MAX_BYTES).status_code == 204
    assert post(connection, b" " * (hooks.MAX_BYTES + 1)).status_code == 413
    assert len(stored()) == 1


def test_a_malformed_call_is_stored_and_judged_later(connection):
    assert (post(connection, b"\x00not json").status_code, stored()) == (204, [b"\x00not json"])


def test_without_a_database_the_provider_is_asked_to_come_again(connection):
    post(connection)

    with mock.patch.object(
        hooks, "_STORE", "select 1 from nowhere where %s is null or %s is null or %s is null"
    ):
        broken = post(connection, CALL + b" ")
    with mock.patch.object(Connection.objects, "filter", side_effect=OperationalError):
        hooks._doors.clear()
        away = post(connection)

    assert [(r.status_code, r.headers["Retry-After"]) for r in (broken, away)] == [(429, "30")] * 2


def test_a_missing_vault_key_loses_no_call(connection, settings):
    settings.VAULT_KEYS = []

    assert post(connection).status_code == 429


def test_too_many_calls_of_one_account_come_later(connection, settings):
    settings.WEBHOOKS_PER_SECOND = 3 / limits.WINDOW_SECONDS

    answers = [post(connection, CALL + b" " * n).status_code for n in range(5)]

    assert answers in ([204, 204, 204, 429, 429], [204] * 5)  # the minute may turn in between


def test_without_redis_calls_are_taken(connection, settings):
    with mock.patch.object(limits, "_redis", side_effect=limits.redis.ConnectionError):
        assert post(connection).status_code == 204

    assert stored() == [CALL]


def test_calls_of_one_second_share_a_ring(connection):
    with mock.patch.object(hooks.current_app, "send_task") as send:
        for n in range(3):
            post(connection, CALL + b" " * n)

    assert send.call_args_list == [mock.call("reporting.apply_inbox", countdown=1, retry=False)]


def test_a_broker_that_is_away_loses_no_call(connection):
    with mock.patch.object(hooks.current_app, "send_task", side_effect=OSError):
        assert post(connection).status_code == 204


def test_the_address_is_the_one_the_account_is_given(connection):
    from accounts.services.connections import webhook_url

    assert webhook_url(connection).endswith(reverse("reporting:hook", args=[connection.webhook_token]))


def test_the_secret_stands_in_no_traceback(connection):
    post(connection)

    assert "webhook-secret" not in repr(hooks._doors)
