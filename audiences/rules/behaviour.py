"""Conditions over what a person did, agreed to, and whether they may be written to."""

import math
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

from accounts.days import day_after, start_of
from accounts.models import Workspace
from audiences.models import Contact, Suppression
from audiences.rules.fields import value_in_words
from audiences.rules.kinds import Kind, Meant, Op, Takes, Thing, Writer
from audiences.rules.nodes import Condition
from audiences.rules.spellings import denies
from audiences.sql import SUPPRESSED, said_last

NEWEST_ONLY = "Only the newest time of each person is known: whoever did so again later is judged by that."
MORE_OFTEN = "Those who did so more often are in it, too."


class _Fixed(Kind):
    """A kind whose things are the same in every workspace."""

    THINGS: Mapping[str, Thing]

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        return {of: thing for of, thing in self.THINGS.items() if only is None or of in only}


class EngagementKind(_Fixed):
    """Over all campaigns. Opens and clicks are those of people; machines are left out."""

    key, title = "engagement", "What they did"
    is_about_deeds = True
    THINGS: Mapping[str, Thing] = {
        "received": Thing("received a campaign", data=("received", "last_received_at")),
        "opened": Thing("opened a campaign", data=("opens", "last_open_at")),
        "clicked": Thing("clicked in a campaign", data=("clicks", "last_click_at")),
    }

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "in_last": Op("in the last … days", "{of} in the last {value}", Takes.DAYS),
            "not_in_last": Op("not in the last … days", "not {of} in the last {value}", Takes.DAYS),
            "since": Op("since", "{of} since {value}", Takes.DATE),
            "not_since": Op("not since", "not {of} since {value}", Takes.DATE),
            "last_before": Op("last before", "{of} before {value} but not since", Takes.DATE),
            "ever": Op("at some time", "ever {of}"),
            "never": Op("never", "never {of}"),
            "at_least": Op("at least … times", "{of} at least {value}", Takes.NUMBER),
            "at_most": Op("at most … times", "{of} at most {value}", Takes.NUMBER),
        }

    def meant(self, of: str | int, op: str, value: Any, words: Collection[str], today: date) -> Meant | None:
        said = set(words) - {"did", "have", "has", "who", "people"}
        denials = {word for word in said if denies(word) or word == "nothing"}
        is_denied = bool(denials)
        if said - denials and (is_denied or not said <= {"last", "newest"}):
            return None
        since = "not_since" if is_denied else "since"
        match op:
            case "after":
                return Meant(since, day_after(date.fromisoformat(value)).isoformat())
            case "before" if not is_denied:
                return Meant("last_before", value, "" if said else NEWEST_ONLY)
            case "on" | "within":
                first, last = (value, value) if op == "on" else value
                return Meant(since, first, NEWEST_ONLY if date.fromisoformat(last) < today else "")
            case "at_least" | "equals" | "at_most" if not is_denied:
                often = MORE_OFTEN if op == "equals" else ""
                return Meant("at_most" if op == "at_most" else "at_least", value, often)
            case "more" | "less" if not is_denied:
                return (
                    Meant("at_least", math.floor(value) + 1)
                    if op == "more"
                    else Meant("at_most", math.ceil(value) - 1)
                )
        return None

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        count, at = thing.data
        match condition.op:
            case "in_last" | "not_in_last":
                did = f"e.{at} >= {write.put(write.now - timedelta(days=condition.value))}"
            case "since" | "not_since" | "last_before":
                sign = "<" if condition.op == "last_before" else ">="
                did = f"e.{at} {sign} {write.put(start_of(date.fromisoformat(condition.value), write.zone))}"
            case "at_least" | "at_most":
                # At least none, and at most none, is said of whoever has no row as well.
                least = condition.value if condition.op == "at_least" else math.floor(condition.value) + 1
                did = f"e.{count} >= {write.put(least)}"
                if least <= 0:
                    return "true" if condition.op == "at_least" else "false"
            case _:
                did = f"e.{count} > 0"
        found = f"exists (select 1 from audiences_engagement e where e.contact_id = c.id and {did})"
        is_did = condition.op in ("in_last", "since", "last_before", "ever", "at_least")
        return found if is_did else f"(not {found})"

    def value(self, condition: Condition, thing: Thing) -> str:
        said = value_in_words(condition, super().value(condition, thing))
        if condition.op in ("at_least", "at_most"):
            return f"{said} time{'' if condition.value == 1 else 's'}"
        return said


class MailableKind(_Fixed):
    key, title = "mailable", "May be written to"
    THINGS: Mapping[str, Thing] = {"any": Thing("suppressed")} | {
        reason.value: Thing(f"suppressed: {reason.label.lower().removeprefix('suppressed ')}")
        for reason in Suppression.Reason
    }

    def all_ops(self) -> Mapping[str, Op]:
        return {"is": Op("yes", "{of}"), "is_not": Op("no", "not {of}")}

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        found = SUPPRESSED
        if condition.of != "any":
            found = f"{SUPPRESSED[:-1]} and s.reason = {write.put(condition.of)})"
        return found if condition.op == "is" else f"(not {found})"


class ConsentKind(_Fixed):
    """To be written to at all, and to be counted."""

    key, title = "consent", "Consent"
    THINGS: Mapping[str, Thing] = {
        "mail": Thing("agreed to be written to"),
        "tracking": Thing("opens and clicks may be counted"),
    }

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "given": Op("on record", "{of}: on record"),
            "not_given": Op("not on record", "{of}: not on record"),
            "denied": Op("denied or taken back", "{of}: denied or taken back"),
        }

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        if condition.of == "tracking":
            answer = Contact.Tracking.DENIED if condition.op == "denied" else Contact.Tracking.GRANTED
            found = f"c.tracking = '{answer.value}'"
            return f"(not ({found}))" if condition.op == "not_given" else f"({found})"
        found = said_last("withdrawn" if condition.op == "denied" else "given", "c.id")
        return f"(not {found})" if condition.op == "not_given" else found
