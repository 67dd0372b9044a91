"""The lists to choose from while writing."""

from accounts.models import MirrorKind, MirrorRow
from campaigns.forms.compose import ComposeForm
from tests.factories import CampaignFactory, ConnectionFactory, ListFactory


def test_lists_of_one_name_say_whose_they_are_and_those_of_the_account_come_first(workspace):
    club, shop = (ConnectionFactory(workspace=workspace, name=name) for name in ("Club", "Shop"))
    campaign = CampaignFactory(workspace=workspace, connection=shop)
    for connection, name in ((club, "News"), (shop, "News"), (club, "Autumn"), (shop, "Winter")):
        MirrorRow.objects.create(
            connection=connection, kind=MirrorKind.LIST, remote_id=name,
            object_id=ListFactory(workspace=workspace, name=name, subscribed_count=4).pk,
        )  # fmt: skip

    form = ComposeForm(target=campaign, senders=[])

    assert [label for _, label in form.fields["lists"].choices] == [
        "News · Shop (4)",
        "Winter (4)",
        "Autumn (4)",
        "News · Club (4)",
    ]
