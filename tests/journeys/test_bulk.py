"""Journey: one thing done to many people, a few at once, many while a page shows how far it is."""

import re

from accounts.models import Role
from audiences.models import Consent, Contact, Field, Subscription, Tagging
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
    visit.focus_is_in("dialog[open] input[name=tag]")
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


def test_the_bar_is_one_step_from_a_tick_and_there_again_on_the_way_back(visit, brand, colleague):
    Contact.objects.bulk_create(
        Contact(workspace=brand, email=f"p{number}@reader.example") for number in range(60)
    )
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Contacts")
    visit.tick("Tick p59@reader.example")
    for key in ("Tab", "Enter"):
        visit.page.keyboard.press(key)
    visit.focus_is_in(".bulk-bar button[value=tag]")

    visit.tick("Tick all rows of this page")
    visit.press("link", "p40@reader.example", inside="#people")
    visit.arrive("p40@reader.example")
    visit.page.go_back()
    visit.see("50 chosen", inside=".bulk-bar")


def choose_all_sixty(visit, brand, colleague):
    Contact.objects.bulk_create(
        Contact(workspace=brand, email=f"p{number}@reader.example") for number in range(60)
    )
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Contacts")
    visit.tick("Tick all rows of this page")
    visit.press("button", "Choose all", inside=".bulk-bar")


def test_whom_was_chosen_is_chosen_again_on_the_way_back(visit, brand, colleague):
    choose_all_sixty(visit, brand, colleague)
    visit.press("button", "Export", inside=".bulk-bar", exact=True)
    visit.arrive("New export")
    visit.page.go_back()
    visit.see("All 60 that match are chosen", inside=".bulk-bar")
    visit.see("60 chosen", inside=".bulk-bar")

    # Not by their place in the table, where others stand meanwhile.
    visit.press("button", "Clear", inside=".bulk-bar")
    visit.tick("Tick p58@reader.example")
    visit.press("button", "Export", inside=".bulk-bar", exact=True)
    visit.arrive("New export")
    Contact.objects.create(workspace=brand, email="newest@reader.example")
    visit.page.go_back()
    visit.see("1 chosen", inside=".bulk-bar")
    box = visit.page.get_by_role("checkbox", name="Tick p58@reader.example")
    assert box.is_checked()


def test_all_that_match_stay_chosen_on_their_other_pages_and_nowhere_else(visit, brand, colleague):
    choose_all_sixty(visit, brand, colleague)
    visit.press("link", "Older", inside="#people")
    visit.see("p9@reader.example", inside="#people")
    visit.see("All 60 that match are chosen", inside=".bulk-bar")
    visit.see("60 chosen", inside=".bulk-bar")

    visit.press("button", "Clear", inside=".bulk-bar")
    visit.press("link", "Newest", inside="#people")
    visit.see("p59@reader.example", inside="#people")
    assert visit.page.locator("#people input[name=ids]:checked").count() == 0


def test_columns_are_ticked_as_far_as_there_is_room(visit, brand, colleague):
    for number in range(12):
        Field.objects.create(workspace=brand, key=f"x{number}", label=f"Field {number:02}")
    Contact.objects.create(workspace=brand, email="ana@reader.example")
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Contacts")
    visit.press("button", "Columns", inside="#people")
    visit.focus_is_in("dialog[open] input[type=checkbox]")
    for number in range(8):
        visit.tick(f"Field {number:02}")
    visit.see("12 of 12 chosen", inside="dialog[open]")
    visit.check_page()
    box = visit.page.get_by_role("checkbox", name="Field 09")
    assert box.is_disabled()
    visit.tick("Field 07")
    assert box.is_enabled()
