from collections.abc import Iterable
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import Role
from accounts.redaction import redact
from accounts.templatetags.ui import counted
from audiences import queries, services
from audiences.forms.suppressions import (
    EntriesForm,
    LiftForm,
    LiftPatternForm,
    SuppressionFilters,
)
from audiences.models import Contact, Suppression
from audiences.queries.contacts import shown_name
from audiences.queries.suppressions import SuppressionSlice
from audiences.views import people

NOUN = "suppression,suppressions"


@workspace_view()
def suppressions(request: WorkspaceRequest) -> HttpResponse:
    """Who may not be written to, and why."""
    form = SuppressionFilters(request.GET, workspace=request.workspace)
    shows = people.shows_addresses(request)
    wanted = form.wanted()
    before = people.before(request)
    notes = list(form.unfit().values())
    found = (
        SuppressionSlice([], None)
        if notes
        else queries.suppressions(request.workspace, wanted, before=before, shows_addresses=shows)
    )
    count = (
        None
        if notes
        else queries.counted_suppressions(
            request.workspace, wanted, None if before else found, shows_addresses=shows
        )
    )
    campaigns = queries.campaigns_behind(request.workspace, found.rows)
    people_now = queries.merged_into(request.workspace, found.rows, shows_addresses=shows)
    return render_page(
        request,
        "audiences/suppressions/list.html",
        {
            "form": form,
            "rows": [
                (
                    row,
                    queries.shown_entry(row, shows_addresses=shows),
                    queries.evidence(row, campaigns=campaigns, shows_addresses=shows),
                    people_now.get(row.pk),
                )
                for row in found.rows
            ],
            **people.how_many(request, count, reverse("audiences:count_suppressions"), NOUN),
            "older": found.before,
            "before": before,
            "is_all": wanted.is_all and not notes,
            "notes": notes,
            "is_too_short": form.is_too_short,
            "may_add": request.role.covers(Role.EDITOR),
            "chips": people.chips(request, form.in_words()),
        },
        partials={"suppressions"},
    )


@workspace_view(methods=("GET", "HEAD"))
def count_suppressions(request: WorkspaceRequest) -> HttpResponse:
    """The number above the table where the page did not wait for it."""
    form = SuppressionFilters(request.GET, workspace=request.workspace)
    if form.unfit():
        return HttpResponse(status=204)
    counted = partial(
        queries.count_suppressions_patiently,
        request.workspace,
        form.wanted(),
        shows_addresses=people.shows_addresses(request),
    )
    return people.number_later(request, counted, NOUN)


@workspace_view()
def suppression(request: WorkspaceRequest, suppression_id: int) -> HttpResponse:
    """One suppression with its evidence, and the way to lift it."""
    return _page(request, _suppression(request, suppression_id))


@workspace_view(role=Role.EDITOR)
def add_suppressions(request: WorkspaceRequest) -> HttpResponse:
    """Addresses, domains and patterns by hand: first whom they catch, then the deed."""
    form = EntriesForm(request.POST or None)
    found = None
    if form.is_valid():
        digest = form.digest
        if request.POST.get("previewed") == digest and form.attempt(
            services.suppress_entries, workspace=request.workspace, by=request.user
        ):
            say(
                request,
                "Suppressed. Nobody here writes to them any more, and every account that can be told is told.",
            )
            return go(request, "audiences:suppressions")
        if not form.errors:
            found = queries.caught(request.workspace, form.cleaned_data["entries"])
    return render_page(
        request,
        "audiences/suppressions/add.html",
        {"form": form, "found": found, "previewed": form.digest if found else ""},
        status=form.http_status,
    )


@workspace_view(role=Role.APPROVER, methods=("POST",))
def lift(request: WorkspaceRequest, suppression_id: int) -> HttpResponse:
    """On a recorded consent, a person is written to again; a pattern catches nobody new."""
    row = _suppression(request, suppression_id)
    form = lift_form(row, queries.blocks_of(row), request.POST)
    service = services.lift_pattern if row.is_pattern else services.lift
    is_alone = queries.went_into(row) is not None
    if form.is_valid() and form.attempt(service, suppression=row, by=request.user):
        if not row.is_pattern:
            say(request, _lifted(form.result, is_alone=is_alone))
            return go(request, form.result)
        freed = (
            f"{counted(form.result, 'person is,people are')} no longer suppressed by it."
            if form.result
            else "Whom it caught before stays suppressed."
        )
        say(request, f"Lifted. The pattern catches nobody new. {freed}")
        return go(request, row)
    return _page(request, row, form)


def _page(
    request: WorkspaceRequest, row: Suppression, form: LiftForm | LiftPatternForm | None = None
) -> HttpResponse:
    shows = people.shows_addresses(request)
    found = queries.one_suppression(row, shows_addresses=shows)
    may_lift = request.role.covers(Role.APPROVER) and row.lifted_at is None
    lifts = queries.blocks_of(row) if may_lift else []
    lifted_because = (row.lift_evidence or {}).get("reason", "")
    return render_page(
        request,
        "audiences/suppressions/detail.html",
        {
            "row": row,
            "address": queries.shown_entry(row, shows_addresses=shows),
            "evidence": queries.evidence(row, campaigns=found.campaigns, shows_addresses=shows),
            "into": found.people.get(row.pk),
            "person": row.contact,
            "name": shown_name(row.contact, shows_addresses=shows) if row.contact else "",
            "others": [
                (other, queries.evidence(other, campaigns=found.campaigns, shows_addresses=shows))
                for other in found.others
            ],
            "consent": found.consent,
            "lifted_because": lifted_because if shows else redact(lifted_because),
            "alike": found.alike,
            "held": found.held,
            "shows_people": shows,
            "may_lift": may_lift,
            "form": form or (lift_form(row, lifts) if may_lift else None),
            "of_import": found.of_import,
            "lifts": lifts,
            "is_alone": may_lift and queries.went_into(row) is not None,
        },
        status=form.http_status if form else 200,
    )


def lift_form(row: Suppression, rows: Iterable[Suppression], data: Any = None) -> LiftForm | LiftPatternForm:
    """To lift one suppression and those that end with it."""
    if row.is_pattern:
        return LiftPatternForm(data, complained=queries.newest_no(row)[1])
    return LiftForm(data, complained=any(other.reason == Suppression.Reason.COMPLAINED for other in rows))


def _lifted(person: Contact, *, is_alone: bool) -> str:
    if not is_alone:
        return "Lifted. Campaigns reach this person again; see below which accounts still refuse them."
    freed = "Lifted. Only the address is freed, which this person had before"
    if queries.is_suppressed(person):
        return f"{freed}; their own blocks hold, and are lifted on this page."
    return f"{freed}."


def _suppression(request: WorkspaceRequest, suppression_id: int) -> Suppression:
    found = Suppression.objects.select_related(
        "workspace", "contact", "connection", "created_by", "lifted_by"
    )
    return get_object_or_404(found, pk=suppression_id, workspace=request.workspace)
