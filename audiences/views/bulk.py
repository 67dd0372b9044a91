"""Bulk actions: choosing what is done with whom, and the page of one that goes on by itself."""

import json
from dataclasses import replace
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django_htmx.http import trigger_client_event

from accounts.http import WorkspaceRequest, go, render_page, safe_next, say, toast, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.redaction import redact
from accounts.refusals import CannotDo
from accounts.templatetags.ui import number
from audiences import queries, rules, services
from audiences.bulk import words
from audiences.forms.bulk import FORMS
from audiences.models import BulkAction
from audiences.queries.contacts import People, shown
from audiences.queries.selections import BadSelection
from audiences.views import people

Action, State = BulkAction.Action, BulkAction.State
EXPORT = "export"
# Selections on their way to another page: key of the session, and how many of one person.
KEPT, MOST_KEPT = "people", 5
# Of the bar, in its order.
ACTIONS: list[dict[str, Any]] = [
    {"value": Action.TAG, "label": "Tag"},
    {"value": Action.UNTAG, "label": "Take a tag off"},
    {"value": Action.ADD_TO_LIST, "label": "Add to a list"},
    {"value": Action.REMOVE_FROM_LIST, "label": "Take off a list"},
    {"value": Action.SET_FIELD, "label": "Set a field"},
    {"value": EXPORT, "label": "Export"},
    {"value": Action.SUPPRESS, "label": "Suppress", "danger": True},
]
_BUTTONS: dict[str, str] = {
    Action.ADD_TO_LIST: "Add",
    Action.REMOVE_FROM_LIST: "Take off",
    Action.TAG: "Tag",
    Action.UNTAG: "Take off",
    Action.SET_FIELD: "Set",
    Action.SUPPRESS: "Suppress",
}
_HEADINGS: dict[str, str] = {
    Action.ADD_TO_LIST: "Add {} to a list",
    Action.REMOVE_FROM_LIST: "Take {} off a list",
    Action.TAG: "Tag {}",
    Action.UNTAG: "Take a tag off {}",
    Action.SET_FIELD: "Set a field of {}",
    Action.SUPPRESS: "Suppress {}",
}
# What is said before it is done.
_MEANS: dict[str, str] = {
    Action.ADD_TO_LIST: "Who left the list once or is suppressed stays out, and is counted.",
    Action.REMOVE_FROM_LIST: "This is no leave: they can be put on it again. Who left it themselves stays somebody who left.",
    Action.TAG: "",
    Action.UNTAG: "",
    Action.SET_FIELD: "The values from before are kept for 30 days, so that this can be undone.",
    Action.SUPPRESS: "Nobody here writes to them any more, and every account that can be told is told. "
    "Only a recorded consent of each person lifts this again.",
}  # fmt: skip


def offered(wanted: People) -> dict[str, Any]:
    """What a table of people needs to offer bulk actions: who all of them are, and what can be done."""
    rule = queries.as_rule(wanted)
    return {
        "selection": queries.signed(wanted),
        "bulk": ACTIONS,
        "segment_query": urlencode({"rule": json.dumps(rules.as_json(rule.rule), separators=(",", ":"))})
        if rule.rule
        else "",
        "segment_leaves_out": rule.left_out,
    }


@workspace_view(role=Role.EDITOR, methods=("POST",))
def choose_bulk(request: WorkspaceRequest) -> HttpResponse:
    """What is to be done with the ticked rows, or with all that match: asks with what."""
    try:
        chosen = _chosen(request)
        total, _ = queries.people_meant(chosen)
    except CannotDo as refusal:
        return _refused(request, refusal.sentence)
    if request.POST.get("action") == EXPORT:
        return go(request, f"{reverse('audiences:new_export')}?people={_kept(request, chosen)}")
    return _form_page(request, chosen, total)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def begin_bulk(request: WorkspaceRequest) -> HttpResponse:
    """A few people at once; many in the background, on a page of their own."""
    action = request.POST.get("action", "")
    if action not in FORMS:
        return _refused(request, "Choose what is to be done with these people.")
    try:
        chosen = queries.read_signed(request.workspace, request.POST.get("people", ""))
        form = FORMS[action](request.POST, workspace=request.workspace, people=chosen)
        if not form.is_valid() or not form.attempt(
            services.begin_bulk, workspace=request.workspace, by=request.user, action=action, people=chosen
        ):
            return _form_page(request, chosen, queries.people_meant(chosen)[0], form)
    except (BadSelection, rules.BadRule, rules.Incomplete) as refusal:
        return _refused(request, refusal.sentence)
    mine: BulkAction = form.result
    if mine.is_moving:
        return go(request, mine)
    sentence = words.sentence(mine)
    if request.htmx:
        link = ("Look, or undo it" if mine.can_be_undone else "Look", mine.get_absolute_url())
        response = toast(HttpResponse(status=204), sentence, link=link)
        return trigger_client_event(trigger_client_event(response, "close-dialog"), "people-changed")
    say(request, sentence)
    return redirect(back(request))


@workspace_view(role=Role.EDITOR, methods=("GET", "HEAD"))
def bulk_value(request: WorkspaceRequest) -> HttpResponse:
    """The field for a new value, fit for the field that was chosen."""
    form = FORMS[Action.SET_FIELD](
        workspace=request.workspace,
        people=People(request.workspace),
        initial={"field": request.GET.get("field", ""), "nonce": ""},
    )
    return render(request, "audiences/bulk/value.html", {"form": form})


@workspace_view(methods=("GET", "HEAD"))
def bulk_action(request: WorkspaceRequest, bulk_id: int) -> HttpResponse:
    """How far one is, what became of whom, and how it is taken back."""
    mine = _find(request, bulk_id)
    title, reason = words.title(mine), mine.arguments.get("reason", "")
    consent = mine.basis.source if mine.basis else ""
    if not people.shows_addresses(request):
        title, reason, consent = redact(title), redact(reason), redact(consent)
    may_edit = request.role.covers(Role.EDITOR)
    is_undone = mine.state == State.UNDONE
    urls = _people_urls(mine) if mine.knows_whom else {}
    return render_page(
        request,
        "audiences/bulk/detail.html",
        {
            "mine": mine,
            "title": title,
            "reason": reason,
            "consent": consent,
            "may_edit": may_edit,
            "progress": queries.bulk_progress(mine) if mine.is_moving else None,
            "figures": [
                {
                    "label": outcome.label,
                    "count": mine.counts.get(name, 0),
                    "definition": outcome.definition,
                    "url": urls.get(name, "") if mine.counts.get(name) else "",
                }
                for name, outcome in words.OUTCOMES[mine.action].items()
                if name in mine.counts or name != "by_hand_too"  # told apart of late
            ],
            # Whose turn never came, since they no longer fitted by then.
            "gone": max(0, (mine.total or 0) - mine.done) if mine.state == State.DONE else 0,
            "way_back": _way_back(mine),
            "may_undo": may_edit and mine.can_be_undone,
            "undo_means": words.BACK.get(mine.action, ""),
            "undone": words.undone(mine) if is_undone else "",
            "kept": [
                (contact_id, shown(address, shows_addresses=may_edit))
                for contact_id, address in queries.bulk_kept(mine)
            ]
            if is_undone and mine.undone.get("kept")
            else [],
            "see": _see(mine),
        },
        partials={"bulk"},
    )


@workspace_view(role=Role.EDITOR, methods=("POST",))
def cancel_bulk(request: WorkspaceRequest, bulk_id: int) -> HttpResponse:
    return _act(request, bulk_id, services.cancel_bulk)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def go_on_with_bulk(request: WorkspaceRequest, bulk_id: int) -> HttpResponse:
    return _act(request, bulk_id, services.go_on_with_bulk)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def undo_bulk(request: WorkspaceRequest, bulk_id: int) -> HttpResponse:
    return _act(request, bulk_id, services.undo_bulk)


def _act(request: WorkspaceRequest, bulk_id: int, service: Any) -> HttpResponse:
    mine = _find(request, bulk_id)
    try:
        service(mine=mine, by=request.user)
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
    return go(request, mine)


def _chosen(request: WorkspaceRequest) -> People:
    """The ticked rows; or all that match, as the page said they are. Raises BadSelection."""
    if request.POST.get("all"):
        return queries.read_signed(request.workspace, request.POST.get("selection", ""))
    ids = tuple(found for one in request.POST.getlist("ids") if (found := id_of(one)))
    if not ids:
        raise BadSelection("Nobody is ticked. Tick some rows first.")
    return replace(People(request.workspace), ids=ids)


def _form_page(request: WorkspaceRequest, chosen: People, total: int, form: Any = None) -> HttpResponse:
    action = request.POST.get("action", "")
    if action not in FORMS:
        return _refused(request, "Choose what is to be done with these people.")
    form = form or FORMS[action](workspace=request.workspace, people=chosen)
    if form.nothing and not form.is_bound:
        return _refused(request, form.nothing)
    needs_number = services.needs_number(request.workspace, action, chosen, total)
    if "typed" in form.fields:
        if needs_number:
            form.fields[
                "typed"
            ].help_text = f"Type {total} to go on: they are a large part of everybody here."
            form.fields["typed"].required = True
        else:
            del form.fields["typed"]
    said = "1 person" if total == 1 else f"{number(total)} people"
    return render_page(
        request,
        "audiences/bulk/new.html",
        {
            "form": form,
            "action": action,
            "people": queries.signed(chosen),
            "total": total,
            "heading": _HEADINGS[action].format(said),
            "means": _MEANS[action],
            "button": _BUTTONS[action],
            "danger": action == Action.SUPPRESS,
            "in_background": total > services.AT_ONCE,
            "back": back(request),
        },
        partials={"bulk_dialog"},
        status=form.http_status,
    )


def _refused(request: WorkspaceRequest, sentence: str) -> HttpResponse:
    if request.htmx:
        return toast(HttpResponse(status=204), sentence, tone="bad")
    say(request, sentence, level=messages.ERROR)
    return redirect(back(request))


def back(request: WorkspaceRequest) -> str:
    return safe_next(request, default=reverse("audiences:contacts"))


def _kept(request: WorkspaceRequest, chosen: People) -> str:
    """A selection put by in the session; the key it is found under. In an address it would stand in logs."""
    key = token_urlsafe(9)
    kept = [*request.session.get(KEPT, {}).items(), (key, queries.signed(chosen))]
    request.session[KEPT] = dict(kept[-MOST_KEPT:])
    return key


def _people_urls(mine: BulkAction) -> dict[str, str]:
    """Outcome → the people it became of, where that is written down."""
    url = f"{reverse('audiences:contacts')}?bulk={mine.pk}"
    kind = rules.KINDS["bulk"]
    told = kind.ops(mine.pk, kind.things(mine.workspace, [mine.pk])[mine.pk])
    urls = {name: f"{url}&outcome={name}" for name in told if name != "changed"}
    return urls | {BulkAction.WRITTEN[mine.action]: url}


def _way_back(mine: BulkAction) -> str:
    """Beside one that has ended and cannot be undone."""
    if mine.is_moving or mine.can_be_undone or mine.state == State.UNDONE or not mine.changed:
        return ""
    return words.NO_WAY_BACK.get(mine.action, words.JOURNAL_GONE)


def _see(mine: BulkAction) -> tuple[str, str] | None:
    """(words, address) of where the result can be looked at."""
    contacts, told = reverse("audiences:contacts"), mine.arguments
    match mine.action:
        case Action.ADD_TO_LIST | Action.REMOVE_FROM_LIST:
            return "Open the list", reverse("audiences:list", args=[told["list"]])
        case Action.TAG:
            return "Who has the tag now", f"{contacts}?{urlencode({'tag': told['tag']})}"
        case Action.SUPPRESS:
            return "Who is suppressed by hand", f"{contacts}?state=by_hand"
    return None


def _find(request: WorkspaceRequest, bulk_id: int) -> BulkAction:
    found = BulkAction.objects.select_related("workspace", "created_by", "basis")
    return get_object_or_404(found, pk=bulk_id, workspace=request.workspace)
