"""A campaign that went out to a few people, and the calls an account makes about it."""

import json
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import pytest

from accounts.models import Connection, Workspace
from audiences.models import Contact
from campaigns.models import Campaign, Delivery
from reporting import limits
from reporting.models import InboxCall
from reporting.views import hooks
from tests.factories import CampaignFactory, ConnectionFactory
from tests.reporting.calls import hand_over, make_delivery


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Nothing of a test before is remembered: doors, rates, rings."""
    hooks._doors.clear()
    limits.forget()
    limits._redis().flushdb()
    yield
    hooks._doors.clear()


@pytest.fixture
def connection(workspace: Workspace) -> Connection:
    return ConnectionFactory(workspace=workspace, webhook_remote_id="7")


@pytest.fixture
def campaign(workspace: Workspace, connection: Connection) -> Campaign:
    return CampaignFactory(
        workspace=workspace, connection=connection, name="November news", status=Campaign.Status.SENT
    )


@pytest.fixture
def delivery(campaign: Campaign, connection: Connection) -> Delivery:
    return make_delivery(campaign, connection)


@pytest.fixture
def people(delivery: Delivery) -> list[Contact]:
    """Six people who were handed over."""
    return hand_over(delivery, 6)


@pytest.fixture
def store(connection: Connection) -> Callable[..., None]:
    """Put calls into the inbox as the receiver would: one row for each body."""

    def store_calls(*calls: Any) -> None:
        for call in calls:
            body = call if isinstance(call, bytes) else json.dumps(call).encode()
            InboxCall.objects.get_or_create(
                connection=connection, digest=blake2b(body, digest_size=32).digest(), defaults={"body": body}
            )

    return store_calls
