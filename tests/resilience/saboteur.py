"""Loaded into a real Celery worker: ends the whole worker by SIGKILL at chosen points of the work, once at each.

SABOTAGE lists the points as `<before|after> <call>`, separated by commas; a call is a verb of the provider
(`create_campaign`) or a step of a delivery (`move_to:armed`, `store:remote_id`). A file per point in SABOTAGE_DONE
says that it has been struck.
"""

import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from accounts.providers import PROVIDERS, provider_class
from campaigns.models import Delivery

POINTS = os.environ.get("SABOTAGE", "").split(",")
DONE = Path(os.environ.get("SABOTAGE_DONE", "/nonexistent"))


def strike(point: str) -> None:
    if point in POINTS and not (DONE / point).exists():
        (DONE / point).touch()
        os.killpg(os.getpgrp(), signal.SIGKILL)


def sabotaged(call: Callable[..., Any], names_of: Callable[..., list[str]]) -> Callable[..., Any]:
    @wraps(call)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        names = names_of(*args, **kwargs)
        for name in names:
            strike(f"before {name}")
        result = call(self, *args, **kwargs)
        for name in names:
            strike(f"after {name}")
        return result

    return run


Delivery.move_to = sabotaged(Delivery.move_to, lambda new, **_: [f"move_to:{new}"])  # type: ignore[method-assign]
Delivery.store = sabotaged(Delivery.store, lambda **values: [f"store:{name}" for name in values])  # type: ignore[method-assign]
for cls in map(provider_class, PROVIDERS):
    for verb in (
        "create_list", "save_contacts", "replace_members", "create_campaign", "schedule_campaign", "release_campaign",
    ):  # fmt: skip
        setattr(cls, verb, sabotaged(getattr(cls, verb), lambda *_, verb=verb, **__: [verb]))
