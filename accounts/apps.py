from django.apps import AppConfig
from django.db import models


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import attention, queries, search
        from accounts.names import Holds

        for texts in (models.CharField, models.TextField):
            texts.register_lookup(Holds)

        attention.register(needs=queries.accounts_in_need, running=queries.running_pulls)
        search.register("Connections", queries.search_connections, more="accounts:connections")
        search.register("Members", queries.search_members, more="accounts:members")
