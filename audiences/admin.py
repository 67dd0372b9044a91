"""The operator's view of people and lists. Shown only: consent and versions are kept by services."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin_tools import ShownAdmin
from audiences.models import (
    BulkAction,
    Consent,
    ConsentBasis,
    Contact,
    ContactColumns,
    Engagement,
    Field,
    Folder,
    Gathered,
    Import,
    ImportBody,
    ImportChange,
    ImportStep,
    List,
    PeopleCount,
    Subscription,
    Suppression,
)


@admin.register(Contact)
class ContactAdmin(ShownAdmin):
    list_display = ("id", "email", "first_name", "last_name", "workspace", "updated_at")
    list_select_related = ("workspace",)
    # Stored in lower case, so the trigram index answers `contains`.
    search_fields = ("email__contains",)


@admin.register(Field)
class FieldAdmin(ShownAdmin):
    list_display = ("label", "key", "kind", "workspace")
    list_select_related = ("workspace",)
    list_filter = ("kind",)
    search_fields = ("key__startswith", "label__icontains")


@admin.register(Folder)
class FolderAdmin(ShownAdmin):
    list_display = ("name", "workspace")
    list_select_related = ("workspace",)
    search_fields = ("name__icontains",)


@admin.register(List)
class ListAdmin(ShownAdmin):
    list_display = ("name", "folder", "workspace", "subscribed_count", "counted_at", "archived_at")
    list_select_related = ("folder", "workspace")
    search_fields = ("name__icontains",)


@admin.register(Subscription)
class SubscriptionAdmin(ShownAdmin):
    list_display = ("id", "list", "contact", "status", "changed_at")
    list_select_related = ("list", "contact")
    search_ids = ("list_id", "contact_id")


@admin.register(Gathered)
class GatheredAdmin(ShownAdmin):
    list_display = ("email", "list_id", "status", "pull")
    list_select_related = ("pull__connection",)
    search_fields = ("email__contains",)


@admin.register(Suppression)
class SuppressionAdmin(ShownAdmin):
    list_display = ("email", "workspace", "reason", "connection", "at", "lifted_at")
    list_select_related = ("workspace", "connection")
    search_ids = ("pk", "contact_id")


@admin.register(Engagement)
class EngagementAdmin(ShownAdmin):
    list_display = ("contact_id", "received", "opens", "clicks", "last_open_at", "last_click_at")


@admin.register(Import)
class ImportAdmin(ShownAdmin):
    # Samples of the file stand in there.
    exclude = ("columns",)
    list_display = ("id", "name", "workspace", "state", "list", "created_by", "created_at")
    list_select_related = ("workspace", "list", "created_by")
    list_filter = ("state", "source")
    search_fields = ("name__icontains",)


@admin.register(ImportBody)
class ImportBodyAdmin(ShownAdmin):
    """That a file is still kept, and never what is in it."""

    list_display = ("id", "of", "part", "number")
    list_select_related = ("of",)
    fields = ("of", "part", "number")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("body")


@admin.register(ImportStep)
class ImportStepAdmin(ShownAdmin):
    list_display = ("id", "of", "last_line", "at", "undone_at")
    list_select_related = ("of",)


@admin.register(ImportChange)
class ImportChangeAdmin(ShownAdmin):
    list_display = ("id", "step", "contact_id", "kept")
    list_select_related = ("step",)


@admin.register(ConsentBasis)
class ConsentBasisAdmin(ShownAdmin):
    list_display = ("source", "channel", "workspace", "by", "created_at")
    list_select_related = ("workspace", "by")
    search_fields = ("source__icontains",)


@admin.register(Consent)
class ConsentAdmin(ShownAdmin):
    list_display = ("id", "contact", "list", "kind", "at")
    list_select_related = ("contact", "list")
    search_ids = ("pk", "contact_id")


@admin.register(BulkAction)
class BulkActionAdmin(ShownAdmin):
    list_display = ("id", "action", "state", "done", "total", "workspace", "created_at")
    list_select_related = ("workspace",)
    list_filter = ("action", "state")
    search_ids = ("pk",)


@admin.register(PeopleCount)
class PeopleCountAdmin(ShownAdmin):
    list_display = ("workspace", "people", "counted_at", "is_stale")
    list_select_related = ("workspace",)


@admin.register(ContactColumns)
class ContactColumnsAdmin(ShownAdmin):
    list_display = ("membership", "columns")
    list_select_related = ("membership__user", "membership__workspace")
