"""A workspace as large as they come, made by the database itself and kept for the next run.

Sizes are drawn from one number, that of the people: three memberships, one and a half taggings and five events for each
of them, on lists, tags, languages and cities of which a few have most.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.test import Client

from accounts.models import Membership, Role, User, Workspace
from accounts.partitions import ensure_months
from audiences.models import ConsentBasis, Field

# Another seed by the same sizes gets another number.
VERSION = 4
LISTS, TAGS = 20, 300
EVENTS_PER_PERSON = 5
# Everybody else never got a mail.
ACTIVE_SHARE = 0.4
FIELDS = {
    "points": (Field.Kind.NUMBER, []),
    "born": (Field.Kind.DATE, []),
    "plan": (Field.Kind.CHOICE, ["basic", "plus", "family"]),
    "by_post": (Field.Kind.BOOLEAN, []),
}
FILLED = (
    "audiences_tagging", "audiences_tag", "audiences_consent", "audiences_engagement", "reporting_event", "audiences_suppression",
    "audiences_subscription", "audiences_list", "audiences_contact",
)  # fmt: skip


def seeded(people: int) -> Workspace:
    """The workspace with that many people; made when the database holds another one."""
    workspace, _ = Workspace.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    mark = f"{VERSION} {people}"
    with connection.cursor() as cursor:
        cursor.execute("create table if not exists bench_seed (mark text)")
        cursor.execute("select mark from bench_seed")
        if cursor.fetchone() != (mark,):
            began = time.perf_counter()
            _seed(workspace, people)
            cursor.execute("truncate bench_seed")
            cursor.execute("insert into bench_seed values (%s)", [mark])
            print(f"{people:,} people made in {time.perf_counter() - began:.0f} s", flush=True)
    return workspace


def cookie_of(workspace: Workspace, role: Role = Role.EDITOR) -> str:
    """The session of a member, as a browser sends it."""
    user, _ = User.objects.get_or_create(email=f"bench-{role}@example.test")
    Membership.objects.get_or_create(user=user, workspace=workspace, defaults={"role": role})
    client = Client()
    client.force_login(user)
    session = client.cookies["campanile_session"].value
    assert SessionStore(session).exists(session)
    return f"campanile_session={session}"


def _seed(workspace: Workspace, people: int) -> None:
    for key, (kind, choices) in FIELDS.items():
        Field.objects.get_or_create(
            workspace=workspace, key=key, defaults={"label": key.title(), "kind": kind, "choices": choices}
        )
    basis, _ = ConsentBasis.objects.get_or_create(workspace=workspace, source="Shop")
    ensure_months(behind=12)
    with transaction.atomic(), connection.cursor() as cursor:
        # Nothing here can break a reference; to look up each would take most of the time. Needs a superuser.
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("set local maintenance_work_mem = '512MB'")
        cursor.execute("set local work_mem = '256MB'")
        cursor.execute("select setseed(0.5)")
        cursor.execute(f"truncate {', '.join(FILLED)} restart identity cascade")
        values = {
            "workspace": workspace.pk, "people": people, "lists": LISTS, "tags": TAGS,
            "active": int(people * ACTIVE_SHARE), "events": people * EVENTS_PER_PERSON, "basis": basis.pk,
        }  # fmt: skip
        with _without_indexes(*FILLED):
            for statement in _STATEMENTS:
                cursor.execute(statement, values)
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze")


@contextmanager
def _without_indexes(*tables: str) -> Iterator[None]:
    """Indexes that are no constraint are made afterwards, which takes a fraction of the time."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
            where indrelid = any(%s::regclass[]) and not indisunique
            """,
            [list(tables)],
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"drop index {name}")
        yield
        for _, definition in found:
            cursor.execute(definition)


# Ids begin with 1 and have no gaps: who is who is found by counting.
_PEOPLE = """
insert into audiences_contact
    (workspace_id, email, first_name, last_name, language, city, country, phone, custom, version, created_at, updated_at)
select %(workspace)s, translate(lower(first || '.' || last), 'éüøł', 'euol') || n || '@' || domain || '.example', first, last, language, city,
       case when country < 0.8 then 'BE' when country < 0.95 then 'FR' else '' end,
       case when country < 0.3 then '+32 2 ' || 1000000 + n else '' end,
       jsonb_strip_nulls(jsonb_build_object(
           'points', case when a < 0.9 then floor(power(b, 3) * 5000) end,
           'born', case when b < 0.7 then to_char(date '1940-01-01' + floor(c * 25000)::int, 'YYYY-MM-DD') end,
           'plan', case when c < 0.6 then 'basic' when c < 0.75 then 'plus' when c < 0.8 then 'family' end,
           'by_post', case when d < 0.5 then d < 0.1 end)),
       1, at, at
from (
    select n, a, b, c, d, random() as country,
      (array['Ana','Ben','Iris','Omar','Lena','Tom','Mia','Yara','Noor','Jan','Eva','Luc','Zoé','Jürg','Søren','Łukasz'])
        [1 + floor(power(a, 1.5) * 16)] as first,
      (array['Ver','Ros','Nov','Jan','Ber','Dub','Sil','Kay','Web','Pee','Smi','Mar','Lef','Cla','Hen','Du'])
        [1 + floor(power(b, 2) * 16)]
      || (array['meulen','si','ak','sen','gmann','ois','va','er','ters','th','tens','evre','es','drix','pont','kamp'])
        [1 + floor(power(c, 2) * 16)] as last,
      (array['fr','nl','de','en','','it','es','pl','pt','lb'])[1 + floor(power(d, 2.5) * 10)] as language,
      (array['Bruxelles','Antwerpen','Liège','Gent','','Namur','Brugge','Mons','Leuven','Kortrijk','Lille','Eupen'])
        [1 + floor(power(random(), 2) * 12)] as city,
      (array['tower','bells','mail','post','carillon','belfry'])[1 + floor(power(random(), 2) * 6)] as domain,
      now() - (%(people)s - n) * interval '5 years' / %(people)s as at
    from (
        select n, random() as a, random() as b, random() as c, random() as d from generate_series(1, %(people)s) n
        offset 0
    ) drawn
) made
"""
_LISTS = """
insert into audiences_list (workspace_id, name, description, subscribed_count, version, created_at)
select %(workspace)s, case n when 1 then 'News' when 2 then 'Events' when 3 then 'Offers' else 'List ' || n end,
       '', 0, 1, now()
from generate_series(1, %(lists)s) n
"""
# Five of six on the first, half as many on the second: three lists a person, who is named so that each is drawn.
_SUBSCRIPTIONS = """
insert into audiences_subscription (list_id, contact_id, status, evidence, changed_at, created_at)
select list, contact,
       case when drawn < 0.92 then 'subscribed' when drawn < 0.95 then 'unsubscribed' when drawn < 0.98 then 'pending'
            else 'removed' end,
       '{}', now() - drawn * interval '3 years', now() - interval '3 years'
from (
    select list, contact, random() as drawn
    from generate_series(1, %(lists)s) list, generate_series(1, %(people)s) contact
    where random() + 0 * contact < 0.834 / list
    offset 0
) made
"""
_SUPPRESSIONS = """
insert into audiences_suppression (workspace_id, email, contact_id, reason, at, evidence, is_pattern)
select workspace_id, email, id,
       case id / 100 %% 10 when 0 then 'complained' when 1 then 'by_hand' when 2 then 'bounced' when 3 then 'bounced'
            else 'unsubscribed' end,
       now() - interval '1 year', '{}', false
from audiences_contact where id %% 100 = 50
"""
_TAGS = """
insert into audiences_tag (workspace_id, name, created_at)
select %(workspace)s, 'tag ' || n, now() from generate_series(1, %(tags)s) n
"""
# A quarter of all have the first, one in a thousand the last; each person is drawn from a stretch of their own.
_TAGGINGS = """
insert into audiences_tagging (tag_id, contact_id, created_at)
select tag, 1 + number * width + floor(random() * width), now()
from (select tag, floor(tag / 0.239)::int as width from generate_series(1, %(tags)s) tag) tags,
     generate_series(0, %(people)s / width - 1) number
"""
# Two of five agreed; one of thirteen of them took it back.
_CONSENTS = """
insert into audiences_consent (contact_id, basis_id, purpose, kind, at, created_at)
select c.id, %(basis)s, 'mail', kind, at, now()
from audiences_contact c,
     lateral (values ('given', c.created_at), ('withdrawn', c.created_at + interval '1 day')) said (kind, at)
where c.id %% 5 < 2 and (kind = 'given' or c.id %% 65 = 1)
"""
# Two of five people, the early ones among them more often; the last weeks more than the first.
_EVENTS = """
insert into reporting_event (workspace_id, connection_id, contact_id, kind, at, is_machine, is_exact, link, reason, key, received_at)
select %(workspace)s, 0, 1 + active / 2 * 5 + active %% 2,
       case when kind < 0.6 then 'delivered' when kind < 0.9 then 'opened' when kind < 0.98 then 'clicked'
            else 'soft_bounced' end,
       at, kind between 0.6 and 0.65, true, case when kind between 0.9 and 0.98 then 'https://example.test/offer' else '' end,
       '', decode(lpad(to_hex(n), 32, '0'), 'hex'), at
from (
    select n, floor(power(random(), 1.5) * %(active)s)::int as active, random() as kind,
           now() - power(random(), 2) * interval '360 days' as at
    from generate_series(1, %(events)s) n
    offset 0
) made
"""
_ENGAGEMENT = """
insert into audiences_engagement (contact_id, received, opens, clicks, last_received_at, last_open_at, last_click_at)
select contact_id, count(*) filter (where kind = 'delivered'),
       count(*) filter (where kind = 'opened' and not is_machine), count(*) filter (where kind = 'clicked'),
       max(at) filter (where kind = 'delivered'), max(at) filter (where kind = 'opened' and not is_machine),
       max(at) filter (where kind = 'clicked')
from reporting_event group by contact_id order by contact_id
"""
_COUNTS = """
update audiences_list set counted_at = now(), subscribed_count = (
    select count(*) from audiences_subscription s where s.list_id = audiences_list.id and s.status = 'subscribed')
"""
_STATEMENTS = (
    _PEOPLE, _LISTS, _SUBSCRIPTIONS, _SUPPRESSIONS, _TAGS, _TAGGINGS, _CONSENTS, _EVENTS, _ENGAGEMENT, _COUNTS,
)  # fmt: skip
