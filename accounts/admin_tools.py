"""What every page of the operator's admin keeps to: fast at millions of rows, no promise of the product broken.

Pages only show; what people change, they change in the application, where services keep the promises. The few
models an operator edits say so, and each edit is in the activity log.
"""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts import activity
from accounts.ids import id_of
from accounts.models import User, Workspace

# Nobody pages deeper; counting all of a big table would take longer than any page may.
COUNTED_AT_MOST = 1000


class BoundedPaginator(Paginator):
    """Counts as far as anybody pages, so a list of millions opens as fast as one of ten."""

    @cached_property
    def count(self) -> int:
        rows: models.QuerySet = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:COUNTED_AT_MOST].count()


class OperatorAdmin(admin.ModelAdmin):
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-pk",)
    # Columns that a search for a whole number compares, each with an index that begins with it.
    search_ids: tuple[str, ...] = ("pk",)
    search_help_text = "Numbers are looked up as ids."

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(self.search_fields) or ("pk",)  # "pk": so that the box is there; see below

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        term = search_term.strip().replace("\x00", "")
        if number := id_of(term):
            found = models.Q()
            for name in self.search_ids:
                found |= models.Q(**{name: number})
            return queryset.filter(found), False
        if term and not self.search_fields:
            return queryset.none(), False
        return super().get_search_results(request, queryset, term)

    def save_model(self, request: HttpRequest, obj: models.Model, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        after = {
            name: str(form.cleaned_data.get(name)) for name in form.changed_data if "password" not in name
        }
        _record(request, obj, "changed" if change else "added", after=after)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        _record(request, obj, "removed", after=None)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


class ShownOnly:
    """For a model or an inline: look, do not touch."""

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        return False


class ShownAdmin(ShownOnly, OperatorAdmin):
    pass


def _record(request: HttpRequest, obj: models.Model, what: str, after: dict[str, str] | None) -> None:
    """Into the log of every workspace it concerns."""
    operator: User = request.user  # type: ignore[assignment]
    for workspace in _workspaces(obj):
        kind = obj._meta.model_name
        activity.record(
            workspace,
            f"{kind}.{what}_by_operator",
            f"The operator {what} {obj._meta.verbose_name} {obj}.",
            actor=operator,
            subject=obj,
            after=after,
        )


def _workspaces(obj: models.Model) -> list[Workspace]:
    if isinstance(obj, Workspace):
        return [obj]
    if isinstance(obj, User):
        return [membership.workspace for membership in obj.memberships.select_related("workspace")]
    workspace = getattr(obj, "workspace", None)
    return [workspace] if workspace is not None else []
