"""Two contacts that are one person: what hangs on the other moves to the kept one, and the stricter side wins.

Apps above this one move their own rows. In `AppConfig.ready`:

    from audiences.services import merging

    merging.register(merging.Mover(refuses=…, told=…, moves=…))
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from accounts import activity
from accounts.models import MirrorKind, User
from accounts.refusals import CannotDo
from audiences import privacy
from audiences.models import BulkAction, Contact, Subscription, Suppression
from audiences.queries.merging import STRICTNESS, field_choices, merged_tracking
from audiences.queries.suppressions import is_suppressed
from audiences.services.counts import refresh_counts
from audiences.services.people import block_again, take_over_blocks, unconfirmed_block, write
from audiences.sql import STRICTER_HOLDS


class CannotMerge(CannotDo):
    pass


@dataclass(frozen=True, slots=True)
class Mover:
    """One app's part. `moves` runs in the transaction, the audience being held; the other is deleted after it."""

    # Why the two cannot be merged now; "" when nothing speaks against it.
    refuses: Callable[[Contact, Contact], str]
    # (what, how many) of the other that would move.
    told: Callable[[Contact], list[tuple[str, int]]]
    # Kept, other.
    moves: Callable[[Contact, Contact], None]


MOVERS: list[Mover] = []


def register(mover: Mover) -> None:
    """Add a mover; a second call with the same one changes nothing."""
    if mover not in MOVERS:
        MOVERS.append(mover)


def refusal(kept: Contact, other: Contact) -> str:
    """Why the two cannot be merged now; "" when nothing speaks against it."""
    if (account := unconfirmed_block(other)) is not None:
        return f"{account} has not confirmed yet that it blocks the address that goes. Merge once it has."
    undoing = BulkAction.objects.filter(workspace=kept.workspace, changes__contact_id__in=[kept.pk, other.pk])
    if undoing.filter(Q(state="undoing") | Q(state="failed", failed_in="undoing")).exists():
        return "A bulk action is being undone for one of the two. Merge once that has ended."
    return next((no for mover in MOVERS if (no := mover.refuses(kept, other))), "")


def told(other: Contact) -> list[tuple[str, int]]:
    """What of upper apps would move."""
    return [line for mover in MOVERS for line in mover.told(other) if line[1]]


@transaction.atomic
def merge_people(
    *, kept: Contact, other: Contact, by: User, picks: Mapping[str, str], versions: tuple[int, int]
) -> Contact:
    """One person from now on, under the kept one's address. Cannot be undone.

    `picks`: Field.key → "kept" or "other"; without it the newer value that there is. `versions`: of both, as looked at.
    """
    privacy.stand_still(kept.workspace)
    rows = {
        row.pk: row
        for row in Contact.objects.select_for_update(of=("self",))
        .select_related("workspace")
        .filter(workspace=kept.workspace, pk__in=[kept.pk, other.pk])
        .order_by("pk")
    }
    if len(rows) < 2:
        raise CannotMerge("One of the two is gone: merged before, or erased.")
    kept, other = rows[kept.pk], rows[other.pk]
    if (kept.version, other.version) != versions:
        raise CannotMerge("One of the two changed while you were looking. Look again, then decide.")
    if no := refusal(kept, other):
        raise CannotMerge(no)
    picked = field_choices(kept, other, picks)
    lists = list(Subscription.objects.filter(contact__in=[kept, other]).values_list("list", flat=True))
    values = {
        "workspace": kept.workspace_id, "kept": kept.pk, "other": other.pk, "email": kept.email,
        "other_email": other.email, "by": by.pk, "contact_kind": MirrorKind.CONTACT.value, "strictness": list(STRICTNESS),
    }  # fmt: skip
    _run(_JOURNALS, _TOLD_OF_THE_OTHER, _MEMBERSHIPS, _TAGS, _CONSENTS, _ENGAGEMENT, **values)
    theirs = Suppression.objects.filter(workspace=kept.workspace_id, lifted_at=None, is_pattern=False)
    for block in (
        theirs.filter(Q(contact=other) | Q(email=other.email)).order_by("at").values_list("pk", flat=True)
    ):
        _run(_BLOCK, block=block, **values)
    _run(_STAYS_BLOCKED, _MIRROR, _FORMER, **values)
    for mover in MOVERS:
        mover.moves(kept, other)
    _run(_FORGET, **values)
    write(
        kept,
        {choice.key: choice.value for choice in picked if choice.is_changed},
        tracking=merged_tracking(kept, other),
    )
    take_over_blocks(kept)
    if is_suppressed(kept):
        block_again(kept)
    if lists:
        refresh_counts(workspace=kept.workspace, list_ids=sorted({*lists}))
    activity.record(
        kept.workspace, "contact.merged", "Merged two contacts into one.", actor=by, subject=kept,
        before={"other": other.pk},
        after={
            "version": kept.version, "fields": sorted(choice.key for choice in picked if choice.is_changed),
        },
    )  # fmt: skip
    return kept


def _run(*statements: str, **values: Any) -> None:
    with database.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)


_STRICT = "array_position(%(strictness)s::text[], {0}.status::text)"
_IS_STRICTER = f"({_STRICT.format('o')} > {_STRICT.format('k')} or (o.status = k.status and o.changed_at > k.changed_at))"

# What an import or a bulk action did to the other's memberships is taken back from the kept one: each goes back to what
# both were before, the stricter side again. Values that it wrote stay.
_NONE = "jsonb_build_object('status', null, 'evidence', null, 'changed_at', null)"
_HOW_STRICT = "array_position(%(strictness)s::text[], {0} ->> 'status')"


def _stricter(mine: str, theirs: str) -> str:
    """SQL: of two memberships as a journal holds them, of which one or both may be none."""
    return (
        f"case when coalesce({_HOW_STRICT.format(theirs)}, 0) > coalesce({_HOW_STRICT.format(mine)}, 0)"
        f" then {theirs} else {mine} end"
    )


_MINE = """
select jsonb_build_object('status', k.status, 'evidence', k.evidence, 'changed_at', k.changed_at) as membership
from audiences_subscription k where k.contact_id = %(kept)s and k.list_id = o.list_id
"""
_MADE = "t.first_contact <= c.id and c.id <= t.last_contact and c.created_at = t.at"
_OF_IMPORTS = f"""
with o as (
    select j.step_id, i.list_id, j.membership
    from audiences_importchange j
    join audiences_importstep t on t.id = j.step_id join audiences_import i on i.id = t.of_id
    where j.contact_id = %(other)s and j.membership is not null and i.workspace_id = %(workspace)s
    union all
    select t.id, i.list_id, {_NONE}
    from audiences_contact c join audiences_importstep t on {_MADE}
    join audiences_import i on i.id = t.of_id and i.list_id is not null
    where c.id = %(other)s and i.workspace_id = %(workspace)s
)"""
_OF_BULK = """
with o as (
    select j.of_id, j.at, (a.arguments ->> 'list')::bigint as list_id, j.changes, j.membership
    from audiences_bulkchange j join audiences_bulkaction a on a.id = j.of_id
    where j.contact_id = %(other)s and (j.membership is not null or a.action = 'suppress') and a.workspace_id = %(workspace)s
)"""
_JOURNALS = f"""
{_OF_IMPORTS}
update audiences_importchange k set membership = {_stricter("k.membership", "o.membership")}
from o where k.step_id = o.step_id and k.contact_id = %(kept)s and k.membership is not null;
{_OF_IMPORTS}, made as (
    select t.id from audiences_contact c join audiences_importstep t on {_MADE} where c.id = %(kept)s
)
insert into audiences_importchange (step_id, contact_id, changes, membership)
select o.step_id, %(kept)s, '{{}}', case when made.id is null
       then {_stricter("coalesce(k.membership, " + _NONE + ")", "o.membership")} else o.membership end
from o left join made on made.id = o.step_id left join lateral ({_MINE}) k on true
where (made.id is null or o.membership ->> 'status' is not null) and not exists (
    select 1 from audiences_importchange k
    where k.step_id = o.step_id and k.contact_id = %(kept)s and k.membership is not null
);
{_OF_BULK}
update audiences_bulkchange k set membership = {_stricter("k.membership", "o.membership")}
from o where k.of_id = o.of_id and k.contact_id = %(kept)s and k.membership is not null and o.membership is not null;
{_OF_BULK}
insert into audiences_bulkchange as mine (of_id, at, contact_id, changes, membership)
select o.of_id, o.at, %(kept)s, case when o.membership is null then o.changes else '{{}}' end, case when o.membership is not null
       then {_stricter("coalesce(k.membership, " + _NONE + ")", "o.membership")} end
from o left join lateral ({_MINE}) k on true
on conflict (of_id, contact_id) do update set membership = coalesce(mine.membership, excluded.membership);
update audiences_bulkoutcome o
set contact_ids = array_replace(array_remove(contact_ids, %(kept)s::bigint), %(other)s::bigint, %(kept)s::bigint),
    first = least(o.first, %(kept)s), last = greatest(o.last, %(kept)s)
from audiences_bulkaction a
where a.id = o.of_id and a.workspace_id = %(workspace)s
  and o.first <= %(other)s and o.last >= %(other)s and %(other)s = any(o.contact_ids)
"""

_MEMBERSHIPS = f"""
update audiences_subscription k set status = o.status, evidence = o.evidence, changed_at = o.changed_at
from audiences_subscription o
where o.contact_id = %(other)s and k.contact_id = %(kept)s and k.list_id = o.list_id and {_IS_STRICTER};
delete from audiences_subscription o using audiences_subscription k
where o.contact_id = %(other)s and k.contact_id = %(kept)s and k.list_id = o.list_id;
update audiences_subscription set contact_id = %(kept)s where contact_id = %(other)s
"""

# An account ends a membership that it told of once it no longer tells it. These it told of the other, and of the kept one,
# whom it may hold too or come to hold, it has nothing to end.
_TOLD_OF_THE_OTHER = """
update audiences_subscription
set evidence = evidence - 'connection' || jsonb_build_object('merged_from', %(other)s)
where contact_id = %(other)s and status in ('subscribed', 'pending') and evidence ? 'connection'
"""

_TAGS = """
insert into audiences_tagging (tag_id, contact_id, created_at)
select tag_id, %(kept)s, created_at from audiences_tagging where contact_id = %(other)s
on conflict (tag_id, contact_id) do nothing
"""

# They are append-only: what the other said is written down once more, with its own times, and goes with the other.
_CONSENTS = """
insert into audiences_consent (contact_id, basis_id, list_id, purpose, kind, at, ip, created_at)
select %(kept)s, basis_id, list_id, purpose, kind, at, ip, created_at
from audiences_consent where contact_id = %(other)s order by id
"""

_ENGAGEMENT = """
insert into audiences_engagement as mine
    (contact_id, received, opens, clicks, last_received_at, last_open_at, last_click_at)
select %(kept)s, received, opens, clicks, last_received_at, last_open_at, last_click_at
from audiences_engagement where contact_id = %(other)s
on conflict (contact_id) do update
set received = mine.received + excluded.received, opens = mine.opens + excluded.opens,
    clicks = mine.clicks + excluded.clicks,
    last_received_at = greatest(mine.last_received_at, excluded.last_received_at),
    last_open_at = greatest(mine.last_open_at, excluded.last_open_at),
    last_click_at = greatest(mine.last_click_at, excluded.last_click_at)
"""

# What speaks against the other speaks against the kept one.
_BLOCK = f"""
insert into audiences_suppression as mine
    (workspace_id, email, contact_id, reason, connection_id, at, evidence, created_by_id)
select %(workspace)s, %(email)s, %(kept)s, o.reason, o.connection_id, o.at,
       o.evidence || jsonb_build_object('merged_from', %(other)s), o.created_by_id
from audiences_suppression o where o.id = %(block)s
{STRICTER_HOLDS}"""

# The other's address stays blocked, with nobody behind it, so that no pull and no import makes a second person of it.
_STAYS_BLOCKED = """
update audiences_suppression set contact_id = null where contact_id = %(other)s;
insert into audiences_suppression as mine
    (workspace_id, email, contact_id, reason, connection_id, at, evidence, created_by_id)
values (%(workspace)s, %(other_email)s, null, 'by_hand', null, now(), jsonb_build_object('merged', %(kept)s), %(by)s)
on conflict (workspace_id, email, connection_id) where lifted_at is null do update
set evidence = mine.evidence || excluded.evidence
"""

# An account that holds both goes on with the kept one; the other comes as a twin and is turned away.
_MIRROR = """
delete from accounts_mirrorrow k using accounts_mirrorrow o
where k.kind = %(contact_kind)s and k.object_id = %(kept)s and k.gone_at is not null
  and o.connection_id = k.connection_id and o.kind = k.kind and o.object_id = %(other)s and o.gone_at is null;
delete from accounts_mirrorrow o using accounts_mirrorrow k
where o.kind = %(contact_kind)s and o.object_id = %(other)s
  and k.connection_id = o.connection_id and k.kind = o.kind and k.object_id = %(kept)s;
update accounts_mirrorrow set object_id = %(kept)s, version = 0
where kind = %(contact_kind)s and object_id = %(other)s
"""

_FORMER = """
update audiences_formeraddress set contact_id = %(kept)s where contact_id = %(other)s;
insert into audiences_formeraddress (workspace_id, email, contact_id)
values (%(workspace)s, %(other_email)s, %(kept)s)
on conflict (workspace_id, email) do update set contact_id = excluded.contact_id
"""

# Upper apps have no constraint on the contact: what they left stays as it is.
_FORGET = """
delete from audiences_subscription where contact_id = %(other)s;
delete from audiences_tagging where contact_id = %(other)s;
delete from audiences_engagement where contact_id = %(other)s;
delete from audiences_consent where contact_id = %(other)s;
delete from audiences_duplicatepair where contact_a_id = %(other)s or contact_b_id = %(other)s;
-- There is nobody left to take it back from.
delete from audiences_importchange where contact_id = %(other)s;
delete from audiences_bulkchange using audiences_bulkaction a
where contact_id = %(other)s and of_id = a.id and a.workspace_id = %(workspace)s and a.has_journal;
delete from audiences_contact where id = %(other)s
"""
