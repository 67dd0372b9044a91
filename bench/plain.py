"""What Django gives without our pages: a plain admin of all people, to be told how much dearer it is."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audiences.models import Contact


class PlainSite(admin.AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated


class PlainAdmin(admin.ModelAdmin):
    list_display = ("email", "first_name", "last_name", "language", "city", "created_at")
    search_fields = ("email", "first_name", "last_name")
    list_per_page = 50

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


site = PlainSite(name="plain")
site.register(Contact, PlainAdmin)
