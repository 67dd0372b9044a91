from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import attention, pulls, search
        from audiences.mirror import gathering
        from audiences.queries import elsewhere
        from audiences.queries.imports import running_imports

        search.register("Contacts", elsewhere.search_contacts, more="audiences:contacts")
        search.register("Lists", elsewhere.search_lists, more="audiences:lists")
        attention.register(needs=elsewhere.unconfirmed_blocks, running=running_imports)
        attention.register(needs=elsewhere.stopped_changes, running=elsewhere.running_changes)
        if gathering.forget not in pulls.WHEN_ENDED:
            pulls.WHEN_ENDED.append(gathering.forget)
