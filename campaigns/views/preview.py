"""A mail as one person will read it, in a frame that may do nothing."""

import re
from dataclasses import dataclass
from html import escape
from typing import Any

from django.http import HttpResponse, QueryDict
from django.urls import reverse

from accounts.http import WorkspaceRequest, render_page, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from audiences.models import Contact
from audiences.queries.contacts import shown, shown_name
from campaigns import content, merge_tags
from campaigns.models import Campaign, Content, Template
from campaigns.queries import people
from campaigns.views.campaigns import found, found_template

_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_SCHEME = re.compile(
    r"""(color-scheme["']?\s{0,3}(?::|content=["'])\s{0,3})(?:light dark|dark light)""", re.IGNORECASE
)
# Pictures that are not asked for leave their words behind; the policy would refuse them all the same.
_REMOTE = re.compile(
    r"""(<img\b[^>]{0,2000}?)\s(?:src|srcset)=(?:"(?!data:)[^"]*"|'(?!data:)[^']*')""", re.IGNORECASE
)
FLAGS = ("dark", "text", "images")


@workspace_view(methods=("GET", "HEAD"))
def preview(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    """The preview beside the form, for another person or another look."""
    context = preview_context(request, found(request, campaign_id))
    return render_page(request, "campaigns/preview.html", context, partials={"preview"})


@workspace_view(methods=("GET", "HEAD"))
def preview_frame(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    campaign = found(request, campaign_id)
    contact = (
        None if _is_alike(campaign) else people.step(campaign, id_of(request.GET.get("contact", ""))).contact
    )
    return _frame(request, campaign, _values(request, contact))


@workspace_view(methods=("GET", "HEAD"))
def template_preview(request: WorkspaceRequest, template_id: int) -> HttpResponse:
    context = preview_context(request, found_template(request, template_id))
    return render_page(request, "campaigns/preview.html", context, partials={"preview"})


@workspace_view(methods=("GET", "HEAD"))
def template_frame(request: WorkspaceRequest, template_id: int) -> HttpResponse:
    template = found_template(request, template_id)
    return _frame(request, template, people.values_for(None, request.workspace))


def preview_context(request: WorkspaceRequest, target: Campaign | Template) -> dict[str, Any]:
    """Who is shown, how, and where each control leads."""
    asked = request.GET
    step = people.Step(None, None, None)
    is_alike = _is_alike(target)
    if is_alike:
        names = ("campaigns:preview", "campaigns:preview_frame")
    elif isinstance(target, Campaign):
        who = id_of(asked.get("contact", ""))
        if "gaps" in asked and (worst := people.with_most_gaps(target, _used_fields(target))):
            who = worst.pk
        step = people.step(target, who)
        names = ("campaigns:preview", "campaigns:preview_frame")
    else:
        names = ("campaigns:template_preview", "campaigns:template_frame")
    base, frame = (reverse(name, args=[target.pk]) for name in names)
    state = {"contact": str(step.contact.pk)} if step.contact else {}
    state |= {flag: "1" for flag in FLAGS if asked.get(flag) == "1"}

    def at(address: str, **changes: str) -> str:
        query = QueryDict(mutable=True)
        query.update({name: value for name, value in (state | changes).items() if value})
        return f"{address}?{query.urlencode()}" if query else address

    values = _values(request, step.contact)
    email = name = ""
    if step.contact:
        may_see = request.membership.may(Role.EDITOR)
        email = shown(step.contact.email, shows_addresses=may_see)
        name = shown_name(step.contact, shows_addresses=may_see)
    return {
        "target": target,
        "is_alike": is_alike,
        "person": step.contact,
        "person_email": email,
        "person_name": name,
        "shown_subject": merge_tags.render(target.subject, values, html=False),
        "shown_preview_text": merge_tags.render(target.preview_text, values, html=False),
        "shown_sender": getattr(target, "sender", None) or "",
        "frame_url": at(frame),
        "here_url": at(base),
        "before_url": at(base, contact=str(step.before)) if step.before else "",
        "after_url": at(base, contact=str(step.after)) if step.after else "",
        "gaps_url": at(base, contact="", gaps="1") if step.contact else "",
        "looks": [
            Look(label, icon, flag in state, at(base, **{flag: "" if flag in state else "1"}))
            for flag, label, icon in (
                ("dark", "Dark", "moon"),
                ("text", "Plain text", "text"),
                ("images", "Images", "image"),
            )
        ],
        "is_text": "text" in state,
    }


def _values(request: WorkspaceRequest, contact: Contact | None) -> dict[str, str]:
    return people.values_for(contact, request.workspace, shows_addresses=request.membership.may(Role.EDITOR))


def _is_alike(target: Campaign | Template) -> bool:
    """Whether everybody reads the same, as the account fills nothing in."""
    return (
        isinstance(target, Campaign)
        and target.connection is not None
        and not target.connection.capabilities.personalises
    )


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at a mail that can be on or off."""

    label: str
    icon: str
    is_on: bool
    url: str


def _frame(request: WorkspaceRequest, target: Content, values: dict[str, str]) -> HttpResponse:
    dark, images = request.GET.get("dark") == "1", request.GET.get("images") == "1"
    try:
        rendered = content.render(target)
    except content.CannotRender as refusal:
        body = f"<p>{escape(refusal.sentence)}</p>"
    else:
        if request.GET.get("text") == "1":
            text = merge_tags.render(rendered.text, values, html=False)
            scheme = "dark" if dark else "light"
            body = f'<meta name="color-scheme" content="{scheme}"><pre style="white-space:pre-wrap;font:15px/1.5 ui-monospace,monospace;margin:24px">{escape(text)}</pre>'
        else:
            body = merge_tags.render(rendered.html, values, html=True)
            body = body if images else _REMOTE.sub(r"\1", body)
            body = content.cleaned(body) if target.form == Content.Form.HTML else body
            body = _SCHEME.sub(rf"\g<1>{'dark' if dark else 'light'}", body)
            body = _DARK.sub(
                lambda asked: "(min-width:0)" if (asked[1].lower() == "dark") == dark else "(max-width:0)",
                body,
            )
    response = HttpResponse(body)
    sources = "data: https:" if images else "data:"
    response["Content-Security-Policy"] = (
        f"sandbox; default-src 'none'; img-src {sources}; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _used_fields(campaign: Campaign) -> set[str]:
    source = campaign.html if campaign.form == Content.Form.HTML else campaign.mjml
    names = merge_tags.used("\n".join((campaign.subject, campaign.preview_text, source)))
    return {name.removeprefix("contact.") for name in names if name.startswith("contact.")}
