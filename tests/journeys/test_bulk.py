"""Journey: one thing done to many people, a few at once, many while a page shows how far it is."""

import re

from accounts.models import Role
from audiences.models import Consent, Contact, Subscription, Tagging
from tests.factories import ListFactory, SubscriptionFactory


def test_tag_one_person_and_add_everybody_to_a_list(visit, brand, colleague):
    people = Contact.objects.bulk_create(
        Contact(workspace=brand, email=f"p{number}@reader.example") for number in range(210)
    )
    news = ListFactory(workspace=brand, name="News")
    SubscriptionFactory(list=news, contact=people[0], status="unsubscribed")
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Contacts")
    visit.tick("Tick p209@reader.example")
    visit.press("button", "Tag", inside=".bulk-bar", exact=True)
    visit.focus_is_in("dialog[open]")
    visit.check_page()
    visit.type("Tag", "VIP", inside="dialog[open]")
    visit.press("button", "Tag", inside="dialog[open] .dialog__foot")
    visit.see("Tagging 1 person “VIP”: 1 tagged.", inside=".toasts")
    # The table as it is now has come, and no later one takes the next ticks with it.
    visit.focus_is_in("#people p[data-focus]")
    assert visit.clicks == 3
    assert Tagging.objects.get(tag__workspace=brand).contact == people[-1]

    visit.tick("Tick all rows of this page")
    visit.press("button", "Choose all", inside=".bulk-bar")
    visit.check_page()
    visit.press("button", "Add to a list", inside=".bulk-bar", exact=True)
    visit.field("List", "dialog[open]").select_option(label="News")
    visit.type("Where their consent comes from", "Spring fair", inside="dialog[open]")
    visit.press("button", "Add", inside="dialog[open] .dialog__foot")
    visit.arrive("people to the list “News”")
    visit.see(
        re.compile(r"210 people = 209.added \+ 0.on it already \+ 0.not confirmed yet \+ 1.left before"),
        inside="#bulk",
    )
    visit.see("Done", inside="#bulk")
    visit.check_page()

    on_list = Subscription.objects.filter(list=news, status="subscribed")
    assert (on_list.count(), Consent.objects.filter(list=news).count()) == (209, 209)
    visit.press("link", "Open the list", inside="main")
    visit.arrive("News")
    visit.read_the_log("Tagging 1 person “VIP”: 1 tagged.", "Adding 210 people to the list “News”")
