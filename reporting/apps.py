from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "reporting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import panels
        from audiences import panels as person
        from audiences import privacy, rules
        from audiences.services import consents, merging
        from reporting import conditions, queries
        from reporting.queries import held
        from reporting.services import forgetting, uncounted
        from reporting.services.merging import EVENTS

        panels.register(panels.Place.HOME_LAST, "reporting/panels/last.html", queries.last_reports)
        person.register("History", "reporting/panels/history.html", queries.history_of)
        merging.register(EVENTS)
        privacy.register(
            privacy.Section(
                "events",
                "Events: deliveries, opens, clicks, leaves",
                held.events,
                becomes="Kept for the sums, without the person",
                forget=forgetting.events,
            ),
            privacy.Section("firsts", "What they did first in each mail", held.firsts),
            privacy.Section("calls", "Calls of accounts that name them", held.calls, forget=forgetting.calls),
            privacy.Section(
                "links",
                "Counts of links that name them",
                held.links,
                becomes="Kept without the address",
                forget=forgetting.links,
            ),
        )
        if forgetting.hold not in privacy.LOCKS:
            privacy.LOCKS.append(forgetting.hold)
        if uncounted.forget not in consents.UNCOUNTED:
            consents.UNCOUNTED.append(uncounted.forget)
        rules.register(conditions.CampaignKind())
        rules.register(conditions.LinkKind())
