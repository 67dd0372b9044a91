"""Loaded into a real Celery worker: ends the whole worker by SIGKILL at one point of the work, once.

SABOTAGE names the point, as `<before|after> <call>`; a call is a verb of the provider (`create_campaign`) or a step of
a delivery (`move_to:armed`, `store:remote_id`). SABOTAGE_DONE is a file that says it has happened.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accounts.providers.brevo.provider import Brevo
from campaigns.models import Delivery

MOMENT, _, POINT = os.environ.get("SABOTAGE", "").partition(" ")
DONE = Path(os.environ.get("SABOTAGE_DONE", "/nonexistent"))


def strike(moment: str, point: str) -> None:
    if (moment, point) == (MOMENT, POINT) and not DONE.exists():
        DONE.touch()
        os.killpg(os.getpgrp(), signal.SIGKILL)


def sabotaged(call: Callable[..., Any], point_of: Callable[..., list[str]]) -> Callable[..., Any]:
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        points = point_of(*args, **kwargs)
        for point in points:
            strike("before", point)
        result = call(self, *args, **kwargs)
        for point in points:
            strike("after", point)
        return result

    return run


Delivery.move_to = sabotaged(Delivery.move_to, lambda new, **_: [f"move_to:{new}"])  # type: ignore[method-assign]
Delivery.store = sabotaged(Delivery.store, lambda **values: [f"store:{name}" for name in values])  # type: ignore[method-assign]
for verb in ("create_list", "save_contacts", "create_campaign", "schedule_campaign"):
    setattr(Brevo, verb, sabotaged(getattr(Brevo, verb), lambda *_, verb=verb, **__: [verb]))
