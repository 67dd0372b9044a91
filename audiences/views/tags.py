from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.refusals import CannotDo
from accounts.templatetags.ui import counted
from audiences import services, uses
from audiences.forms.tags import TagFilters, TagForm
from audiences.models import Contact, Tag
from audiences.queries import tags as queries
from audiences.services.tags import CannotTag
from audiences.views import people


@workspace_view()
def tags(request: WorkspaceRequest) -> HttpResponse:
    """All tags with how many people have each; a new one is typed here."""
    form = TagForm(request.POST or None)
    may_edit = request.membership.may(Role.EDITOR)
    who = {"workspace": request.workspace, "by": request.user}
    if may_edit and form.is_valid() and form.attempt(services.add_tag, **who):
        say(request, "Made. Tag people with it on their pages.")
        return go(request, "audiences:tags")
    filters = TagFilters(request.GET)
    after = request.GET.get("after", "").replace("\x00", "")
    found = queries.tags(request.workspace, words=filters.words(), after=after)
    return render_page(
        request,
        "audiences/tags/list.html",
        {
            "form": form,
            "filters": filters,
            "rows": found.rows,
            "after": found.after,
            "is_first": not after,
            "is_all": not filters.words(),
            "chips": people.chips(request, {"q": filters.words() and f"“{filters.words()}”"}),
            "may_edit": may_edit,
        },
        partials={"list"},
        status=form.http_status,
    )


@workspace_view(role=Role.EDITOR)
def tag(request: WorkspaceRequest, tag_id: int) -> HttpResponse:
    """Another name for a tag; one that is taken offers to merge."""
    mine = _find(request, tag_id)
    form, other = TagForm(request.POST or None, initial={"name": mine.name}), None
    if form.is_valid():
        try:
            services.rename_tag(tag=mine, by=request.user, name=form.cleaned_data["name"])
        except CannotTag as no:
            form.add_error("name", no.sentence)
            other = no.other
        else:
            say(request, "Renamed.")
            return go(request, "audiences:tags")
    return _page(request, mine, form, other=other)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def merge_tag(request: WorkspaceRequest, tag_id: int) -> HttpResponse:
    mine = _find(request, tag_id)
    other = _find(request, id_of(request.POST.get("into", "")))
    try:
        moved = services.merge_tags(tag=mine, into=other, by=request.user)
    except CannotDo as no:
        return _page(request, mine, TagForm(initial={"name": mine.name}), refusal=no.sentence)
    say(request, f"Merged into {other}: {counted(moved, 'person,people')} new there.")
    return go(request, "audiences:tags")


@workspace_view(role=Role.EDITOR, methods=("POST",))
def delete_tag(request: WorkspaceRequest, tag_id: int) -> HttpResponse:
    mine = _find(request, tag_id)
    try:
        lost = services.delete_tag(tag=mine, by=request.user)
    except CannotDo as no:
        return _page(request, mine, TagForm(initial={"name": mine.name}), refusal=no.sentence)
    say(request, f"Deleted {mine}: {counted(lost, 'person has,people have')} it no longer.")
    return go(request, "audiences:tags")


@workspace_view(role=Role.EDITOR, methods=("POST",))
def tag_person(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    contact = _contact(request, contact_id)
    form = TagForm(request.POST)
    if form.is_valid():
        form.attempt(services.tag_person, contact=contact, by=request.user)
    return _tags_of(request, contact, form)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def untag_person(request: WorkspaceRequest, contact_id: int, tag_id: int) -> HttpResponse:
    contact, mine = _contact(request, contact_id), _find(request, tag_id)
    services.untag_person(contact=contact, by=request.user, tag=mine)
    return _tags_of(request, contact, TagForm())


@workspace_view(role=Role.EDITOR, methods=("GET", "HEAD"))
def suggest_tags(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    """Options for what is being typed."""
    words = request.GET.get("name", "").strip()[: Tag.MOST_LETTERS].replace("\x00", "")
    found = queries.suggested_tags(request.workspace, words, besides=_contact(request, contact_id))
    return render(request, "audiences/tags/suggested.html", {"names": found})


def _page(
    request: WorkspaceRequest, mine: Tag, form: TagForm, *, other: Tag | None = None, refusal: str = ""
) -> HttpResponse:
    return render_page(
        request,
        "audiences/tags/detail.html",
        {
            "tag": mine,
            "form": form,
            "other": other,
            "refusal": refusal,
            "people": queries.people_with([mine.pk]).get(mine.pk, 0),
            "uses": (used := uses.of(request.workspace, "tag", [mine.pk]).get(mine.pk, [])),
            "is_held": any(not use.is_archived for use in used),
        },
        status=422 if refusal else form.http_status,
    )


def _tags_of(request: WorkspaceRequest, contact: Contact, form: TagForm) -> HttpResponse:
    """The tags alone for htmx; else the person's page again, where a refusal is said."""
    if not request.htmx:
        for sentences in form.errors.values():
            say(request, str(sentences[0]), level=messages.ERROR)
        return go(request, f"{reverse('audiences:contact', args=[contact.pk])}#tags")
    context = {
        "contact": contact,
        "tags": queries.tags_of(contact),
        "tag_form": form,
        "may_edit": True,
        "is_swapped": True,
    }
    return render(request, "audiences/contacts/tags.html", context, status=form.http_status)


def _find(request: WorkspaceRequest, tag_id: int | None) -> Tag:
    return get_object_or_404(
        Tag.objects.filter(workspace=request.workspace).select_related("workspace"), pk=tag_id
    )


def _contact(request: WorkspaceRequest, contact_id: int) -> Contact:
    return get_object_or_404(request.workspace.contacts, pk=contact_id)
