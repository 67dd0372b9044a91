"""Finding people among millions: keyset pages, the trigram index for rare words only.

Pages count as far as is quick (`counted`); what is done with people is told exactly how many (`split`, `people_meant`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection as database

from accounts.models import MirrorKind, Workspace
from accounts.names import without_marks
from accounts.redaction import mask_email, redact
from audiences import rules
from audiences.addresses import sought
from audiences.models import Contact, PeopleCount, Suppression
from audiences.queries.counting import COUNT_CAP, Count, patiently, quickly, rounded
from audiences.sql import SUPPRESSED, like, loaded, said_last

if TYPE_CHECKING:
    from audiences.queries.columns import Column

PAGE = 50
# Below this a search would find everybody.
SEARCH_LETTERS = 3
# Common words are found among the newest; only rare ones need the indexes.
NEWEST = 5_000


@dataclass(frozen=True, slots=True)
class People:
    """Which contacts: all of the workspace, or fewer. `status` is that of the subscription on `list_id`."""

    workspace: Workspace
    words: str = ""
    list_id: int | None = None
    status: str = "subscribed"
    state: str = ""
    connection_id: int | None = None
    language: str = ""
    tag_id: int | None = None
    rule: rules.Group | None = None
    # Of these rows only: those that were ticked.
    ids: tuple[int, ...] = ()
    # Who may not see addresses may not guess them letter by letter either: only a whole one finds its person.
    shows_addresses: bool = True

    @property
    def is_everybody(self) -> bool:
        return not (
            self.list_id
            or self.words
            or self.state
            or self.connection_id
            or self.language
            or self.tag_id
            or self.rule
            or self.ids
        )

    def as_json(self) -> dict[str, Any]:
        """All but the workspace: what background work keeps of a selection."""
        told = {name: getattr(self, name) for name in _KEPT if getattr(self, name)}
        return told | {"ids": list(self.ids)} | ({"rule": rules.as_json(self.rule)} if self.rule else {})

    @classmethod
    def from_json(cls, workspace: Workspace, told: Mapping[str, Any]) -> "People":
        """Raises rules.BadRule for a rule that no longer reads."""
        rule = rules.read(told["rule"]) if told.get("rule") else None
        # Who may not see addresses searched for whole ones only, and goes on doing so.
        shows = bool(told.get("shows_addresses"))
        kept = {name: told[name] for name in _KEPT if name in told}
        return cls(workspace, **kept | {"shows_addresses": shows}, rule=rule, ids=tuple(told.get("ids", ())))


_KEPT = ("words", "list_id", "status", "state", "connection_id", "language", "tag_id", "shows_addresses")


class Row(NamedTuple):
    id: int
    email: str
    name: str
    language: str
    city: str
    reason: str
    created_at: datetime
    # Of the subscription, when a list is asked for.
    status: str
    since_at: datetime | None
    # Of the columns asked for, in their order.
    cells: tuple[Any, ...] = ()
    # The address they had before, where they were searched for by it.
    formerly: str = ""

    def masked(self) -> "Row":
        """As whoever may not see addresses sees it. Files have them where names should be, too."""
        return self._replace(
            email=mask_email(self.email),
            name=redact(self.name),
            language=redact(self.language),
            city=redact(self.city),
            formerly="",
        )


class Slice(NamedTuple):
    rows: list[Row]
    # Where the next page begins; None at the end.
    before: int | None


def contacts(people: People, *, before: int | None = None, columns: Sequence["Column"] = ()) -> Slice:
    """The newest 50, or the 50 before an id. Raises rules.Incomplete."""
    if people.words and (searched := _find(people, before, columns, newest_only=True)) is not None:
        return searched
    found = _find(people, before, columns)
    assert found is not None  # noqa: S101 - only a search among the newest may give up
    return found


def counted(people: People, first: Slice | None = None) -> Count:
    """How many, as far as a page waits for it; `count_patiently` tells the rest. Raises rules.Incomplete.

    `first` is the first page: when it holds everybody, nothing is counted.
    """
    if first is not None and first.before is None:
        return Count(len(first.rows), "exact")
    if people.words:
        return Count(PAGE, "more")
    stored = PeopleCount.objects.filter(workspace=people.workspace).first() if people.is_everybody else None
    if stored is not None and stored.people > COUNT_CAP:
        return Count(stored.people, "stored", stored.counted_at)
    if people.is_everybody and (about := estimate(people)) > COUNT_CAP:
        return Count(about, "about")
    return quickly(lambda: capped(people), at_least=PAGE)


def count_patiently(people: People) -> Count:
    """Exactly, or the planner's estimate where that takes too long. Raises rules.Incomplete."""
    return patiently(lambda: people_meant(people)[0], lambda: estimate(people))


def capped(people: People) -> int:
    """How many, counted one beyond the cap at most."""
    source, where, values = source_of(people)
    with database.cursor() as cursor:
        cursor.execute(
            f"select count(*) from (select 1 from {source} where {where} limit %(cap)s) capped",
            values | {"cap": COUNT_CAP + 1},
        )
        return cursor.fetchone()[0]


def estimate(people: People) -> int:
    """What the planner thinks, in two digits."""
    source, where, values = source_of(people)
    with database.cursor() as cursor:
        cursor.execute(f"explain (format json) select 1 from {source} where {where}", values)
        plan = cursor.fetchone()[0]
    return rounded(loaded(plan)[0]["Plan"]["Plan Rows"])


def split(people: People) -> tuple[int, int]:
    """(all of them, those of them who may be written to), exactly."""
    source, where, values = source_of(people)
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            select count(*), count(*) filter (where c.id not in (
                select s.contact_id from audiences_suppression s
                where s.workspace_id = %(workspace)s and s.lifted_at is null and s.contact_id is not null
            )) from {source} where {where}
            """,
            values,
        )
        return cursor.fetchone()


def reached(people: People) -> tuple[int, int, int]:
    """(those who may be written to, those of them a campaign would go to, those who left), exactly. Raises rules.Incomplete.

    It goes to who is on a list, and to who agreed and left none: counted apart, each is a join.
    """
    source, where, values = source_of(people)
    on, left = (
        f"exists (select 1 from audiences_subscription s where s.contact_id = m.id and s.status = '{status}')"
        for status in ("subscribed", "unsubscribed")
    )
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            with mailable as materialized (select c.id from {source} where ({where}) and not {SUPPRESSED})
            select (select count(*) from mailable),
                   (select count(*) from mailable m where {on})
                   + (select count(*) from mailable m where not {on} and not {left} and {said_last("given", "m.id")}),
                   (select count(*) from mailable m where not {on} and {left})
            """,
            values,
        )
        return cursor.fetchone()


def people_meant(people: People) -> tuple[int, int]:
    """(how many exactly, the last id of them)."""
    source, where, values = source_of(people)
    with database.cursor() as cursor:
        cursor.execute(f"select count(*), coalesce(max(c.id), 0) from {source} where {where}", values)
        return cursor.fetchone()


def languages(workspace: Workspace, *, most: int = 50) -> list[str]:
    """The languages contacts have: one index look-up each, whatever the number of contacts."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            with recursive found as (
                (select language from audiences_contact
                 where workspace_id = %(workspace)s and language > '' order by language limit 1)
                union all
                select (select language from audiences_contact
                        where workspace_id = %(workspace)s and language > found.language order by language limit 1)
                from found where found.language is not null
            )
            select language from found where language is not null limit %(most)s
            """,
            {"workspace": workspace.pk, "most": most},
        )
        return [language for (language,) in cursor.fetchall()]


def shown(email: str, *, shows_addresses: bool) -> str:
    return email if shows_addresses else mask_email(email)


def shown_name(contact: Contact, *, shows_addresses: bool) -> str:
    """An address in a name is one all the same."""
    return contact.full_name if shows_addresses else redact(contact.full_name)


def _find(
    people: People, before: int | None, columns: Sequence["Column"] = (), *, newest_only: bool = False
) -> Slice | None:
    """None: too few among the newest to be sure of the page."""
    source, where, values = source_of(people, before, newest_only=newest_only, is_one_by_one=True)
    hits = f"select c.id from {source} where {where}"
    if people.words and not newest_only:
        # Else the planner may walk everybody from the newest in hope of fifty hits.
        hits = f"with hits as materialized ({hits}) select id from hits"
    formerly = " or ".join(_FORMERLY.format(number) for number, _ in enumerate(_words(people)))
    statement = f"""
        select c.id, c.email, c.first_name || ' ' || c.last_name, c.language, c.city,
               (select reason from audiences_suppression s
                where s.contact_id = c.id and s.lifted_at is null order by s.reason = 'blocked', s.at limit 1),
               c.created_at, on_list.status, on_list.changed_at, {_FORMER.format(formerly) if formerly and people.shows_addresses else "''"}{"".join(f", {column.sql}" for column in columns)}
        from (select id from ({hits}) ids order by id desc limit %(limit)s) page
        join audiences_contact c on c.id = page.id
        left join audiences_subscription on_list on on_list.contact_id = c.id and on_list.list_id = %(list)s
        order by c.id desc
    """
    with database.cursor() as cursor:
        values |= {name: value for column in columns for name, value in column.values.items()}
        cursor.execute(statement, values | {"limit": PAGE + 1})
        rows = [
            Row(
                id_,
                email,
                name.strip(),
                language,
                city,
                reason or "",
                created_at,
                status or "",
                since_at,
                tuple(cells),
                formerly or "",
            )
            for id_, email, name, language, city, reason, created_at, status, since_at, formerly, *cells in cursor.fetchall()
        ]
    if newest_only and len(rows) <= PAGE:
        return None
    if not people.shows_addresses:
        rows = [row.masked() for row in rows]
    return Slice(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None)


def source_of(
    people: People, before: int | None = None, *, newest_only: bool = False, is_one_by_one: bool = False
) -> tuple[str, str, dict[str, Any]]:
    """(from, where, values) of the contacts asked for, as `c`, each once. Raises rules.Incomplete.

    `is_one_by_one`: for a page or a chunk, in the order of ids, not for a number of all.
    """
    values: dict[str, Any] = {
        "workspace": people.workspace.pk,
        "list": people.list_id,
        "status": people.status,
        "connection": people.connection_id,
        "language": people.language,
        "kind": MirrorKind.CONTACT.value,
        "before": before,
        "newest": NEWEST,
        "tag": people.tag_id,
        "ids": list(people.ids),
    }
    source, where = "audiences_contact c", ["c.workspace_id = %(workspace)s"]
    if newest_only:
        source = f"({_newest(people, before)}) c"
    if people.list_id:
        source += " join audiences_subscription l on l.contact_id = c.id"
        where += ["l.list_id = %(list)s", "l.status = %(status)s"]
        if before:
            where.append("l.contact_id < %(before)s")
    if before:
        where.append("c.id < %(before)s")
    if people.state:
        where.append(SUPPRESSED if people.state == "suppressed" else f"not {SUPPRESSED}")
    if people.connection_id:
        where.append(
            "exists (select 1 from accounts_mirrorrow m where m.connection_id = %(connection)s and m.kind = %(kind)s"
            " and m.object_id = c.id and m.gone_at is null)"
        )
    if people.language:
        where.append("c.language = %(language)s")
    if people.tag_id:
        where.append(
            "exists (select 1 from audiences_tagging t where t.contact_id = c.id and t.tag_id = %(tag)s)"
        )
    if people.ids:
        where.append("c.id = any(%(ids)s)")
    if people.rule:
        known = rules.Known.of(people.workspace, people.rule)
        fits = rules.where(people.rule, known, is_one_by_one=is_one_by_one)
        where.append(fits.sql)
        values |= fits.values
    for number, word in enumerate(_words(people)):
        name = f"word{number}"
        address = sought(word)
        values[name] = f"%{like(address)}%"
        # Marks alone are nobody's name.
        values[f"named{number}"] = f"%{like(without_marks(word))}%" if without_marks(word) else None
        values[f"whole{number}"] = address.lower()
        reads = f"ilike %({name})s" if people.shows_addresses else f"= %(whole{number})s"
        # Among the newest few, whether theirs is one; else they are looked up by its index, as the others by theirs.
        had = f"c.id in ({_HAD})" if newest_only else f"c.id = any(array({_HAD}))"
        where.append(f"(c.email {reads} or {_NAMED.format(number)} or {had.format(reads)})")
    return source, " and ".join(where), values


def _words(people: People) -> list[str]:
    return people.words.split()[:5]


_NAMED = "folded(c.first_name) like folded(%(named{0})s) or folded(c.last_name) like folded(%(named{0})s)"
_HAD = (
    "select f.contact_id from audiences_formeraddress f where f.workspace_id = %(workspace)s and f.email {}"
)
# The one they were found by, where neither the present one nor the name tells why.
_FORMER = "(select min(f.email) from audiences_formeraddress f where f.contact_id = c.id and ({}))"
_FORMERLY = f"f.email ilike %(word{{0}})s and not coalesce(c.email ilike %(word{{0}})s or {_NAMED}, false)"


def _newest(people: People, before: int | None) -> str:
    """The first to be searched: of a list, a tag or a language its own newest, since an index has them in that order."""
    source, where = "audiences_contact k", "k.workspace_id = %(workspace)s"
    if people.list_id:
        source += " join audiences_subscription m on m.contact_id = k.id"
        where += " and m.list_id = %(list)s and m.status = %(status)s"
    elif people.tag_id:
        source += " join audiences_tagging m on m.contact_id = k.id"
        where += " and m.tag_id = %(tag)s"
    elif people.language:
        where += " and k.language = %(language)s"
    if before:
        where += " and k.id < %(before)s"
    return f"select k.* from {source} where {where} order by k.id desc limit %(newest)s"


def suppressions_of(contact: Contact) -> Sequence[Suppression]:
    """All of a person's, active ones first, then the newest."""
    rows = Suppression.objects.filter(contact=contact).select_related("connection", "created_by", "lifted_by")
    return sorted(rows.order_by("-at"), key=lambda row: row.lifted_at is not None)
