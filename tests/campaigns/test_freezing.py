"""Freezing the people of a delivery holds the audience, so that nobody is erased meanwhile."""

import pytest
from django.db import connection as database

from campaigns.mirror import preparing
from tests.factories import CampaignFactory, ConnectionFactory
from tests.reporting.calls import make_delivery

pytestmark = pytest.mark.django_db


def test_nobody_is_erased_while_people_are_frozen(workspace, monkeypatch):
    connection = ConnectionFactory(workspace=workspace)
    delivery = make_delivery(
        CampaignFactory(workspace=workspace, connection=connection), connection, frozen_at=None, equation={}
    )
    held = []

    def freeze(delivery, *, planned_on):
        with database.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
            )
            held.append(cursor.fetchone()[0])
        return {"receives": 1}

    monkeypatch.setattr(preparing, "freeze", freeze)
    preparing._freeze_people(delivery)

    assert held == [1]
