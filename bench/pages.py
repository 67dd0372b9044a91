"""The contact list and its search, against an empty view behind the same middleware."""

import itertools
from collections.abc import Iterator, Sequence
from statistics import median

from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client

from accounts.models import Membership, Role, User, Workspace
from audiences.models import Contact, List
from bench import load, servers
from bench.report import Line

CONNECTIONS = (1, 8, 32)
WORDS = ("vermeulen", "ana", "tower", "zulu99", "reader1234", "iris.rossi", "xylophone", "berg")


def measure(*, people: int, rounds: int, seconds: float) -> Iterator[Line]:
    workspace = fill(people)
    cookie = _log_in(workspace)
    mine = List.objects.filter(workspace=workspace).order_by("id")[0]
    base = f"/w/{workspace.slug}"
    paths = {
        "contact list": [f"{base}/contacts/"],
        "older page": [f"{base}/contacts/?before={people // 2}"],
        "one list, mailable": [f"{base}/contacts/?list={mine.pk}&state=mailable"],
        "search": [f"{base}/contacts/?q={word}" for word in WORDS],
    }
    with servers.web() as port:
        _press(port, [f"{base}/bench/empty/"], cookie, 1, 1)  # the first requests load the code
        for count in CONNECTIONS:
            limits, found = [], {name: [] for name in paths}
            for _ in range(rounds):
                limits.append(_press(port, [f"{base}/bench/empty/"], cookie, count, seconds))
                for name, urls in paths.items():
                    found[name].append(_press(port, urls, cookie, count, seconds))
            limit = median(limits)
            for name, times in found.items():
                target = 25 if name == "one list, mailable" else 0 if name == "search" else 10
                yield Line(
                    f"{name}, {people:,} contacts, {count} connections: p95",
                    median(times), "ms", limit, "an empty view", target,
                )  # fmt: skip


def fill(people: int) -> Workspace:
    """A workspace of that many contacts, kept for the next run."""
    workspace, _ = Workspace.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    if Contact.objects.filter(workspace=workspace).count() != people:
        with connection.cursor() as cursor:
            cursor.execute(
                "truncate audiences_contact, audiences_subscription, audiences_suppression, audiences_list cascade"
            )
            cursor.execute(_PEOPLE, {"workspace": workspace.pk, "people": people})
            cursor.execute(_LISTS, {"workspace": workspace.pk})
            cursor.execute(_SUBSCRIPTIONS)
            cursor.execute(_SUPPRESSIONS, {"workspace": workspace.pk})
            cursor.execute("vacuum analyze")
    return workspace


def _press(port: int, paths: Sequence[str], cookie: str, connections: int, seconds: float) -> float:
    requests = itertools.cycle(load.request("GET", path, headers={"Cookie": cookie}) for path in paths)
    return load.press(port, requests, connections=connections, seconds=seconds).p95_ms


def _log_in(workspace: Workspace) -> str:
    user, _ = User.objects.get_or_create(email="bench@example.test")
    Membership.objects.get_or_create(user=user, workspace=workspace, defaults={"role": Role.EDITOR})
    client = Client()
    client.force_login(user)
    assert SessionStore(client.cookies["campanile_session"].value).exists(
        client.cookies["campanile_session"].value
    )
    return f"campanile_session={client.cookies['campanile_session'].value}"


_PEOPLE = """
insert into audiences_contact (workspace_id, email, first_name, last_name, language, city, country, phone, custom, version)
select %(workspace)s, lower(f) || '.' || lower(l) || n || '@' || d || '.example', f, l, g, c, 'BE', '',
       jsonb_build_object('points', n %% 500), 1
from (
    select n,
      (array['Ana','Ben','Iris','Omar','Lena','Tom','Mia','Yara','Noor','Jan','Eva','Luc'])[1 + n %% 12] as f,
      (array['Vermeulen','Rossi','Novak','Jansen','Berg','Dubois','Silva','Kaya','Weber','Peeters','Smit'])[1 + (n / 7) %% 11] as l,
      (array['fr','nl','de','en',''])[1 + (n / 3) %% 5] as g,
      (array['Liège','Gent','Namur','Brugge','Mons',''])[1 + (n / 5) %% 6] as c,
      (array['tower','bells','mail','post'])[1 + (n / 11) %% 4] as d
    from generate_series(1, %(people)s) n
) made
"""
_LISTS = """
insert into audiences_list (workspace_id, name, description, subscribed_count, version, created_at)
select %(workspace)s, 'List ' || n, '', 0, 1, now() from generate_series(1, 10) n
"""
_SUBSCRIPTIONS = """
insert into audiences_subscription (list_id, contact_id, status)
select l.id, c.id, 'subscribed' from audiences_list l join audiences_contact c on c.id %% 5 = l.id %% 5
""".replace("%%", "%")
_SUPPRESSIONS = """
insert into audiences_suppression (workspace_id, email, contact_id, reason, at, evidence)
select %(workspace)s, email, id, 'unsubscribed', now(), '{}' from audiences_contact where id %% 50 = 0
"""
