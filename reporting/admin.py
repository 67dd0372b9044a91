"""The operator's view of events and figures. Shown only: what happened is not edited."""

from django.contrib import admin

from accounts.admin_tools import ShownAdmin
from reporting import models


@admin.register(models.InboxCall)
class InboxCallAdmin(ShownAdmin):
    list_display = ("id", "connection", "received_at", "state", "note")
    list_select_related = ("connection",)
    list_filter = ("state",)
    # People's addresses stand in there as the provider sent them.
    exclude = ("body",)


@admin.register(models.Event)
class EventAdmin(ShownAdmin):
    list_display = ("id", "kind", "at", "delivery_id", "contact_id", "is_machine", "reason")
    search_ids = ("delivery_id", "contact_id")


class _OfDelivery(ShownAdmin):
    search_ids = ("pk", "delivery_id")


@admin.register(models.Figures)
class FiguresAdmin(_OfDelivery):
    list_display = ("delivery_id", "source", "read_at")
    list_filter = ("source",)


@admin.register(models.LinkFigures)
class LinkFiguresAdmin(_OfDelivery):
    list_display = ("delivery_id", "source", "url", "clicks", "people")


@admin.register(models.DomainFigures)
class DomainFiguresAdmin(_OfDelivery):
    list_display = ("delivery_id", "source", "domain")


@admin.register(models.SpanFigures)
class SpanFiguresAdmin(_OfDelivery):
    list_display = ("delivery_id", "start_at", "delivered", "opens", "machine_opens", "clicks")


@admin.register(models.Seen)
class SeenAdmin(_OfDelivery):
    list_display = ("delivery_id", "contact_id", "kind", "is_machine", "first_at")
    search_ids = ("delivery_id", "contact_id")
