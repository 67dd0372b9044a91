from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.refusals import CannotDo
from audiences import queries, services
from audiences.forms.editing import FindForm
from audiences.models import Contact
from audiences.queries.contacts import SEARCH_LETTERS, People
from audiences.queries.merging import outcome
from audiences.services import merging
from audiences.views import people


@workspace_view(role=Role.EDITOR)
def merge_person(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    """Find the other, see what would become of both, and make them one."""
    kept = _find(request, contact_id)
    asked = id_of(request.POST.get("with") or request.GET.get("with", ""))
    if not asked or asked == kept.pk:
        return _search(request, kept)
    other, refusal = _find(request, asked), ""
    picks = {
        name.removeprefix("pick_"): value
        for name, value in request.POST.items()
        if name.startswith("pick_") and value in ("kept", "other")
    }
    if request.method == "POST":
        versions = (people.version(request), people.version(request, "other_version"))
        try:
            services.merge_people(kept=kept, other=other, by=request.user, picks=picks, versions=versions)
        except CannotDo as no:
            refusal = no.sentence
            kept, other = _find(request, kept.pk), _find(request, other.pk)
        else:
            say(request, "Merged. There is one person now, and nobody is written to twice.")
            return go(request, kept)
    return render_page(
        request,
        "audiences/contacts/merge.html",
        {
            "kept": kept,
            "other": other,
            "outcome": outcome(kept, other, picks),
            "moves": merging.told(other),
            "refusal": refusal or merging.refusal(kept, other),
            "is_refused": bool(refusal),
        },
        status=422 if refusal else 200,
    )


def _search(request: WorkspaceRequest, kept: Contact) -> HttpResponse:
    form = FindForm(request.GET)
    words = form.cleaned_data["q"].strip() if form.is_valid() else ""
    rows = []
    if len(words) >= SEARCH_LETTERS:
        found = queries.contacts(People(request.workspace, words=words))
        rows = [row for row in found.rows if row.id != kept.pk][:20]
    return render_page(
        request,
        "audiences/contacts/merge_search.html",
        {"kept": kept, "words": words, "rows": rows, "is_short": len(words) < SEARCH_LETTERS},
    )


def _find(request: WorkspaceRequest, contact_id: int) -> Contact:
    return get_object_or_404(request.workspace.contacts.select_related("workspace"), pk=contact_id)
