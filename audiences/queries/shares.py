"""How many people meet each condition of a rule by itself: where a rule leaves nobody, this tells which one does it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db import connection as database

from audiences import rules
from audiences.queries.counting import COUNT_CAP, Count, rounded
from audiences.queries.segments import COUNT_SECONDS, reached, what_is_missing
from audiences.rules import Known, Node
from audiences.sql import loaded, within


def shares(nodes: Mapping[str, Node], known: Known) -> dict[str, Count]:
    """By the keys of `nodes`; what cannot be worked out is left out. One statement, or two where the first takes long."""
    whole = {key: node for key, node in nodes.items() if _is_whole(node, known)}
    if not whole:
        return {}
    tests, values = rules.each(list(whole.values()), known)
    values |= {"workspace": known.workspace.pk, "cap": COUNT_CAP + 1}
    with within(COUNT_SECONDS) as done, database.cursor() as cursor:
        cursor.execute(_statement(tests, "limit %(cap)s"), values)
        done.append(cursor.fetchone())
    if done:
        return {key: _capped(found) for key, found in zip(whole, done[0], strict=True)}
    with database.cursor() as cursor:
        cursor.execute(f"explain (format json) {_statement(tests)}", values)
        (plan,) = loaded(cursor.fetchone()[0])
    rows = {part.get("Subplan Name"): part["Plan Rows"] for part in plan["Plan"]["Plans"]}
    return {key: Count(rounded(rows[f"CTE met{number}"]), "about") for number, key in enumerate(whole)}


def _is_whole(node: Node, known: Known) -> bool:
    return not what_is_missing(node, replace(known, segments=reached(node, known)))


def _capped(found: int) -> Count:
    return Count(COUNT_CAP, "more") if found > COUNT_CAP else Count(found, "exact")


def _statement(tests: Sequence[str], limit: str = "") -> str:
    """Materialized, so that the plan tells of each."""
    met = (
        f"met{number} as materialized (select 1 from audiences_contact c"
        f" where c.workspace_id = %(workspace)s and {test} {limit})"
        for number, test in enumerate(tests)
    )
    counts = (f"(select count(*) from met{number})" for number in range(len(tests)))
    return f"with {', '.join(met)} select {', '.join(counts)}"
