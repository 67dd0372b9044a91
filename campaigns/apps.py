from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import attention, panels, search
        from audiences import panels as contact_panels
        from campaigns.queries import elsewhere

        panels.register(panels.Place.HOME_NEXT, "campaigns/panels/next.html", elsewhere.next_campaigns)
        contact_panels.register("What they received", "campaigns/panels/received.html", elsewhere.received_by)
        search.register("Campaigns", elsewhere.search_campaigns, more="campaigns:campaigns")
        search.register("Templates", elsewhere.search_templates, more="campaigns:templates")
        attention.register(needs=elsewhere.uncertain_deliveries, running=elsewhere.moving_deliveries)
