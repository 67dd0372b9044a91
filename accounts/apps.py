from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import accounts.names  # noqa: F401 - registers a lookup
        from accounts import attention, queries, search

        attention.register(needs=queries.accounts_in_need, running=queries.running_pulls)
        search.register("Connections", queries.search_connections, more="accounts:connections")
        search.register("Members", queries.search_members, more="accounts:members")
