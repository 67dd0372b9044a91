from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import attention, panels, search
        from accounts.services import connections
        from audiences import panels as contact_panels
        from audiences import privacy, uses
        from audiences.mirror import leaves, lists
        from audiences.services import merging, suppressions
        from campaigns.queries import elsewhere, held
        from campaigns.queries.fields import merge_tags
        from campaigns.services import forgetting
        from campaigns.services.merging import RECIPIENTS

        panels.register(panels.Place.HOME_NEXT, "campaigns/panels/next.html", elsewhere.next_campaigns)
        contact_panels.register("What they received", "campaigns/panels/received.html", elsewhere.received_by)
        uses.register("list", elsewhere.campaigns_by_list)
        uses.register("segment", elsewhere.campaigns_by_segment)
        uses.register("field", merge_tags)
        search.register("Campaigns", elsewhere.search_campaigns, more="campaigns:campaigns")
        search.register("Templates", elsewhere.search_templates, more="campaigns:templates")
        attention.register(needs=elsewhere.uncertain_deliveries, running=elsewhere.moving_deliveries)
        connections.guard_disconnect(elsewhere.deliveries_that_hold)
        privacy.register(
            privacy.Section(
                "deliveries",
                "Campaigns they were meant for",
                held.recipients,
                becomes="Kept for the sums, without the person",
                forget=forgetting.recipients,
            ),
            privacy.Section(
                "audiences",
                "Rules of sent campaigns with the address",
                held.audiences,
                becomes="The address is struck out",
                forget=forgetting.audiences,
            ),
            privacy.Section(
                "test_mails",
                "Test mails to the address",
                held.test_mails,
                becomes="Kept without the address",
                forget=forgetting.test_mails,
            ),
        )
        if held.hand_over_under_way not in privacy.HINDRANCES:
            privacy.HINDRANCES.append(held.hand_over_under_way)
        if elsewhere.lists_of_deliveries not in lists.WORKING_LISTS:
            lists.WORKING_LISTS.append(elsewhere.lists_of_deliveries)
        if elsewhere.handed_over not in suppressions.HOLDERS:
            suppressions.HOLDERS.append(elsewhere.handed_over)
        if elsewhere.leaves_through_deliveries not in leaves.WORKING_LEAVES:
            leaves.WORKING_LEAVES.append(elsewhere.leaves_through_deliveries)
        merging.register(RECIPIENTS)
