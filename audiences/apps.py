from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import attention, details, pulls, search
        from audiences import uses
        from audiences.mirror import gathering
        from audiences.queries import bulk, elsewhere, logged, segments
        from audiences.queries import uses as under_way
        from audiences.queries.exports import running_exports
        from audiences.queries.imports import running_imports
        from audiences.queries.privacy import still_held
        from audiences.services import counts

        search.register("Contacts", elsewhere.search_contacts, more="audiences:contacts")
        search.register("Segments", segments.search_segments, more="audiences:segments")
        search.register("Lists", elsewhere.search_lists, more="audiences:lists")
        for kind, query in segments.USES.items():
            uses.register(kind, query)
        uses.register("list", under_way.imports_by_list)
        uses.register("field", under_way.imports_by_field)
        uses.register("field", under_way.bulk_actions_by_field)
        for name, words in logged.WORDS.items():
            details.register(name, words)
        details.register_subject("audiences.contact", logged.people)
        details.register_subject("audiences.suppression", logged.suppressions)
        details.register_subject("audiences.bulkaction", logged.bulk_actions)
        attention.register(needs=elsewhere.unconfirmed_blocks, running=running_imports)
        attention.register(running=running_exports)
        attention.register(needs=bulk.stopped_bulk_actions, running=bulk.running_bulk_actions)
        if counts.count_people_after not in pulls.WHEN_ENDED:
            pulls.WHEN_ENDED.append(counts.count_people_after)
        attention.register(needs=elsewhere.stopped_changes, running=elsewhere.running_changes)
        attention.register(needs=still_held)
        _register_what_is_held()
        if gathering.forget not in pulls.WHEN_ENDED:
            pulls.WHEN_ENDED.append(gathering.forget)


def _register_what_is_held() -> None:
    from audiences import privacy
    from audiences.privacy import Section
    from audiences.queries import held
    from audiences.services import forgetting

    privacy.register(
        Section("contact", "The person and their fields", held.contact),
        Section("addresses", "Other addresses of theirs", held.former_addresses),
        Section("tags", "Tags", held.tags),
        Section("subscriptions", "Lists they are or were on, with the evidence", held.subscriptions),
        Section("consents", "Consents and what they rest on", held.consents, forget=forgetting.consents),
        Section(
            "suppressions",
            "Suppressions, in force and lifted",
            held.suppressions,
            becomes="Removed; a keyed hash keeps them out",
            forget=forgetting.suppressions,
        ),
        Section("engagement", "Mails, opens and clicks in sum", held.engagement),
        Section(
            "accounts", "Accounts that hold them", held.accounts, becomes="Removed; each account is told"
        ),
        Section("being_read", "Read by a pull under way", held.gathered, forget=forgetting.gathered),
        Section(
            "import_rows",
            "Rows of imports",
            held.import_rows,
            becomes="Emptied; the line still counts",
            forget=forgetting.import_rows,
        ),
        Section(
            "import_changes",
            "What imports changed of them",
            held.import_changes,
            forget=forgetting.import_changes,
        ),
        Section(
            "bulk_changes",
            "What bulk actions changed of them",
            held.bulk_changes,
            forget=forgetting.bulk_changes,
        ),
        Section(
            "bulk_outcomes",
            "Bulk actions that changed nothing of them",
            held.bulk_outcomes,
            forget=forgetting.bulk_outcomes,
        ),
        Section(
            "import_files",
            "Uploaded files not imported yet that may hold them",
            held.import_files,
            becomes="Thrown away, with their imports",
            forget=forgetting.import_files,
        ),
        Section(
            "exports",
            "Exported files that may hold them",
            held.exports,
            becomes="Thrown away",
            forget=forgetting.exports,
        ),
        Section(
            "words",
            "Rules, filters and notes with the address",
            held.words,
            becomes="The address is struck out",
            forget=forgetting.words,
        ),
        Section("duplicates", "Pairs of people who may be the same", held.duplicates),
        Section("work", "Work about them in the outbox", held.outbox, forget=forgetting.outbox),
        Section(
            "activity",
            "Entries of the activity log about them",
            held.activity,
            becomes="Kept; they hold no address and no name",
            stays=True,
        ),
    )
