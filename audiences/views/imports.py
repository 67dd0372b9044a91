"""Imports: the list, bringing a file, and one page that shows an import from its columns to its result."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.text import slugify

from accounts import activity
from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.redaction import redact
from accounts.refusals import CannotDo
from accounts.templatetags.ui import counted, number
from audiences import queries, rules, services
from audiences.files.dialects import DELIMITERS, ENCODINGS
from audiences.forms.imports import ColumnsForm, DialectForm, PasteForm, UploadForm, may_resubscribe
from audiences.forms.suppressions import BlockColumnsForm
from audiences.importing import new_fields
from audiences.models import Import
from audiences.views import people, roll_backs

Outcome = Import.Outcome
State = Import.State

# What a number of the preview means.
DEFINITIONS = {
    Outcome.NEW: "Nobody here has this address yet.",
    Outcome.CHANGED: "They are here, and a field changes or they join the list.",
    Outcome.UNCHANGED: "They are here, just like this. Nothing is written.",
    Outcome.DUPLICATE: "The address came in an earlier row, which counts.",
    Outcome.INVALID: "The row cannot be taken as it stands; each says why.",
    Outcome.LEFT: "They left this list. Their fields follow the file, the list stays without them.",
    Outcome.SUPPRESSED: "Nobody here writes to them. Nothing of the row is taken.",
}
BLOCK_DEFINITIONS = {
    Outcome.NEW: "Not suppressed yet for a reason of its own.",
    Outcome.UNCHANGED: "Suppressed already. Nothing is written.",
    Outcome.DUPLICATE: DEFINITIONS[Outcome.DUPLICATE],
    Outcome.INVALID: DEFINITIONS[Outcome.INVALID],
    Outcome.LIFTED: "The block is older than the consent by which it was lifted here. It stays lifted.",
}

# Rows with a file of their own: what it holds, in a sentence; their outcomes; the end of its name.
_APART: dict[str, tuple[str, list[str], str]] = {
    Outcome.DUPLICATE: ("rows that come twice in", [Outcome.DUPLICATE], "twice"),
    Outcome.LEFT: ("rows of people who left, of", [Outcome.LEFT], "left"),
}


@workspace_view(methods=("GET", "HEAD"))
def imports(request: WorkspaceRequest) -> HttpResponse:
    before = people.before(request)
    found = queries.imports(request.workspace, before=before)
    return render_page(
        request,
        "audiences/imports/list.html",
        {
            "rows": found.rows,
            "older": found.before,
            "before": before,
            "is_moving": any(row.is_moving for row in found.rows),
            "may_import": request.role.covers(Role.EDITOR),
        },
        partials={"imports"},
    )


@workspace_view(role=Role.EDITOR)
def new_import(request: WorkspaceRequest, aim: str = Import.Aim.PEOPLE) -> HttpResponse:
    """A file is kept as soon as it is dropped; nothing is imported by that."""
    is_post = request.method == "POST"
    form = UploadForm(
        request.POST if is_post else None,
        request.FILES if is_post else None,
        is_too_large=getattr(request, "upload_too_large", False),
    )
    if form.is_valid():
        file = form.cleaned_data["file"]
        blocks = file.chunks(1024 * 1024)
        if response := _begin(request, form, name=file.name, blocks=blocks, aim=aim):
            return response
    return _new_page(request, form, PasteForm(), aim)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def paste(request: WorkspaceRequest, aim: str = Import.Aim.PEOPLE) -> HttpResponse:
    form = PasteForm(request.POST)
    if form.is_valid():
        rows = form.cleaned_data["rows"].encode()
        values = {"name": "Pasted rows", "blocks": [rows], "source": Import.Source.PASTED, "aim": aim}
        if response := _begin(request, form, **values):
            return response
    return _new_page(request, UploadForm(), form, aim)


@workspace_view(methods=("GET", "HEAD"))
def import_(request: WorkspaceRequest, import_id: int) -> HttpResponse:
    return _page(request, _import(request, import_id))


@workspace_view(role=Role.EDITOR, methods=("POST",))
def open_again(request: WorkspaceRequest, import_id: int) -> HttpResponse:
    """Read the file as a person says it is written."""
    mine = _import(request, import_id)
    form = DialectForm(request.POST, mine=mine)
    if form.is_valid() and form.attempt(services.open_again, mine=mine):
        return go(request, mine)
    return _page(request, mine, dialect=form)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def preview(request: WorkspaceRequest, import_id: int) -> HttpResponse:
    mine = _import(request, import_id)
    form = _columns(request, mine, request.POST)
    values: dict[str, Any] = {"mine": mine, "version": people.version(request)}
    done = (
        form.attempt(services.preview_blocks, **values)
        if mine.is_of_blocks
        else form.attempt(services.preview_import, by=request.user, **values)
    ) if form.is_valid() else False  # fmt: skip
    if done:
        return go(request, mine)
    return _page(request, mine, columns=form)


def _action(
    service: Callable[..., Any],
    told: Callable[[Import], str] | None = None,
    *,
    has_version: bool = False,
    by: bool = True,
) -> Callable[..., HttpResponse]:
    """A view for one button: calls the service, says what is `told` of it then, and shows the import again."""

    @workspace_view(role=Role.EDITOR, methods=("POST",))
    def act(request: WorkspaceRequest, import_id: int) -> HttpResponse:
        mine = _import(request, import_id)
        values: dict[str, Any] = {"by": request.user} if by else {}
        if has_version:
            values["version"] = people.version(request)
        try:
            service(mine=mine, **values)
        except CannotDo as refusal:
            say(request, refusal.sentence, level=messages.ERROR)
        else:
            if told is not None:
                say(request, told(mine))
        return go(request, mine)

    return act


def _stopped(mine: Import) -> str:
    if mine.state == State.RUNNING:
        return "The import stops after the rows under way."
    if mine.has_begun:
        return "The import is cancelled. What was imported until then stays."
    if mine.state == State.READING:
        return "The preview stops. Nothing was imported."
    return "The import is cancelled. Nothing was imported."


start = _action(services.start_import, has_version=True)
change_columns = _action(services.change_columns, by=False)
cancel = _action(services.cancel_import, _stopped)
go_on = _action(services.go_on)
roll_back = _action(services.undo_import)


@workspace_view(role=Role.EDITOR, methods=("GET", "HEAD"))
def rejects(request: WorkspaceRequest, import_id: int) -> HttpResponse:
    """The rows left out, those that come twice, or those of who left, as CSV. Written down in the activity log: addresses leave the house here."""
    mine = _import(request, import_id)
    if not mine.has_rows:
        raise Http404("The rows of this import are no longer kept.")
    what, outcomes, suffix = _APART.get(
        request.GET.get("show", ""), ("rows left out of", Import.REJECTED, "left-out")
    )
    if request.method == "GET":
        activity.record(
            request.workspace, "import.rejects", f"Downloaded the {what} {mine}.", actor=request.user, subject=mine,
        )  # fmt: skip
    rows = queries.rejects_csv(mine, outcomes)
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    name = slugify(mine.name.rpartition(".")[0] or mine.name)[:60] or "import"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{suffix}.csv"'
    return response  # type: ignore[return-value]


def _begin(request: WorkspaceRequest, form: UploadForm | PasteForm, **values: Any) -> HttpResponse | None:
    """The new import's page, or None when the form has an error."""
    form.cleaned_data = {}
    if not form.attempt(services.begin_import, workspace=request.workspace, by=request.user, **values):
        return None
    mine, is_new = form.result
    if not is_new:
        say(request, "This file is here already. This is where it got to.", level=messages.INFO)
    return go(request, mine)


def _new_page(
    request: WorkspaceRequest, upload: UploadForm, pasted: PasteForm, aim: str = Import.Aim.PEOPLE
) -> HttpResponse:
    status = max(upload.http_status, pasted.http_status)
    of_blocks = aim == Import.Aim.SUPPRESSIONS
    if of_blocks:
        pasted.fields[
            "rows"
        ].help_text = "One address, domain or pattern a line, with its reason and date if you have them."
    context = {"upload": upload, "pasted": pasted, "of_blocks": of_blocks}
    return render_page(request, "audiences/imports/new.html", context, status=status)


def _columns(request: WorkspaceRequest, mine: Import, data: Any = None) -> ColumnsForm | BlockColumnsForm:
    if mine.is_of_blocks:
        return BlockColumnsForm(data, mine=mine)
    return ColumnsForm(data, mine=mine, may_resubscribe=may_resubscribe(request.role))


def _page(
    request: WorkspaceRequest,
    mine: Import,
    *,
    columns: ColumnsForm | BlockColumnsForm | None = None,
    dialect: DialectForm | None = None,
) -> HttpResponse:
    may_edit = request.role.covers(Role.EDITOR)
    consent = mine.basis.source if mine.basis else ""
    context: dict[str, Any] = {
        "mine": mine,
        "may_edit": may_edit,
        "consent": consent if people.shows_addresses(request) else redact(consent),
        "may_undo": may_edit and mine.has_begun and mine.has_rows and not (mine.is_of_blocks or mine.has_lapsed)
        and mine.state in (State.DONE, State.CANCELLED, State.FAILED),
        "may_go_on": may_edit and mine.state == State.FAILED and not mine.has_lapsed
        and mine.failed_in in (State.READING, State.RUNNING, State.UNDOING),
    }  # fmt: skip
    if mine.state == State.CANCELLED:
        undo = "" if mine.is_of_blocks else "Roll it back, or "
        context["cancelled_note"] = (
            f"{mine.note} What had been imported until then stays. {undo}{'u' if undo else 'U'}pload the file again to import "
            "the rest."
        ).strip()
    if mine.is_moving:
        context["progress"] = queries.progress(mine)
    # Samples are whole cells: who may not see addresses may not see them.
    if mine.state == State.MAPPING and may_edit:
        context |= {
            "columns": columns or _columns(request, mine),
            "dialect": dialect or DialectForm(mine=mine),
            "written": _written(mine),
            "sheets": mine.dialect.get("sheets", []),
            "earlier": queries.earlier_import(mine),
        }
    # Of one that ended before it began, no row is left to show.
    if mine.state not in (State.OPENING, State.MAPPING, State.READING) and (
        mine.has_begun or mine.state != State.CANCELLED
    ):
        context |= _numbers(request, mine)
    if context["may_undo"] and not (
        request.htmx and request.htmx.target == "rows"
    ):  # its dialog is not among the rows
        context |= roll_backs.to_undo(mine)
    if mine.state == State.UNDONE:
        context |= roll_backs.undone(request, mine)
    status = max(columns.http_status if columns else 200, dialect.http_status if dialect else 200)
    return render_page(
        request, "audiences/imports/detail.html", context, partials={"import", "rows"}, status=status
    )


def _numbers(request: WorkspaceRequest, mine: Import) -> dict[str, Any]:
    """The equation of the preview or the result, and the rows behind one of its numbers."""
    counts = mine.counts if mine.has_begun else mine.preview
    outcomes = Import.OUTCOMES[mine.aim]
    definitions = BLOCK_DEFINITIONS if mine.is_of_blocks else DEFINITIONS
    chosen = request.GET.get("show", "")
    if chosen not in outcomes:
        chosen = next((name for name in outcomes if counts.get(name)), Outcome.NEW.value)
    after = request.GET.get("after", "")
    found = queries.rows_of(
        mine,
        chosen,
        after=id_of(after) or 0,
        shows_addresses=people.shows_addresses(request),
    )
    return {
        "figures": [
            {"name": name, "label": label, "count": counts.get(name, 0), "definition": definitions[Outcome(name)],
             "url": f"?show={name}#rows" if counts.get(name) else ""}
            for name, label in outcomes.items()
        ],
        "read": counts.get("read", 0),
        "to_import": mine.to_write,
        "left_changed": counts.get("left_changed", 0),
        "left_empty": queries.left_empty(mine, shows_addresses=people.shows_addresses(request)),
        "new_fields": [column["label"] for column in new_fields.planned(mine).values()] if mine.state == State.READY else [],
        "elsewhere": mine.checkpoint.get("elsewhere", 0) if mine.state == State.READY else 0,
        "columns_left_out": _columns_left_out(mine, shows_addresses=people.shows_addresses(request)),
        "is_all_invalid": counts.get("read", 0) == counts.get("invalid", 0),
        "left_out": sum(counts.get(name, 0) for name in Import.REJECTED),
        "is_apart": chosen in Import.APART,
        "shown": chosen,
        "shown_label": outcomes[chosen],
        "rows": found.rows,
        "after": found.after,
        "is_further": bool(after),
        **_people_of(mine, chosen),
    }  # fmt: skip


def _columns_left_out(mine: Import, *, shows_addresses: bool) -> list[str]:
    """Names of those in which something stands that goes nowhere, before it is imported."""
    if mine.state != State.READY:
        return []
    names = [
        of_file["name"]
        for of_file, column in zip(mine.columns, mine.mapping, strict=True)
        if not column["to"] and of_file["samples"]
    ]
    return names if shows_addresses else [redact(name) for name in names]


def _people_of(mine: Import, outcome: str) -> dict[str, str]:
    """Addresses of all its people, and of those with one outcome, where they can be looked up and somebody is left."""
    if (
        not mine.has_begun
        or mine.is_moving
        or mine.pk not in rules.KINDS["import"].things(mine.workspace, [mine.pk])
    ):
        return {}
    url = f"{reverse('audiences:contacts')}?import={mine.pk}"
    is_of_people = outcome in rules.KINDS["import"].all_ops() and mine.counts.get(outcome)
    has_these = bool(is_of_people) and queries.has_people(mine, outcome)
    return {
        "people_url": url if has_these or queries.has_people(mine, *rules.KINDS["import"].all_ops()) else "",
        "these_url": f"{url}&outcome={outcome}" if has_these else "",
    }


def _written(mine: Import) -> str:
    """How the file is read, in words."""
    dialect = mine.dialect
    heading = "no row with the names of the columns"
    if line := dialect.get("heading"):
        above = line - 1 - dialect.get("skip", 0)  # as they are counted in a spreadsheet, empty ones too
        left = f", without the {counted(above, 'row,rows')} above it" if above else ""
        heading = f"names of the columns in row {number(line)}{left}"
    if sheets := dialect.get("sheets"):
        return f"sheet “{sheets[0]}”, {heading}"
    encoding = ENCODINGS.get(dialect.get("encoding", ""), "")
    return f"{encoding}, separated by {DELIMITERS.get(dialect.get('delimiter', ''), '').lower()}s, {heading}"


def _import(request: WorkspaceRequest, import_id: int) -> Import:
    found = Import.objects.select_related("workspace", "list", "basis", "created_by")
    return get_object_or_404(found, pk=import_id, workspace=request.workspace)
