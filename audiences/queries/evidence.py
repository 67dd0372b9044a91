"""What a suppression rests on, in the words of pages and files."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.details import Subject
from accounts.models import Workspace
from accounts.redaction import redact
from audiences.models import FormerAddress, Suppression
from audiences.models.suppressions import BY_OUR_PAGE
from audiences.queries.contacts import shown, shown_name


def pattern_of(row: Suppression, *, shows_addresses: bool) -> str:
    """The pattern that caught the person, if one did."""
    caught_by: str = row.evidence.get("pattern", "")
    return caught_by if shows_addresses else redact(caught_by)


def link_of(evidence: Mapping[str, Any], campaigns: Mapping[int, str]) -> str:
    """The link the person left by, in words; empty where they did not leave by a page of ours."""
    if evidence.get("said") != BY_OUR_PAGE:
        return ""
    name = campaigns.get(evidence.get("campaign_id") or 0)
    return f"the link in “{name}”" if name else "the link in a mail"


def evidence(row: Suppression, *, campaigns: Mapping[int, str], shows_addresses: bool) -> str:
    text = in_words(row.evidence, campaigns)
    return text if shows_addresses else redact(text)


def in_words(told: Mapping[str, Any], campaigns: Mapping[int, str]) -> str:
    """`campaigns`: id → name of those it may rest on."""
    if link := link_of(told, campaigns):
        return f"The person left by {link}"
    parts = []
    if told.get("told") == "pull":
        parts.append("seen as blocked when the account was read")
    elif told.get("told") == "leaves":
        parts.append("among those the account mails no more")
    elif told.get("told") == "at our word":
        parts.append("refused there because Campanile asked for it")
    if told.get("pattern"):
        parts.append(f"caught by the pattern {told['pattern']}")
    if told.get("import"):
        parts.append("brought by an import")
    if told.get("consent"):
        parts.append("took the consent back")
    if told.get("event"):
        parts.append(f"event “{told['event']}”")
    for name in ("said", "reason"):
        if told.get(name):
            parts.append(f"“{told[name]}”")
    if told.get("moved_from"):
        where = "was changed here" if told.get("moved") == "here" else "changed in an account"
        parts.append(f"carried over when the address {where}")
    if told.get("merged_from"):
        parts.append("carried over when two contacts were merged")
    if told.get("merged"):
        parts.append("the person was merged into another")
    return "; ".join(parts)


def campaigns_behind(workspace: Workspace, suppressions: Sequence[Suppression]) -> dict[int, str]:
    """id → name of the campaigns that suppressions rest on."""
    wanted = {row.evidence.get("campaign_id") for row in suppressions} - {None}
    if not wanted:
        return {}
    return dict(workspace.campaigns.filter(pk__in=wanted).values_list("pk", "name"))


def merged_into(
    workspace: Workspace, suppressions: Sequence[Suppression], *, shows_addresses: bool
) -> dict[int, Subject]:
    """Block of an address that a merge left → who has it now, and where they are."""
    rows = [row for row in suppressions if row.evidence.get("merged")]
    if not rows:
        return {}
    emails = {row.email for row in rows}
    former = FormerAddress.objects.filter(workspace=workspace, email__in=emails).select_related("contact")
    people = {one.email: one.contact for one in former}
    return {
        row.pk: Subject(
            shown_name(person, shows_addresses=shows_addresses)
            or shown(person.email, shows_addresses=shows_addresses),
            person.get_absolute_url(),
        )
        for row in rows
        if (person := people.get(row.email))
    }
