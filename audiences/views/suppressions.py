from django.http import HttpResponse

from accounts.http import WorkspaceRequest, render_page, workspace_view
from audiences import queries
from audiences.forms import SuppressionFilters
from audiences.models import Suppression
from audiences.queries.contacts import shown
from audiences.views import people


@workspace_view()
def suppressions(request: WorkspaceRequest) -> HttpResponse:
    """Who may not be written to, and why."""
    form = SuppressionFilters(request.GET, workspace=request.workspace)
    shows = people.shows_addresses(request)
    reason, account = form.value("reason") or "", form.value("account")
    before = people.before(request)
    found = queries.suppressions(
        request.workspace,
        words=form.words(),
        reason=reason,
        connection=account,
        before=before,
        shows_addresses=shows,
    )
    campaigns = queries.campaigns_behind(request.workspace, found.rows)
    labels = dict(Suppression.Reason.choices)
    return render_page(
        request,
        "audiences/suppressions/list.html",
        {
            "form": form,
            "rows": [
                (
                    row,
                    shown(row.email, shows_addresses=shows),
                    queries.evidence(row, campaigns=campaigns, shows_addresses=shows),
                )
                for row in found.rows
            ],
            "older": found.before,
            "before": before,
            "is_all": not (form.words() or reason or account),
            "chips": people.chips(
                request,
                {
                    "q": form.words() and f"“{form.words()}”",
                    "reason": labels.get(reason),
                    "account": account,
                },
            ),
        },
        partials={"suppressions"},
    )
