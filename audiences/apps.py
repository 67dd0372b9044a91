from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import attention, pulls, search
        from audiences import uses
        from audiences.mirror import gathering
        from audiences.queries import elsewhere, segments
        from audiences.queries.imports import running_imports

        search.register("Contacts", elsewhere.search_contacts, more="audiences:contacts")
        search.register("Segments", segments.search_segments, more="audiences:segments")
        search.register("Lists", elsewhere.search_lists, more="audiences:lists")
        for kind, query in segments.USES.items():
            uses.register(kind, query)
        attention.register(needs=elsewhere.unconfirmed_blocks, running=running_imports)
        if gathering.forget not in pulls.WHEN_ENDED:
            pulls.WHEN_ENDED.append(gathering.forget)
