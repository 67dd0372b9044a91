"""The operator's view of people, connections and work. Secrets are not on any page."""

from collections.abc import Callable

from allauth.mfa import admin as _mfa  # noqa: F401 - registered first, so that it can be replaced
from allauth.mfa.models import Authenticator
from allauth.usersessions import admin as _usersessions  # noqa: F401
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import outbox
from accounts.admin_tools import OperatorAdmin, ShownAdmin, ShownOnly
from accounts.models import (
    ActivityEntry,
    Connection,
    ConnectionTokens,
    Invitation,
    Membership,
    MirrorRow,
    OutboxAttempt,
    OutboxEntry,
    Pull,
    User,
    Workspace,
)
from accounts.refusals import CannotDo
from accounts.services import connections as services

admin.site.site_header = admin.site.site_title = "Campanile"
admin.site.index_title = "Operator"
# Roles stand in memberships; groups would grant nothing but confusion.
admin.site.unregister(Group)
# allauth's own pages show the secrets of second factors and the keys of sessions; ours below do not.
admin.site.unregister((Authenticator, UserSession))


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("workspace", "user")


@admin.register(User)
class UserAdmin(OperatorAdmin, DjangoUserAdmin):
    add_form = NewUserForm
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email__contains", "name__icontains")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "name", "time_zone", "password")}),
        ("Operator", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)


@admin.register(Workspace)
class WorkspaceAdmin(OperatorAdmin):
    list_display = ("name", "slug", "time_zone", "sending_locked", "created_at")
    list_filter = ("sending_locked",)
    search_fields = ("name__icontains", "slug__contains")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("version", "created_at")
    inlines = (MembershipInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(OperatorAdmin):
    list_display = ("user", "workspace", "role", "created_at")
    list_select_related = ("user", "workspace")
    list_filter = ("role",)
    search_fields = ("user__email__contains", "workspace__slug__contains")
    autocomplete_fields = ("user", "workspace")
    readonly_fields = ("created_at",)


@admin.register(Invitation)
class InvitationAdmin(ShownAdmin):
    list_display = ("email", "workspace", "role", "created_at", "expires_at", "accepted_at")
    list_select_related = ("workspace",)
    search_fields = ("email__contains",)
    exclude = ("token_digest",)

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return True


@admin.register(Connection)
class ConnectionAdmin(ShownAdmin):
    list_display = ("name", "workspace", "provider", "status", "status_at", "pulled_at", "last_event_at")
    list_select_related = ("workspace",)
    list_filter = ("status", "provider")
    search_fields = ("name__icontains", "workspace__slug__contains")
    exclude = ("sealed_credentials", "sealed_webhook_secrets", "webhook_token")
    actions = ("pause", "resume")

    @admin.action(description="Pause: work waits in order")
    def pause(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        self._each(request, queryset, services.pause, "paused")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        self._each(request, queryset, services.resume, "at work again")

    def _each(
        self, request: HttpRequest, queryset: QuerySet[Connection], service: Callable[..., None], done: str
    ) -> None:
        for connection in queryset.select_related("workspace"):
            try:
                service(connection=connection, by=request.user)
            except CannotDo as refusal:
                self.message_user(request, refusal.sentence, messages.ERROR)
            else:
                self.message_user(request, f"{connection} is {done}.")


@admin.register(ConnectionTokens)
class ConnectionTokensAdmin(ShownAdmin):
    list_display = ("connection", "renewed_at")
    list_select_related = ("connection",)
    search_fields = ("connection__name__icontains",)
    exclude = ("sealed",)


@admin.register(Pull)
class PullAdmin(ShownAdmin):
    list_display = ("id", "connection", "state", "step", "created_at", "finished_at", "note")
    list_select_related = ("connection",)
    list_filter = ("state",)
    search_ids = ("pk", "connection_id")


class AttemptInline(ShownOnly, admin.TabularInline):
    model = OutboxAttempt
    extra = 0
    fields = ("fence", "started_at", "ended_at", "outcome", "detail")


@admin.register(OutboxEntry)
class OutboxEntryAdmin(ShownAdmin):
    list_display = (
        "id", "task", "state", "connection", "priority", "not_before", "attempts", "crashes", "leased_until", "note"
    )  # fmt: skip
    list_select_related = ("connection",)
    list_filter = ("state", "priority", "effect")
    search_fields = ("task__startswith", "order_key__startswith")
    search_ids = ("pk",)
    inlines = (AttemptInline,)
    actions = ("ring", "retry")

    @admin.action(description="Ring: tell a worker now")
    def ring(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        waiting = queryset.filter(state=OutboxEntry.State.WAITING)
        rung = sum(outbox.ring(entry) for entry in waiting)
        self.message_user(
            request, f"Rang for {rung} of {len(queryset)} entries; only waiting ones are rung for."
        )

    @admin.action(description="Try set-aside work again")
    def retry(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        for entry in queryset.select_related("workspace", "connection"):
            try:
                tried = services.retry_entry(entry=entry, by=request.user)  # type: ignore[arg-type]
            except CannotDo as refusal:
                self.message_user(request, f"{entry}: {refusal.sentence}", messages.ERROR)
            else:
                words = "is tried again." if tried else "was not set aside, so it stays as it is."
                self.message_user(
                    request, f"{entry} {words}", messages.SUCCESS if tried else messages.WARNING
                )


@admin.register(OutboxAttempt)
class OutboxAttemptAdmin(ShownAdmin):
    list_display = ("entry", "fence", "started_at", "ended_at", "outcome", "detail")
    list_select_related = ("entry",)
    search_ids = ("entry_id",)


@admin.register(ActivityEntry)
class ActivityEntryAdmin(ShownAdmin):
    list_display = ("at", "workspace", "actor_name", "verb", "sentence")
    list_select_related = ("workspace",)
    list_filter = ("workspace",)
    search_ids = ("pk",)


@admin.register(MirrorRow)
class MirrorRowAdmin(ShownAdmin):
    list_display = ("id", "connection", "kind", "object_id", "remote_id", "version", "seen_at", "gone_at")
    list_select_related = ("connection",)
    search_ids = ("pk", "connection_id")


@admin.register(Authenticator)
class AuthenticatorAdmin(ShownAdmin):
    """Removing one is the way back in for a person who lost it; the operator makes sure who asks."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__email__contains",)
    exclude = ("data",)

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return True


@admin.register(UserSession)
class UserSessionAdmin(ShownAdmin):
    list_display = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__email__contains",)
    exclude = ("session_key",)
