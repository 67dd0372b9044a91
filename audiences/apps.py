from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import attention, pulls, search
        from audiences.mirror import gathering
        from audiences.queries import bulk, elsewhere
        from audiences.queries.exports import running_exports
        from audiences.queries.imports import running_imports
        from audiences.services import counts

        search.register("Contacts", elsewhere.search_contacts, more="audiences:contacts")
        search.register("Lists", elsewhere.search_lists, more="audiences:lists")
        attention.register(needs=elsewhere.unconfirmed_blocks, running=running_imports)
        attention.register(running=running_exports)
        attention.register(needs=bulk.stopped_bulk_actions, running=bulk.running_bulk_actions)
        if counts.count_people_after not in pulls.WHEN_ENDED:
            pulls.WHEN_ENDED.append(counts.count_people_after)
        if gathering.forget not in pulls.WHEN_ENDED:
            pulls.WHEN_ENDED.append(gathering.forget)
