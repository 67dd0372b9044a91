"""The rule builder: one form that holds the tree, drawn again by the server after each move."""

import json
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django_htmx.http import trigger_client_event

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.refusals import CannotDo
from audiences import rules
from audiences.forms.rule import Draft
from audiences.forms.rule_rows import joined, read_json, split
from audiences.forms.segments import SegmentForm
from audiences.models import Segment
from audiences.queries import segments as queries
from audiences.queries.contacts import People
from audiences.queries.counting import Count
from audiences.queries.shares import shares
from audiences.services import segments as services
from audiences.views import people
from audiences.views.segments import find_segment, members, why_of

# Of one kind, until something is typed.
OFFERED = 8


@workspace_view(role=Role.EDITOR)
def new_segment(request: WorkspaceRequest) -> HttpResponse:
    """Empty, or with a rule from elsewhere: `?rule=` as JSON, or `?list=` and `?tag=` with their ids."""
    return _build(request, None)


@workspace_view(role=Role.EDITOR)
def edit_segment(request: WorkspaceRequest, segment_id: int) -> HttpResponse:
    return _build(request, find_segment(request, segment_id))


@workspace_view(role=Role.EDITOR)
def field_values(request: WorkspaceRequest) -> HttpResponse:
    """Suggestions for a value, each with the values typed before it."""
    typed = request.POST.get(f"{request.GET.get('row', '')}.value", "")[:2000]
    before, comma, _ = typed.rpartition(",")
    given = split(before)
    found = queries.values_of(request.workspace, request.GET.get("of", "")[:100].replace("\x00", ""))
    options = [joined([*given, value]) for value in found if value not in given] if comma else found
    return render(request, "audiences/segments/values.html", {"options": options})


def _build(request: WorkspaceRequest, mine: Segment | None) -> HttpResponse:
    """GET draws it, `do` and `add` change the tree, `save` saves; which part is answered depends on who asks."""
    draft = _draft(request, mine)
    is_saving = "save" in request.POST
    given = request.POST if request.method == "POST" else _given(mine)
    form = SegmentForm(request.POST, draft=draft) if is_saving else SegmentForm(initial=given, draft=draft)
    theirs, differs, saved = None, {}, None
    if is_saving and form.is_valid():
        try:
            saved = _save(request, mine, form)
        except services.ChangedMeanwhile as refusal:
            theirs = queries.told(request.workspace, [refusal.theirs], shows_addresses=True)[0]
            differs = _theirs(theirs, refusal.differs)
            form.add_error(None, refusal.sentence)
        if saved is not None:
            return saved
    find = "" if draft.has_added else _find(request)
    if not request.htmx or request.htmx.target == "rule":
        draft.choices()
    # A page with a script asks for these when it stands; they never keep it waiting.
    if request.method == "POST" and (not request.htmx or request.htmx.target == "shares"):
        _count_each(draft)
    only = _only(request, draft)
    response = render_page(
        request,
        "audiences/segments/builder.html",
        {
            "segment": mine,
            "form": form,
            "draft": draft,
            "theirs": theirs,
            "differs": differs,
            "version": theirs.segment.version if theirs else None,
            "find": find,
            "offered": SimpleLazyObject(lambda: _offered(draft, find)),
            "standing": SimpleLazyObject(lambda: _standing(request, draft)),
            "only": only,
            "members": SimpleLazyObject(
                lambda: members(request, only["rule"] if only else draft.rule, request.POST)
            ),
            "is_showing": bool(request.POST.get("show") or request.POST.get("showing")),
            "why": why_of(request, draft.rule, draft.known, request.POST.get("why", "")),
            "receiving": SimpleLazyObject(lambda: queries.receiving(request.workspace)),
        },
        partials={"rule", "offers", "standing", "shares", "people", "why"},
        status=form.http_status if not theirs else 409,
    )
    if request.htmx and request.htmx.target == "rule":
        trigger_client_event(response, "redrawn", after="settle")
    if request.htmx and request.htmx.target == "standing":
        trigger_client_event(response, "counted", after="settle")
    return response


def _find(request: WorkspaceRequest) -> str:
    return request.POST.get("find", "").strip()[:200].replace("\x00", "")


def _draft(request: WorkspaceRequest, mine: Segment | None) -> Draft:
    """The tree as posted, with the move that was asked for; else the saved one, or the one in the address."""
    if request.method != "POST":
        draft = Draft.told(request.workspace, mine.rule if mine else _from_address(request))
        draft.own = mine.pk if mine else None
        return draft
    draft = Draft.posted(request.workspace, request.POST)
    draft.own = mine.pk if mine else None
    verb, _, key = request.POST.get("do", "").partition(" ")
    if "add" in request.POST:
        draft.add(read_json(request.POST["add"]))
    elif verb == "first":
        # Enter takes the best of what the search offers.
        for offer in _reader(draft).offers(_find(request), most=1):
            draft.add(rules.as_json(offer.node))
    elif verb:
        draft.do(verb, key)
    return draft


def _from_address(request: WorkspaceRequest) -> Any:
    if given := request.GET.get("rule"):
        told = read_json(given)
        return told if isinstance(told, dict) else {"join": "all", "rules": []}
    parts = [
        {"kind": kind, "of": found, "op": op}
        for kind, op in (("list", "on"), ("tag", "has"))
        for text in request.GET.getlist(kind)
        if (found := id_of(text))
    ]
    return {"join": "all", "rules": parts}


def _given(mine: Segment | None) -> dict[str, Any]:
    if mine is None:
        return {}
    return {"name": mine.name, "description": mine.description, "version": mine.version}


def _save(request: WorkspaceRequest, mine: Segment | None, form: SegmentForm) -> HttpResponse | None:
    """Where to go then; None for a refusal, which the form shows. Raises ChangedMeanwhile."""
    try:
        if mine is None:
            values = {name: value for name, value in form.cleaned_data.items() if name != "version"}
            form.result = services.create_segment(workspace=request.workspace, by=request.user, **values)
        else:
            form.result = services.change_segment(segment=mine, by=request.user, **form.cleaned_data)
    except services.ChangedMeanwhile:
        raise
    except CannotDo as refusal:
        form.add_error("name" if "name" in refusal.fields else None, refusal.sentence)
        return None
    say(request, f"Saved “{form.result.name}”.")
    return go(request, "audiences:segments") if mine is None else go(request, form.result)


def _theirs(theirs: queries.Told, differs: Sequence[str]) -> dict[str, str]:
    """Each part that differs, as they saved it."""
    told = {
        "name": ("Name", theirs.segment.name),
        "description": ("What it is for", theirs.segment.description or "empty"),
        "rule": ("Who is meant", theirs.sentence),
    }
    return dict(told[part] for part in differs)


def _standing(request: WorkspaceRequest, draft: Draft) -> dict[str, Any]:
    """How many, in what words, and what stands in the way of counting."""
    count, said, refusal = None, "", ""
    if draft.rule is not None and not draft.is_empty:
        try:
            count = queries.count(People(request.workspace, rule=draft.rule))
            said = people.said(Count(count.all, count.how))
        except CannotDo as cannot:
            refusal = cannot.sentence
    return {
        "count": count,
        "said": said,
        "short": said or ("Everybody" if draft.is_empty else "Not counted yet"),
        "refusal": refusal,
        "is_about_deeds": any(
            rules.KINDS[row.kind].is_about_deeds for row in draft.rows() if row.kind in rules.KINDS
        ),
        "sentence": "" if draft.is_empty else draft.sentence,
        "open": len(draft.open_rows),
        "rows": draft.rows(),
    }


def _count_each(draft: Draft) -> None:
    """How many people fit each condition and group by itself."""
    wanted = {part.key: part.node() for part in draft.inner() if draft.countable(part)}
    found = shares(wanted, draft.known)
    for part in draft.inner():
        if (count := found.get(part.key)) is not None:
            part.share = "nobody" if count == Count(0, "exact") else people.said(count)


def _only(request: WorkspaceRequest, draft: Draft) -> dict[str, Any] | None:
    """The one condition or group whose people are shown; None for those of the whole rule."""
    asked = request.POST.get("show") or request.POST.get("showing") or ""
    part = draft.find(asked.partition(" ")[2])
    if part is None or part is draft.root or not draft.countable(part):
        return None
    return {"key": f" {part.key}", "said": part.said, "rule": rules.Group("all", (part.node(),))}


def _offered(draft: Draft, find: str) -> dict[str, Any]:
    """What can be added: the best for what was typed, else some of each kind."""
    typed: dict[str, Any] = {}
    if find:
        known = rules.Known(draft.workspace, draft.known.zone, draft.offered, {})
        reader = _reader(draft)
        found = [
            (
                rules.KINDS[offer.kind].title if offer.kind else "Several",
                _compact(offer.node),
                rules.sentence(rules.Group("all", (offer.node,)), known),
                offer.but,
            )
            for offer in reader.offers(find)
        ]
        if found:
            return {"found": found}
        lost = reader.lost(find)
        typed = {"lost": lost, "untold": rules.untold(lost)}
    kinds = []
    for key, kind in rules.KINDS.items():
        if things := draft.things(key):
            shown_ = [
                (thing.label, json.dumps({"kind": key, "of": of, "op": ""}))
                for of, thing in list(things.items())[:OFFERED]
            ]
            kinds.append((kind.title, shown_, len(things) - len(shown_)))
    return typed | {"kinds": kinds}


def _reader(draft: Draft) -> rules.Reader:
    return rules.Reader(
        {key: draft.things(key) for key in rules.KINDS},
        timezone.now().astimezone(draft.known.zone).date(),
        cache(partial(queries.fields_holding, draft.workspace)),
        cache(partial(queries.values_of, draft.workspace)),
    )


def _compact(node: rules.Node) -> str:
    return json.dumps(rules.as_json(node), separators=(",", ":"))
