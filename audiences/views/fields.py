from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import Role
from accounts.refusals import CannotDo
from audiences import services
from audiences.files.values import READINGS
from audiences.forms.fields import (
    KINDS,
    ChoicesForm,
    KindForm,
    LabelForm,
    MappingForm,
    NewFieldForm,
    merge_targets,
)
from audiences.models import Field, FieldChange
from audiences.queries import fields as queries
from audiences.views import people


@workspace_view()
def fields(request: WorkspaceRequest) -> HttpResponse:
    """All fields: how many people have a value, what uses them, what accounts call them."""
    rows = queries.field_rows(request.workspace)
    counted = [row.field.counted_at for row in rows if row.field.counted_at]
    return render_page(
        request,
        "audiences/fields/list.html",
        {
            "rows": rows,
            "counted_at": min(counted) if counted else None,
            "may_edit": request.membership.may(Role.EDITOR),
        },
    )


@workspace_view(role=Role.EDITOR)
def add_field(request: WorkspaceRequest) -> HttpResponse:
    form = NewFieldForm(request.POST or None)
    if form.is_valid() and form.attempt(services.add_field, workspace=request.workspace, by=request.user):
        say(request, "Added. Imports and pages of people have it from now on.")
        return go(request, "audiences:field", form.result.key)
    return render_page(request, "audiences/fields/new.html", {"form": form}, status=form.http_status)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def count_fields(request: WorkspaceRequest) -> HttpResponse:
    services.ask_for_counts(workspace=request.workspace)
    say(request, "Everybody is being counted. Look again in a moment.")
    return go(request, "audiences:fields")


@workspace_view()
def field(request: WorkspaceRequest, key: str) -> HttpResponse:
    return _page(request, _row(request, key))


@workspace_view(role=Role.EDITOR, methods=("POST",))
def rename_field(request: WorkspaceRequest, key: str) -> HttpResponse:
    row, form = _row(request, key), LabelForm(request.POST)
    if form.is_valid() and form.attempt(services.rename_field, **_who(request, key)):
        say(request, "Renamed.")
        return go(request, row.url)
    return _page(request, row, label_form=form)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def change_choices(request: WorkspaceRequest, key: str) -> HttpResponse:
    row, form = _row(request, key), ChoicesForm(request.POST)
    if form.is_valid() and form.attempt(services.change_choices, **_who(request, key)):
        say(request, "Changed.")
        return go(request, row.url)
    return _page(request, row, choices_form=form)


@workspace_view(role=Role.EDITOR)
def change_kind(request: WorkspaceRequest, key: str) -> HttpResponse:
    """What would become of everybody's value, and the order to do it."""
    row = _row(request, key)
    if row.field.is_standard:
        raise Http404("Fields that every person has stay text.")
    asked = request.POST.get("reading") or request.GET.get("reading", "")
    reading = asked if asked in KINDS else ""
    found = choices = None
    if reading == "choice":
        choices = _distinct(row.field)
    if reading and _kind_of(reading) != row.field.kind and (choices is None or choices):
        found = queries.conversion(row.field, reading=reading, choices=choices or ())
    form = KindForm(request.POST or None, initial={"version": row.field.version, "reading": reading})
    if found and form.is_valid():
        form.cleaned_data |= {"kind": _kind_of(reading), "choices": choices or ()}
        if form.attempt(services.change_kind, **_who(request, key)):
            say(request, "The field has its new kind. " + _progress(form.result))
            return go(request, row.url)
    return render_page(
        request,
        "audiences/fields/kind.html",
        {
            "row": row,
            "field": row.field,
            "readings": [(name, label) for name, label in KINDS.items() if _kind_of(name) != row.field.kind],
            "reading": reading if found else "",
            "reading_label": KINDS.get(reading, ""),
            "has_too_many": choices == [],
            "found": found,
            "choices": choices,
            "form": form,
        },
        status=form.http_status,
    )


@workspace_view(role=Role.EDITOR)
def merge_field(request: WorkspaceRequest, key: str) -> HttpResponse:
    """What would become of everybody's two values, and the order to do it."""
    row = _row(request, key)
    if row.field.is_standard:
        raise Http404("Fields that every person has stay.")
    targets = merge_targets(request.workspace, row.field)
    into = request.POST.get("into") or request.GET.get("into", "")
    kept = _row(request, into).field if into in dict(targets) else None
    other_kind = next(
        (
            one
            for one in queries.all_fields(request.workspace)
            if one.key == into and not kept and one != row.field
        ),
        None,
    )
    refusal = ""
    if request.method == "POST" and kept:
        try:
            change = services.merge_fields(**_who(request, key), into=into, version=people.version(request))
        except CannotDo as no:
            refusal = no.sentence
        else:
            say(request, f"{row.field} goes into {kept}. " + _progress(change))
            return go(request, "audiences:field", into)
    outcome = queries.merge_outcome(row.field, kept) if kept else None
    return render_page(
        request,
        "audiences/fields/merge.html",
        {
            "row": row,
            "field": row.field,
            "kept": kept,
            "targets": targets,
            "outcome": outcome,
            "other_kind": other_kind,
            "refusal": refusal,
        },
        status=422 if refusal else 200,
    )


@workspace_view(role=Role.EDITOR, methods=("POST",))
def delete_field(request: WorkspaceRequest, key: str) -> HttpResponse:
    row = _row(request, key)
    try:
        change = services.delete_field(
            **_who(request, key),
            typed=request.POST.get("typed", ""),
            version=people.version(request),
        )
    except CannotDo as no:
        return _page(request, row, refusal=no.sentence)
    say(request, f"Deleted {row.field}. " + _progress(change))
    return go(request, "audiences:fields")


@workspace_view(role=Role.EDITOR, methods=("POST",))
def map_field(request: WorkspaceRequest, key: str) -> HttpResponse:
    row, form = _row(request, key), MappingForm(request.POST)
    account = get_object_or_404(
        request.workspace.connections, pk=form.data.get("account") if form.is_valid() else 0
    )
    try:
        services.map_field(**_who(request, key), connection=account, row_id=form.cleaned_data["row"])
    except CannotDo as no:
        return _page(request, row, refusal=no.sentence)
    say(request, f"Changed. The next pull of {account} reads it so.")
    return go(request, row.url)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def go_on_with_field(request: WorkspaceRequest, key: str) -> HttpResponse:
    row = _row(request, key)
    try:
        services.go_on_with_field(**_who(request, key))
    except CannotDo as no:
        return _page(request, row, refusal=no.sentence)
    return go(request, row.url)


def _page(request: WorkspaceRequest, row: queries.FieldRow, refusal: str = "", **forms: Any) -> HttpResponse:
    field, may_edit = row.field, request.membership.may(Role.EDITOR)
    label_form = forms.get("label_form") or LabelForm(
        initial={"version": field.version, "label": field.label}
    )
    choices_form = forms.get("choices_form")
    if choices_form is None and field.kind == Field.Kind.CHOICE:
        choices_form = ChoicesForm(initial={"version": field.version, "choices": field.choices})
    bad = bool(refusal) or any(form.errors for form in forms.values())
    return render_page(
        request,
        "audiences/fields/detail.html",
        {
            "row": row,
            "field": field,
            "merge_tag": f"{{{{ contact.{field.key} }}}}",
            "label_form": label_form,
            "choices_form": choices_form,
            "asks_clearing": choices_form is not None and "clears" in choices_form.errors,
            "reading": READINGS[field.reading][0] if field.reading in READINGS else "",
            "mapping": queries.mapping_of(request.workspace, field),
            "refusal": refusal,
            "may_edit": may_edit and row.change is None,
            "may_go_on": may_edit and row.change is not None and row.change.state == FieldChange.State.FAILED,
        },
        partials={"change"},
        status=422 if bad else 200,
    )


def _row(request: WorkspaceRequest, key: str) -> queries.FieldRow:
    found = next((row for row in queries.field_rows(request.workspace) if row.field.key == key), None)
    if found is None:
        raise Http404("There is no such field.")
    return found


def _who(request: WorkspaceRequest, key: str) -> dict[str, Any]:
    return {"workspace": request.workspace, "key": key, "by": request.user}


def _kind_of(reading: str) -> str:
    return "choice" if reading == "choice" else READINGS[reading][1]


def _distinct(field: Field) -> list[str]:
    """The values people have; none when there are too many to choose from."""
    found = queries.conversion(field, reading="text").distinct
    return sorted(found, key=str.casefold) if len(found) <= queries.MOST_CHOICES else []


def _progress(change: FieldChange) -> str:
    return "" if change.state == FieldChange.State.DONE else "Everybody's values follow in the background."
