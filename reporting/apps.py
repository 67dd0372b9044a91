from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "reporting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import panels
        from audiences import panels as person
        from audiences.services import consents
        from reporting import queries
        from reporting.services import uncounted

        panels.register(panels.Place.HOME_LAST, "reporting/panels/last.html", queries.last_reports)
        person.register("History", "reporting/panels/history.html", queries.history_of)
        if uncounted.forget not in consents.UNCOUNTED:
            consents.UNCOUNTED.append(uncounted.forget)
