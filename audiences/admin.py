"""The operator's view of people and lists. Shown only: consent and versions are kept by services."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin_tools import ShownAdmin
from audiences.models import (
    BulkAction,
    BulkChange,
    BulkOutcome,
    Consent,
    ConsentBasis,
    Contact,
    ContactColumns,
    DuplicatePair,
    DuplicateSearch,
    Engagement,
    ErasedThere,
    Erasure,
    Export,
    ExportPiece,
    Field,
    FieldChange,
    Folder,
    FormerAddress,
    Gathered,
    Import,
    ImportBody,
    ImportChange,
    ImportStep,
    List,
    PeopleCount,
    Segment,
    Subscription,
    Suppression,
    Tag,
    Tagging,
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


@admin.register(Erasure)
class ErasureAdmin(ShownAdmin):
    list_display = ("id", "workspace", "by", "at", "lifted_at")
    list_select_related = ("workspace", "by")


@admin.register(ErasedThere)
class ErasedThereAdmin(ShownAdmin):
    list_display = ("id", "erasure", "connection", "state", "state_at")
    list_select_related = ("erasure", "connection")


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


@admin.register(BulkChange)
class BulkChangeAdmin(ShownAdmin):
    list_display = ("id", "of", "contact_id", "at", "kept")
    list_select_related = ("of",)


@admin.register(BulkOutcome)
class BulkOutcomeAdmin(ShownAdmin):
    list_display = ("id", "of", "outcome")
    list_select_related = ("of",)


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


@admin.register(FormerAddress)
class FormerAddressAdmin(ShownAdmin):
    list_display = ("email", "workspace", "contact_id", "created_at")
    list_select_related = ("workspace",)
    search_ids = ("contact_id",)


@admin.register(FieldChange)
class FieldChangeAdmin(ShownAdmin):
    list_display = ("id", "field", "action", "state", "created_by", "created_at")
    list_select_related = ("field", "created_by")
    list_filter = ("state",)


@admin.register(Tag)
class TagAdmin(ShownAdmin):
    list_display = ("name", "workspace", "created_at")
    list_select_related = ("workspace",)
    search_fields = ("name__icontains",)


@admin.register(Tagging)
class TaggingAdmin(ShownAdmin):
    list_display = ("id", "tag", "contact_id", "created_at")
    list_select_related = ("tag",)
    search_ids = ("contact_id",)


@admin.register(Segment)
class SegmentAdmin(ShownAdmin):
    list_display = ("name", "workspace", "mailable_count", "counted_at", "archived_at")
    list_select_related = ("workspace",)
    search_fields = ("name__icontains",)


@admin.register(BulkAction)
class BulkActionAdmin(ShownAdmin):
    list_display = ("id", "action", "workspace", "state", "done", "total", "created_by", "created_at")
    list_select_related = ("workspace", "created_by")
    list_filter = ("state", "action")


@admin.register(Export)
class ExportAdmin(ShownAdmin):
    list_display = ("id", "title", "workspace", "state", "rows", "created_by", "created_at")
    list_select_related = ("workspace", "created_by")
    list_filter = ("state", "kind")


@admin.register(ExportPiece)
class ExportPieceAdmin(ShownAdmin):
    """That a file is still kept, and never what is in it."""

    list_display = ("id", "of", "number")
    list_select_related = ("of",)
    fields = ("of", "number")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("body")


@admin.register(DuplicateSearch)
class DuplicateSearchAdmin(ShownAdmin):
    list_display = ("workspace", "found", "begun_at", "finished_at")
    list_select_related = ("workspace",)


@admin.register(DuplicatePair)
class DuplicatePairAdmin(ShownAdmin):
    list_display = ("id", "workspace", "contact_a_id", "contact_b_id", "reasons", "dismissed_at")
    list_select_related = ("workspace",)


@admin.register(PeopleCount)
class PeopleCountAdmin(ShownAdmin):
    list_display = ("workspace", "people", "counted_at")
    list_select_related = ("workspace",)


@admin.register(ContactColumns)
class ContactColumnsAdmin(ShownAdmin):
    list_display = ("membership", "columns")
    list_select_related = ("membership__user", "membership__workspace")
