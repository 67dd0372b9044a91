"""The operator's view of what is written and sent. Shown only: the send machine alone moves a delivery."""

from django.contrib import admin

from accounts.admin_tools import ShownAdmin
from campaigns import models


@admin.register(models.Sender)
class SenderAdmin(ShownAdmin):
    list_display = ("name", "email", "workspace", "created_at")
    list_select_related = ("workspace",)
    search_fields = ("name__icontains", "email__icontains")


@admin.register(models.SendingDomain)
class SendingDomainAdmin(ShownAdmin):
    list_display = ("name", "connection", "is_verified", "is_authenticated", "read_at")
    list_select_related = ("connection",)
    search_fields = ("name__icontains",)


@admin.register(models.Template)
class TemplateAdmin(ShownAdmin):
    list_display = ("name", "subject", "workspace", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("name__icontains",)


@admin.register(models.Campaign)
class CampaignAdmin(ShownAdmin):
    list_display = ("name", "subject", "status", "workspace", "connection", "send_at")
    list_select_related = ("workspace", "connection")
    list_filter = ("status",)
    search_fields = ("name__icontains", "subject__icontains")


@admin.register(models.CampaignVersion)
class CampaignVersionAdmin(ShownAdmin):
    list_display = ("id", "campaign", "number", "by", "at")
    list_select_related = ("campaign", "by")
    search_ids = ("pk", "campaign_id")


@admin.register(models.TestSend)
class TestSendAdmin(ShownAdmin):
    list_display = ("id", "campaign", "connection", "state", "note", "created_at", "ended_at")
    list_select_related = ("campaign", "connection")
    list_filter = ("state",)
    search_ids = ("pk", "campaign_id")


@admin.register(models.Delivery)
class DeliveryAdmin(ShownAdmin):
    list_display = (
        "id",
        "campaign",
        "connection",
        "generation",
        "state",
        "state_at",
        "send_at",
        "marker",
        "note",
    )
    list_select_related = ("campaign", "connection")
    list_filter = ("state",)
    search_fields = ("marker__exact", "remote_id__exact")
    search_ids = ("pk", "campaign_id")
    exclude = ("html", "text")


@admin.register(models.Recipient)
class RecipientAdmin(ShownAdmin):
    list_display = ("id", "email", "delivery_id", "state", "reason", "changed_at")
    search_ids = ("delivery_id", "contact_id")
