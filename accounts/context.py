"""What the shell around every page needs: the rail, the workspaces, the addresses of search and indicators."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse

from accounts.models import Membership, Role
from accounts.names import by_name


@dataclass(frozen=True, slots=True)
class Place:
    label: str
    url_name: str = ""
    icon: str = ""
    children: tuple["Place", ...] = ()
    # Who may open it: others do not see it.
    role: Role = Role.VIEWER


# By URL name, since the pages live in apps above this one. A place without a page is left out.
RAIL = (
    Place("Home", "accounts:home", "home"),
    Place("Campaigns", "campaigns:campaigns", "campaigns"),
    Place(
        "Audience",
        icon="audience",
        children=(
            Place("Contacts", "audiences:contacts"),
            Place("Lists", "audiences:lists"),
            Place("Segments", "audiences:segments"),
            Place("Fields", "audiences:fields"),
            Place("Tags", "audiences:tags"),
            Place("Imports", "audiences:imports"),
            Place("Exports", "audiences:exports", role=Role.EDITOR),
            Place("Suppressions", "audiences:suppressions"),
            Place("Privacy", "audiences:privacy"),
        ),
    ),
    Place("Templates", "campaigns:templates", "template"),
    Place("Senders", "campaigns:senders", "sender"),
    Place("Reports", "reporting:reports", "report"),
    Place("Accounts", icon="connection", children=(Place("Connections", "accounts:connections"),)),
    Place("Activity", "accounts:activity", "activity"),
    Place("Settings", "accounts:settings", "settings"),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Outside of a workspace there is no rail."""
    if getattr(request, "workspace", None) is None:
        return {}
    home = get_script_prefix()
    return {
        "rail": _rail(
            request.path,
            home,
            request.membership,  # type: ignore[attr-defined]
            app=request.resolver_match.app_name if request.resolver_match else "",
        ),
        "home_url": home,
        # A callable: pages that answer with a partial never ask.
        "workspaces": lambda: _workspaces(request),
        "search_url": reverse("accounts:search"),
        "indicators_url": reverse("accounts:indicators"),
    }


def _rail(path: str, home: str, membership: Membership, *, app: str = "") -> list[dict[str, Any]]:
    rows = [row for place in RAIL if (row := _row(place, membership)) is not None]
    links = [link for row in rows for link in (row, *row["children"]) if link["url"]]
    here = [link for link in links if path.startswith(link["url"]) and (link["url"] != home or path == home)]
    own = [link for link in links if link["app"] == app]
    if len(own) == 1:  # all pages of that app belong there, wherever their address stands
        here = own
    if here:
        max(here, key=lambda link: len(link["url"]))["active"] = True
    return rows


def _row(place: Place, membership: Membership) -> dict[str, Any] | None:
    if not membership.may(place.role):
        return None
    children = [row for child in place.children if (row := _row(child, membership)) is not None]
    try:
        url = reverse(place.url_name) if place.url_name else ""
    except NoReverseMatch:
        return None
    if not url and not children:
        return None
    return {
        "label": place.label,
        "icon": place.icon,
        "url": url,
        "app": place.url_name.partition(":")[0],
        "children": children,
        "active": False,
    }


def _workspaces(request: HttpRequest) -> list[dict[str, Any]]:
    memberships = Membership.objects.filter(user=request.user.pk).select_related("workspace")
    return [
        {
            "name": membership.workspace.name,
            "url": f"/w/{membership.workspace.slug}/",
            "current": membership.workspace == request.workspace,  # type: ignore[attr-defined]
        }
        for membership in memberships.order_by(*by_name("workspace"))
    ]
