from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import MirrorKind, MirrorRow, Role
from accounts.names import by_name
from audiences import queries, services
from audiences.forms.editing import MINE, THEIRS, EditForm, SubscriptionForm
from audiences.models import Contact, Subscription
from audiences.queries.fields import all_fields
from audiences.services.people import CannotEdit, Changed, ChangedMeanwhile


@workspace_view(role=Role.EDITOR)
def edit_person(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    """All fields and the address. What somebody else changed meanwhile is told; nothing typed is lost."""
    contact = _find(request, contact_id)
    data = _settled(request.POST) if request.method == "POST" else None
    form, other, changed = EditForm(data, contact=contact), None, []
    if form.is_valid():
        was_suppressed = queries.is_suppressed(contact)
        try:
            keys = services.edit_person(contact=contact, by=request.user, **form.cleaned_data)
        except ChangedMeanwhile as no:
            contact, changed = _find(request, contact_id), no.changed
            form = EditForm(_with_theirs(data or request.POST, contact, changed), contact=contact)
        except CannotEdit as no:
            other = no.other
            for name, sentence in no.fields.items():
                form.add_error(name, sentence)
            if not no.fields:
                form.add_error(None, no.sentence)
        else:
            say(request, _saved(contact, keys, was_suppressed=was_suppressed))
            return go(request, contact)
    mirrors = MirrorRow.objects.filter(kind=MirrorKind.CONTACT, object_id=contact.pk, gone_at=None)
    labels = {"email": "Address"} | {field.key: field.label for field in all_fields(request.workspace)}
    return render_page(
        request,
        "audiences/contacts/edit.html",
        {
            "contact": contact,
            "form": form,
            "other": other,
            "changed": [(one, labels.get(one.key, one.key)) for one in changed],
            "accounts": [
                row.connection
                for row in mirrors.select_related("connection").order_by(*by_name("connection"))
            ],
        },
        status=409 if changed else form.http_status,
    )


@workspace_view(role=Role.EDITOR)
def subscription(request: WorkspaceRequest, contact_id: int, list_id: int | None = None) -> HttpResponse:
    """What the person is on one list; without one, a list to put them on."""
    contact = _find(request, contact_id)
    row = None
    if list_id is not None:
        rows = Subscription.objects.filter(contact=contact, list__workspace=request.workspace)
        row = get_object_or_404(rows.select_related("list"), list=list_id)
    form = SubscriptionForm(request.POST or None, contact=contact, row=row)
    if form.is_valid() and form.attempt(services.change_subscription, contact=contact, by=request.user):
        say(request, "Saved.")
        return go(request, contact)
    return render_page(
        request,
        "audiences/contacts/subscription.html",
        {"contact": contact, "row": row, "form": form},
        status=form.http_status,
    )


def _saved(contact: Contact, keys: list[str], *, was_suppressed: bool) -> str:
    """With why nobody writes to the person from now on, where that comes with the address."""
    why = None if was_suppressed or "email" not in keys else queries.person(contact, shows_addresses=True).why
    if why is None:
        return "Saved." if keys else "Nothing was different."
    return f"Saved. This address is suppressed: “{why.get_reason_display()}”. Nobody here writes to this person any more."


def _settled(typed: QueryDict) -> QueryDict:
    """What was typed, with the value of the other editor where that was chosen: it stands in the form beside the choice."""
    data = typed.copy()
    for name in typed:
        if name.startswith("take_") and typed[name] == THEIRS:
            key = name.removeprefix("take_")
            data["email" if key == "email" else f"field_{key}"] = typed.get(f"theirs_{key}", "")
    return data


def _with_theirs(typed: QueryDict, contact: Contact, changed: list[Changed]) -> QueryDict:
    """The form once more, on top of what is stored now: what was left alone here takes it over."""
    fresh = EditForm(contact=contact)
    data = typed.copy()
    data["version"], data["seen"] = str(contact.version), fresh.initial["seen"]
    for one in changed:
        data[f"take_{one.key}"] = MINE
        if not one.is_conflict:
            data["email" if one.key == "email" else f"field_{one.key}"] = one.now
    return data


def _find(request: WorkspaceRequest, contact_id: int) -> Contact:
    return get_object_or_404(request.workspace.contacts.select_related("workspace"), pk=contact_id)
