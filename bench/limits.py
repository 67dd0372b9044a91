"""What a pull of each provider is measured against: its answers as raw JSON by COPY, split and upserted in plain SQL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from django.db import connection as database
from django.db import transaction

from accounts.models import Connection

BREVO_PAGE, LEADFOX_PAGE, ESPECIAL_PAGE = 1000, 100, 50

Fetch = Callable[..., requests.Response]


@dataclass(frozen=True, slots=True)
class Limit:
    """How the answers are got, one after the other, and where in them what stands; `p` is one element."""

    pages: Callable[[Fetch], Iterator[str]]
    # Of a page, as (p, lists): the elements, and the lists they are on as text[].
    elements: str
    remote_id: str
    first_name: str
    last_name: str
    custom: str
    words: str


def _brevo(get: Fetch) -> Iterator[str]:
    offset, found = 0, BREVO_PAGE
    while found == BREVO_PAGE:
        reply = get("/contacts", limit=BREVO_PAGE, offset=offset, sort="asc")
        yield reply.text
        found = len(reply.json()["contacts"])
        offset += BREVO_PAGE


def _especial(get: Fetch) -> Iterator[str]:
    for found in get("/lists", per_page=ESPECIAL_PAGE).json()["data"]:
        at: dict[str, Any] = {}
        while True:
            path = f"/lists/{found['id']}/contacts"
            reply = get(path, per_page=ESPECIAL_PAGE, sort="id", **at)
            payload = reply.json()
            yield f'{{"list": {found["id"]}, "page": {reply.text}}}'
            cursor = ((payload.get("pagination") or {}).get("cursor") or {}).get("next")
            if len(payload["data"]) < ESPECIAL_PAGE or not cursor:
                break
            at = {"cursor": cursor}


def _leadfox(get: Fetch) -> Iterator[str]:
    skip, found = 0, LEADFOX_PAGE
    while found == LEADFOX_PAGE:
        reply = get("/v1/contact", skip=skip, limit=LEADFOX_PAGE, sort="_id")
        yield reply.text
        found = len(reply.json())
        skip += LEADFOX_PAGE


def _mailmojo(get: Fetch) -> Iterator[str]:
    yield get("/v1/contacts/").text


def _emailcampaigns(get: Fetch) -> Iterator[str]:
    yield get("/email/contact/").text


IN_PAGES = "raw JSON pages, one after the other, split and upserted in SQL"
AT_ONCE = "the one answer as raw JSON, split and upserted in SQL"

LIMITS = {
    "brevo": Limit(
        _brevo,
        "jsonb_array_elements(body -> 'contacts') p, lateral (select array(select jsonb_array_elements_text(p -> 'listIds'))) as l(lists)",
        "p ->> 'id'",
        "p #>> '{attributes,FIRSTNAME}'",
        "p #>> '{attributes,LASTNAME}'",
        "(p -> 'attributes') - 'FIRSTNAME' - 'LASTNAME'",
        IN_PAGES,
    ),
    "especial": Limit(
        _especial,
        "jsonb_array_elements(body #> '{page,data}') p, lateral (select array(select body ->> 'list')) as l(lists)",
        "p ->> 'email'",
        "(jsonb_path_query_first(p, '$.custom_attributes[*] ? (@.name == \"first_name\").value') #>> '{}')",
        "(jsonb_path_query_first(p, '$.custom_attributes[*] ? (@.name == \"last_name\").value') #>> '{}')",
        "'{}'::jsonb",
        IN_PAGES,
    ),
    "leadfox": Limit(
        _leadfox,
        "jsonb_array_elements(body) p, lateral (select array(select jsonb_array_elements(p -> 'lists') ->> 'list')) as l(lists)",
        "p ->> '_id'",
        "p #>> '{properties,firstname}'",
        "p #>> '{properties,lastname}'",
        "(p -> 'properties') - 'firstname' - 'lastname'",
        IN_PAGES,
    ),
    "mailmojo": Limit(
        _mailmojo,
        "jsonb_array_elements(body) p, lateral (select array(select jsonb_array_elements(p -> 'list_associations') ->> 'list_id')) as l(lists)",
        "p ->> 'email'",
        "p ->> 'first_name'",
        "p ->> 'last_name'",
        "coalesce(nullif(p -> 'custom', 'null'), '{}')",
        AT_ONCE,
    ),
    "emailcampaigns": Limit(
        _emailcampaigns,
        "jsonb_array_elements(body) g, jsonb_array_elements(g -> 'contacts') p, lateral (select array(select g #>> '{$_id,$oid}')) as l(lists)",
        "p ->> 'email'",
        "''",
        "''",
        "jsonb_build_object('name', p ->> 'name')",
        AT_ONCE,
    ),
}


@transaction.atomic
def run(connection: Connection) -> None:
    """Contacts, memberships and remote ids by the statements anybody would write; remembers nothing, rejects nobody."""
    limit = LIMITS[connection.provider]
    provider: Any = connection.open()
    values = {"workspace": connection.workspace_id, "connection": connection.pk}
    with requests.Session() as session, database.cursor() as cursor:
        session.headers.update(provider.client.credentials())

        def get(path: str, **query: Any) -> requests.Response:
            reply = session.get(f"{connection.base_url}{path}", params=query, timeout=300)
            reply.raise_for_status()
            return reply

        cursor.execute("create unlogged table bench_pages (body jsonb)")
        with cursor.copy("copy bench_pages (body) from stdin") as copy:
            for text in limit.pages(get):
                copy.write_row([text])
        cursor.execute("set local work_mem = '256MB'")
        split = _SPLIT.format(
            elements=limit.elements,
            remote_id=limit.remote_id,
            first_name=limit.first_name,
            last_name=limit.last_name,
            custom=limit.custom,
        )
        for statement in (split, _PEOPLE, _LISTS, _CONTACTS, _SUBSCRIPTIONS, _MIRROR):
            cursor.execute(statement, values)
        cursor.execute("drop table bench_pages")


_SPLIT = """
create temp table memberships on commit drop as
select lower(p ->> 'email') as email, {remote_id} as remote_id, coalesce({first_name}, '') as first_name,
       coalesce({last_name}, '') as last_name, {custom} as custom, lists
from bench_pages, {elements}
"""
_PEOPLE = (
    "create temp table people on commit drop as select distinct on (email) * from memberships order by email"
)
_LISTS = """
insert into audiences_list (workspace_id, name, description, subscribed_count, version, created_at)
select %(workspace)s, remote, '', 0, 1, now() from (select distinct unnest(lists) as remote from memberships) found
where not exists (select 1 from audiences_list where workspace_id = %(workspace)s)
"""
_CONTACTS = """
insert into audiences_contact (workspace_id, email, first_name, last_name, language, city, country, phone, custom, version)
select %(workspace)s, email, first_name, last_name, '', '', '', '', custom, 1 from people
on conflict (workspace_id, email) do update
set first_name = excluded.first_name, last_name = excluded.last_name, custom = excluded.custom, updated_at = now()
"""
_SUBSCRIPTIONS = """
insert into audiences_subscription (list_id, contact_id, status)
select distinct l.id, c.id, 'subscribed'
from memberships m, unnest(m.lists) as on_list
join audiences_list l on l.name = on_list and l.workspace_id = %(workspace)s
join audiences_contact c on true
where c.workspace_id = %(workspace)s and c.email = m.email
on conflict (list_id, contact_id) do update set status = excluded.status
"""
_MIRROR = """
insert into accounts_mirrorrow (connection_id, kind, object_id, remote_id, version, seen_at)
select %(connection)s, 4, c.id, people.remote_id, 1, now()
from people join audiences_contact c on c.workspace_id = %(workspace)s and c.email = people.email
on conflict (connection_id, kind, remote_id) do update set seen_at = excluded.seen_at
"""
