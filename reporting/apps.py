from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "reporting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import panels
        from audiences import panels as person
        from audiences import rules
        from reporting import conditions, queries

        panels.register(panels.Place.HOME_LAST, "reporting/panels/last.html", queries.last_reports)
        person.register("History", "reporting/panels/history.html", queries.history_of)
        rules.register(conditions.CampaignKind())
        rules.register(conditions.LinkKind())
