"""Conditions over what a person did, agreed to, and whether they may be written to."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from accounts.models import Workspace
from audiences.models import Contact, Suppression
from audiences.rules.fields import days_in_words
from audiences.rules.kinds import Kind, Op, Takes, Thing, Writer
from audiences.rules.nodes import Condition
from audiences.sql import SUPPRESSED, said_last


class _Fixed(Kind):
    """A kind whose things are the same in every workspace."""

    THINGS: Mapping[str, Thing]

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        return {of: thing for of, thing in self.THINGS.items() if only is None or of in only}


class EngagementKind(_Fixed):
    """Over all campaigns. Opens and clicks are those of people; machines are left out."""

    key, title = "engagement", "What they did"
    THINGS: Mapping[str, Thing] = {
        "received": Thing("received a campaign", data=("received", "last_received_at")),
        "opened": Thing("opened a campaign", data=("opens", "last_open_at")),
        "clicked": Thing("clicked in a campaign", data=("clicks", "last_click_at")),
    }

    def all_ops(self) -> Mapping[str, Op]:
        return {
            "in_last": Op("in the last … days", "{of} in the last {value}", Takes.DAYS),
            "not_in_last": Op("not in the last … days", "not {of} in the last {value}", Takes.DAYS),
            "ever": Op("at some time", "ever {of}"),
            "never": Op("never", "never {of}"),
        }

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        count, at = thing.data
        did = f"e.{count} > 0"
        if condition.op in ("in_last", "not_in_last"):
            did = f"e.{at} >= {write.put(write.now - timedelta(days=condition.value))}"
        found = f"exists (select 1 from audiences_engagement e where e.contact_id = c.id and {did})"
        return found if condition.op in ("in_last", "ever") else f"(not {found})"

    def value(self, condition: Condition, thing: Thing) -> str:
        return days_in_words(condition.value) if condition.value is not None else ""


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
