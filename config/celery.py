import gc
import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("campanile")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@celeryd_init.connect
def wait_patiently_for_the_broker(conf: Any, **_: object) -> None:
    """Pages must not wait for a hung broker, so settings.py is strict; a worker has nothing else to do."""
    conf.broker_transport_options = {
        "visibility_timeout": 600,
        "socket_connect_timeout": 5,
        "socket_timeout": 15,
        "socket_keepalive": True,
    }


@worker_process_init.connect
def collect_seldom(**_: object) -> None:
    """Rows by the hundred thousand make no cycles: to look through them again and again cost an import a tenth of its time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@setup_logging.connect
def log_as_django_does(**_: object) -> None:
    from logging.config import dictConfig

    from django.conf import settings

    dictConfig(settings.LOGGING)
