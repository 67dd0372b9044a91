from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import attention, panels, search
        from accounts.services import connections
        from audiences import panels as contact_panels
        from audiences import uses
        from audiences.mirror import leaves, lists
        from audiences.services import suppressions
        from campaigns.queries import elsewhere

        panels.register(panels.Place.HOME_NEXT, "campaigns/panels/next.html", elsewhere.next_campaigns)
        contact_panels.register("What they received", "campaigns/panels/received.html", elsewhere.received_by)
        uses.register("segment", elsewhere.campaigns_by_segment)
        search.register("Campaigns", elsewhere.search_campaigns, more="campaigns:campaigns")
        search.register("Templates", elsewhere.search_templates, more="campaigns:templates")
        attention.register(needs=elsewhere.uncertain_deliveries, running=elsewhere.moving_deliveries)
        connections.guard_disconnect(elsewhere.deliveries_that_hold)
        if elsewhere.lists_of_deliveries not in lists.WORKING_LISTS:
            lists.WORKING_LISTS.append(elsewhere.lists_of_deliveries)
        if elsewhere.handed_over not in suppressions.HOLDERS:
            suppressions.HOLDERS.append(elsewhere.handed_over)
        if elsewhere.leaves_through_deliveries not in leaves.WORKING_LEAVES:
            leaves.WORKING_LEAVES.append(elsewhere.leaves_through_deliveries)
