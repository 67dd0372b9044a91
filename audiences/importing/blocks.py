"""Rows of a file that suppress: an address or a pattern, why, since when. Staged, previewed and applied like people.

In the stage the address or pattern stands as the address, the time of the block where a consent has its own, and the
rest as fields: {"kind": reason, "reason", "at": the file's words, "odd": what is wrong with its day, "pattern": true}.
"""

from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any

from django.db import connection as database
from django.db import transaction

from audiences.addresses import NotAnAddress, address_or_pattern
from audiences.erased import GONE, PROBLEM, Erased
from audiences.field_names import fold
from audiences.files.reading import Row
from audiences.files.values import MistypedYear, is_nothing, parser
from audiences.importing.shaping import NotYet, bad, instant, names_erased, nothing_of, one_line, too_many
from audiences.importing.tables import STANDARD, Tables
from audiences.models import Import, Suppression
from audiences.services.suppressions import RESOLVED_AT_ONCE, propagate, resolve_patterns
from audiences.sql import HOW_BAD, SAYS_MORE, STRICTER_HOLDS

Reason = Suppression.Reason
TARGETS = {"email": "Address or pattern", "reason": "Reason", "at": "When"}
# Rows of a chunk: each person of it may have to be told to every account.
CHUNK = 20_000
MAX_REASON = 300

# Headings, folded.
_REASONS = "reason why cause type source status motif raison grund motivo razon reden arsak syy powod duvod comment note"
_TIMES = (
    "at on date when time since day createdat created createdon added addedat dateadded unsubscribedat unsubscribed"
    " unsubscribetime optouttime optoutdate suppressedat blockedat blocked bouncedat bounced timestamp datum datumzeit fecha"
    " data dato depuis seit blockeddate suppresseddate suppressed seitdem"
)
TIMES = frozenset(_TIMES.split())
# What tools call it, by the beginning of a word, worst first.
_WORDS = {
    Reason.COMPLAINED: "complain complaint spam abuse junk feedback plainte beschwerde queja reclamo klacht",
    Reason.BOUNCED: "bounce hardbounce hard invalid nonexist undeliver unknown dead rebond ungultig rebote",
    Reason.UNSUBSCRIBED: "unsub optout opt left leave remov withdr desabon desinscri abgemeldet abmeld baja cancel"
    " afgemeld avmeld",
    Reason.BLOCKED: "block blacklist suppress denylist",
}


def reason_of(text: str) -> str:
    """The reason a file's words stand for; empty for words nobody knows."""
    folded = fold(text)
    for reason, words in _WORDS.items():
        if any(word in folded for word in words.split()):
            return reason.value
    return ""


def guess_columns(columns: Sequence[dict[str, Any]], *, email: int) -> list[dict[str, str]]:
    """Each target once; the address by what stands in the column, the others by name, the time also by its cells."""
    taken = {"email"}
    mapping = []
    for index, column in enumerate(columns):
        name, target = fold(column["name"]), ""
        is_date = column["as"].startswith("date")
        if index == email:
            target = "email"
        elif "at" not in taken and is_date and (name in TIMES or _is_only_date(columns)):
            target = "at"
        elif "reason" not in taken and not is_date and name in _REASONS.split():
            target = "reason"
        taken.add(target)
        mapping.append({"to": target, "as": column["as"] if target == "at" else "text"})
    return mapping


def _is_only_date(columns: Sequence[dict[str, Any]]) -> bool:
    return sum(column["as"].startswith("date") for column in columns) == 1


class BlockShape:
    """How the columns of one import become a row of the stage."""

    def __init__(self, mine: Import) -> None:
        self.width = len(mine.columns)
        places = {column["to"]: index for index, column in enumerate(mine.mapping) if column["to"]}
        self.email, self.reason, self.at = (places.get(target, -1) for target in TARGETS)
        self.parse = parser(mine.mapping[self.at]["as"]) if self.at >= 0 else None
        self.erased = Erased(mine.workspace)

    def staged(self, row: Row) -> tuple[Any, ...]:
        """The row in the order of tables.STAGED."""
        line, cells, problem = row
        if problem:
            return self._bad(row, problem)
        cells = [*cells, *[""] * (self.width - len(cells))]
        if any(cells[self.width :]):
            return self._bad(row, too_many(row))
        try:
            email, is_pattern = address_or_pattern(cells[self.email])
        except NotAnAddress as error:
            return self._bad(row, error.problem.value)
        if email in self.erased:
            return nothing_of(row)
        said = one_line(cells[self.reason])[:MAX_REASON] if self.reason >= 0 else ""
        text = at = odd = ""
        if self.parse is not None and (text := cells[self.at].strip()):
            # Nobody stays mailable for a day that does not read: without one, it is the day of the import.
            try:
                at = instant(text, self.parse)
            except NotYet:
                odd = "not_yet"
            except MistypedYear:
                odd = "no_such_year"
            except ValueError:
                odd = "" if is_nothing(text) else "not_such_a_value"
        pairs = [f'"kind":"{reason}"'] if (reason := reason_of(said)) else []
        if said:
            pairs.append(f'"reason":{encode_basestring(self._kept(said))}')
        if text:
            pairs.append(f'"at":{encode_basestring(self._kept(one_line(text)[:MAX_REASON]))}')
        if odd:
            pairs.append(f'"odd":"{odd}"')
        if is_pattern:
            pairs.append('"pattern":true')
        empty = ("",) * len(STANDARD)
        return (line, email, *empty, f"{{{','.join(pairs)}}}", at, "", "", "")

    def _bad(self, row: Row, problem: str) -> tuple[Any, ...]:
        return nothing_of(row) if names_erased(row, self.erased) else bad(row, problem)

    def _kept(self, text: str) -> str:
        """Who else stands in the row is no reason to write to its person again."""
        return GONE if self.erased.is_in(text) else text


def write(mine: Import, tables: Tables, values: dict[str, Any]) -> None:
    """The new ones of a chunk that was told apart; the accounts that hold these people are asked to refuse them."""
    with database.cursor() as cursor:
        write_all = _WRITE.format(stage=tables.stage, stricter_holds=STRICTER_HOLDS, says_more=SAYS_MORE)
        cursor.execute(write_all, values | {"by": mine.created_by_id})
        contacts = [contact for (contact,) in cursor.fetchall() if contact]
    propagate(workspace=mine.workspace, contact_ids=contacts)


def resolve_next(mine: Import) -> bool:
    """Suppress by name some more of those whom patterns catch; False when nobody is left."""
    with transaction.atomic():
        return resolve_patterns(workspace=mine.workspace, most=RESOLVED_AT_ONCE) == RESOLVED_AT_ONCE


def people_caught(mine: Import) -> int:
    """People of the workspace whom the new rows of the preview would suppress, and who are not yet."""
    tables = Tables(mine)
    with database.cursor() as cursor:
        cursor.execute(
            _PEOPLE.format(stage=tables.stage, preview=tables.preview), {"workspace": mine.workspace_id}
        )
        return int(cursor.fetchone()[0])


def odd_days(mine: Import) -> int:
    """New rows of the preview whose day does not read."""
    tables = Tables(mine)
    with database.cursor() as cursor:
        cursor.execute(
            f"select count(*) from (select line from {tables.stage} where custom ? 'odd'"
            f" intersect select line from {tables.preview} where outcome = 'new') odd"
        )
        return int(cursor.fetchone()[0])


def statement(mine: Import) -> str:
    """The outcome of each row of a chunk as the table `told`."""
    tables = Tables(mine)
    return f"""
    create temp table told on commit drop as
    with chunk as (
        select s.line, s.email, s.problem, t.first < s.line as is_twin,
               s.custom @> '{{"pattern": true}}' as is_pattern, coalesce(s.consent_at, %(consent_at)s, statement_timestamp()) as at,
               coalesce(s.consent_at, %(consent_at)s) is not null as is_dated, coalesce(s.custom ->> 'kind', %(reason)s) as reason
        from {tables.stage} s
        left join {tables.twins} t on t.email = s.email
        where s.line > %(after)s and s.line <= %(until)s
    )
    select line,
           case when problem = '{PROBLEM}' then 'unchanged'
                when problem <> '' then 'invalid'
                when is_twin then 'duplicate'
                when known.id is not null then 'unchanged'
                when history.id is not null then 'lifted'
                else 'new' end as outcome,
           null::bigint as contact_id, '{{}}'::jsonb as changes, null::jsonb as membership,
           coalesce(known.id, history.id) as suppression_id
    from chunk
    -- Known is what says no less: nothing milder, nothing older, and nobody caught by a pattern alone. Beside a block of our
    -- own, blocked without a reason says nothing, however new: SAYS_MORE would not write it.
    left join lateral (
        select b.id from audiences_suppression b
        where b.workspace_id = %(workspace)s and b.email = chunk.email and b.lifted_at is null
          and b.is_pattern = chunk.is_pattern and not (b.evidence ? 'pattern' and not b.is_pattern)
          and {HOW_BAD.format("b")} <= {HOW_BAD.format("chunk")} and (b.at >= chunk.at or not chunk.is_dated or b.connection_id is null and chunk.reason = 'blocked')
        order by b.at, b.id limit 1
    ) known on chunk.problem = ''
    left join lateral (
        select old.id from audiences_suppression old
        where old.workspace_id = %(workspace)s and old.email = chunk.email and old.lifted_at is not null
          and case
              when old.lift_evidence ? 'agreed_at' then (old.lift_evidence ->> 'agreed_at')::timestamptz >= chunk.at
              else old.connection_id is null and old.lifted_at >= chunk.at
              end
        order by old.lifted_at desc limit 1
    ) history on chunk.problem = '' and known.id is null
    order by line
    """


_WRITE = """
insert into audiences_suppression as mine
    (workspace_id, email, contact_id, reason, at, evidence, created_by_id, is_pattern)
select %(workspace)s, s.email, coalesce(c.id, f.contact_id), coalesce(s.custom ->> 'kind', %(reason)s),
       coalesce(s.consent_at, %(consent_at)s, statement_timestamp()),
       jsonb_strip_nulls(jsonb_build_object('import', %(import)s, 'reason', s.custom -> 'reason')),
       %(by)s, s.custom @> '{{"pattern": true}}'
from told r join {stage} s on s.line = r.line
left join audiences_contact c
  on c.workspace_id = %(workspace)s and c.email = s.email and not s.custom @> '{{"pattern": true}}'
left join audiences_formeraddress f
  on f.workspace_id = %(workspace)s and f.email = s.email and not s.custom @> '{{"pattern": true}}'
where s.line > %(after)s and s.line <= %(until)s and r.outcome = 'new'
order by s.email
{stricter_holds} where {says_more}
returning contact_id
"""

_PEOPLE = """
with told as materialized (
    select s.email, split_part(s.email, '@', 1) as name, split_part(s.email, '@', 2) as domain,
           s.custom @> '{{"pattern": true}}' as is_pattern
    from {preview} r join {stage} s on s.line = r.line where r.outcome = 'new'
), caught as (
    select c.id from told join audiences_contact c on c.workspace_id = %(workspace)s and c.email = told.email
    where not told.is_pattern
    union
    select c.id from told join audiences_contact c on split_part(c.email, '@', 2) = told.domain
    where c.workspace_id = %(workspace)s and told.is_pattern and told.name = '*'
    union
    select c.id from told join audiences_contact c on split_part(c.email, '@', 1) = told.name
    where c.workspace_id = %(workspace)s and told.is_pattern and told.domain = '*'
)
select count(*) from caught
where not exists (
    select 1 from audiences_suppression s where s.contact_id = caught.id and s.lifted_at is null
)
"""
