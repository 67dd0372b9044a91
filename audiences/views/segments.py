"""The segments of a workspace: the list, the builder, one segment with its people."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from accounts.http import WorkspaceRequest, go, render_page, safe_next, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.refusals import CannotDo
from audiences import rules
from audiences.addresses import NotAnAddress, normalise
from audiences.forms.segments import SegmentFilters
from audiences.models import Contact, Segment
from audiences.queries import segments as queries
from audiences.queries.contacts import SEARCH_LETTERS, People, contacts, shown, shown_name
from audiences.services import segments as services
from audiences.views import people

# Tabs of the people of a segment: key → (label, state of the people).
SHOWN = {
    "all": ("Everybody", ""),
    "mailable": ("Mailable", "mailable"),
    "suppressed": ("Suppressed", "suppressed"),
    "random": ("Ten at random", ""),
}


@workspace_view()
def segments(request: WorkspaceRequest) -> HttpResponse:
    form = SegmentFilters(request.GET)
    after = request.GET.get("after", "").replace("\x00", "")
    is_archived = form.value("state") == "archived"
    found = queries.segments(
        request.workspace,
        shows_addresses=people.shows_addresses(request),
        words=form.words(),
        is_archived=is_archived,
        after=after,
    )
    return render_page(
        request,
        "audiences/segments/list.html",
        {
            "form": form,
            "rows": found.rows,
            "after": found.after,
            "is_first": not after,
            "is_all": not (form.words() or is_archived),
            "is_archived": is_archived,
            "chips": people.chips(
                request, {"q": form.words() and f"“{form.words()}”", "state": is_archived and "Archived"}
            ),
            "may_edit": request.membership.may(Role.EDITOR),
        },
        partials={"segments"},
    )


@workspace_view()
def segment(request: WorkspaceRequest, segment_id: int) -> HttpResponse:
    """One segment: its rule, its people, who uses it, how each account receives it, and why somebody is in it.

    An address to ask about comes by POST, to stand in no URL.
    """
    mine = find_segment(request, segment_id)
    (told,) = queries.told(request.workspace, [mine], shows_addresses=people.shows_addresses(request))
    rule = None if told.is_broken else told.rule
    asked = request.GET.get("why", "")
    is_asked = request.method == "POST"
    why = _asked(request, rule, told.known) if is_asked else why_of(request, rule, told.known, asked)
    return render_page(
        request,
        "audiences/segments/detail.html",
        {
            "segment": mine,
            "told": told,
            "count": SimpleLazyObject(lambda: _count(request, rule)),
            "members": SimpleLazyObject(lambda: members(request, rule, request.GET)),
            "receiving": SimpleLazyObject(lambda: queries.receiving(request.workspace)),
            "why": why,
            "may_edit": request.membership.may(Role.EDITOR),
        },
        partials={"people", "why"},
    )


@workspace_view(role=Role.EDITOR, methods=("POST",))
def duplicate_segment(request: WorkspaceRequest, segment_id: int) -> HttpResponse:
    twin = services.duplicate_segment(segment=find_segment(request, segment_id), by=request.user)
    say(request, "Duplicated. Change what is to differ, then save.")
    return go(request, "audiences:edit_segment", twin.pk)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def archive_segment(request: WorkspaceRequest, segment_id: int) -> HttpResponse:
    mine = find_segment(request, segment_id)
    services.archive_segment(segment=mine, by=request.user)
    say(request, f"Archived “{mine.name}”. It can be brought back.")
    return go(request, mine)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def restore_segment(request: WorkspaceRequest, segment_id: int) -> HttpResponse:
    mine = find_segment(request, segment_id)
    try:
        services.restore_segment(segment=mine, by=request.user)
    except CannotDo as refusal:
        say(request, f"{refusal.sentence} Rename one of them first.", level=messages.ERROR)
    else:
        say(request, f"Brought back “{mine.name}”.")
    return go(request, mine)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def count_segment(request: WorkspaceRequest, segment_id: int) -> HttpResponse:
    is_done = services.count_segment(segment=find_segment(request, segment_id))
    say(request, "Counted." if is_done else "This takes a while: it is being counted in the background.")
    return go(request, safe_next(request, default=reverse("audiences:segments")))


def members(request: WorkspaceRequest, rule: rules.Group | None, asked: Any) -> dict[str, Any]:
    """A page of those who fit, as asked for by `show`, `who` and `before`; of a rule that cannot be worked out, nobody."""
    show = (asked.get("show") or asked.get("showing") or "all").partition(" ")[0]
    show = show if show in SHOWN else "all"
    words = asked.get("who", "").strip()[:200].replace("\x00", "") if show != "random" else ""
    tabs = [(key, label) for key, (label, _) in SHOWN.items()]
    found: dict[str, Any] = {
        "tabs": tabs,
        "show": show,
        "words": words,
        "is_too_short": 0 < len(words) < SEARCH_LETTERS,
        "rows": [],
        "older": None,
        "before": None,
    }
    if rule is None:
        return found
    wanted = People(
        request.workspace,
        rule=rule,
        state=SHOWN[show][1],
        words=words if len(words) >= SEARCH_LETTERS else "",
        shows_addresses=people.shows_addresses(request),
    )
    before = id_of(asked.get("before", ""))
    try:
        page = queries.sample(wanted) if show == "random" else contacts(wanted, before=before)
    except CannotDo as refusal:
        return found | {"refusal": refusal.sentence}
    rows = [(row.id, *cells) for row, cells in zip(page.rows, people.rows(page), strict=True)]
    return found | {"rows": rows, "older": page.before, "before": before}


def why_of(
    request: WorkspaceRequest, rule: rules.Group | None, known: rules.Known, asked: str
) -> dict[str, Any] | None:
    """Why this contact is in it, or is not; None if nobody asked."""
    if not (contact_id := id_of(asked)):
        return None
    return _because(request, get_object_or_404(request.workspace.contacts, pk=contact_id), rule, known)


def find_segment(request: WorkspaceRequest, segment_id: int) -> Segment:
    return get_object_or_404(
        request.workspace.segments.select_related("created_by", "workspace"), pk=segment_id
    )


def _asked(request: WorkspaceRequest, rule: rules.Group | None, known: rules.Known) -> dict[str, Any]:
    """The same by address. Who sees no addresses may ask by a whole one, as in the search."""
    asked = request.POST.get("address", "").strip()[:300]
    try:
        contact = request.workspace.contacts.filter(email=normalise(asked)).first()
    except NotAnAddress:
        return {"none": "This is no address. Type all of it, like ana@example.com."}
    if contact is None:
        return {"none": "Nobody in this workspace has this address."}
    return _because(request, contact, rule, known)


def _because(
    request: WorkspaceRequest, contact: Contact, rule: rules.Group | None, known: rules.Known
) -> dict[str, Any]:
    answer, shows = None, people.shows_addresses(request)
    if rule is not None:
        with suppress(CannotDo):
            answer = queries.why(contact, rule, known, shows_addresses=shows)
    if answer is None:
        return {"none": "This rule cannot be worked out as it is."}
    address = shown(contact.email, shows_addresses=shows)
    return {
        "contact": contact,
        "name": shown_name(contact, shows_addresses=shows) or address,
        "answer": answer,
    }


def _count(request: WorkspaceRequest, rule: rules.Group | None) -> queries.Count | None:
    return queries.count(People(request.workspace, rule=rule)) if rule is not None else None
