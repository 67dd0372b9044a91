"""Journey 3: a segment out of a few words, its people seen before it is saved, and why somebody is in it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Role
from audiences.models import Contact, Engagement, Segment
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)


@pytest.fixture
def readers(brand):
    """Two who fit, of whom one is suppressed, and one who fails each condition."""
    news = ListFactory(workspace=brand, name="News")
    ListFactory(workspace=brand, name="Guests")
    ConnectionFactory(workspace=brand, name="Northwind Travel")
    for first_name, language, days, is_on in (
        ("Ana", "fr", 10, True),
        ("Ben", "", 20, True),
        ("Cleo", "de", 10, True),
        ("Dora", "fr", 200, True),
        ("Emil", "fr", 10, False),
    ):
        person = ContactFactory(
            workspace=brand,
            email=f"{first_name.lower()}@reader.example",
            first_name=first_name,
            language=language,
        )
        if is_on:
            SubscriptionFactory(list=news, contact=person)
        at = timezone.now() - timedelta(days=days)
        Engagement.objects.create(contact=person, clicks=1, last_click_at=at)
    SuppressionFactory(contact=Contact.objects.get(workspace=brand, first_name="Ben"))
    return news


def add(visit, words, sentence):
    """Write it, and take what is understood."""
    visit.type("Add a condition", words)
    visit.see(sentence, inside="#offers .is-first")
    visit.press("button", sentence, inside="#offers")
    visit.see(sentence, inside="#standing")


def test_build_a_segment_out_of_words(visit, brand, colleague, readers):
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Segments")
    pages = {visit.page.url}
    visit.press("link", "New", inside="main", exact=True)
    visit.arrive("New segment")
    pages.add(visit.page.url)
    add(visit, "on list News", "on the list “News”")
    visit.see("4 people", inside="#standing")
    visit.focus_is_in("#find")
    add(visit, "clicked in the last 90 days", "clicked in a campaign in the last 90 days")
    visit.see("3 people", inside="#standing")
    visit.see("4 people", inside="#rule .rule__row >> nth=1")
    add(visit, "language is fr or empty", "Language is “fr” or Language is empty")
    visit.see("2 people", inside="#standing")
    visit.see("1 of them suppressed", inside="#standing")
    visit.check_page()
    visit.press("button", "Show people")
    visit.see("ana@reader.example", inside="#people")
    visit.see("ben@reader.example", inside="#people")
    visit.focus_is_in("#people")
    visit.check_page()
    clicks = visit.clicks
    visit.press("button", "Why here?", inside="#people tr:has-text('ben@reader.example')")
    visit.see("is in it", inside="dialog[open]")
    visit.see("Language is empty", inside="dialog[open] .is-met .is-met .is-met")
    visit.check_page()
    visit.press("button", "Close", inside="dialog[open]")
    visit.clicks = clicks
    visit.see("worked out when a campaign is released, and frozen then", inside="main")
    visit.see("Northwind Travel", inside=".builder__accounts")
    visit.type("Name", "Readers of News")
    visit.press("button", "Save", inside="main", exact=True)
    visit.arrive("Segments")
    pages.add(visit.page.url)

    assert visit.clicks == 6
    assert len(pages) == 2
    visit.see("Readers of News", inside="#segments")
    mine = Segment.objects.get(workspace=brand)
    assert mine.mailable_count == 1
    assert [rule.get("op") or rule["join"] for rule in mine.rule["rules"]] == ["on", "in_last", "any"]

    visit.press("link", "Readers of News", inside="#segments")
    visit.arrive("Readers of News")
    visit.type("Address", "emil@reader.example")
    visit.press("button", "Say why, or why not")
    visit.see("is not in it", inside="dialog[open]")
    visit.check_page()
    visit.press("button", "Close", inside="dialog[open]")
    visit.read_the_log("Made the segment “Readers of News”")


def test_bad_values_stay_and_say_what_is_wrong(visit, brand, colleague, readers):
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Segments")
    visit.press("link", "New", inside="main", exact=True)
    visit.arrive("New segment")
    visit.press("button", "clicked in a campaign", inside="#offers")
    visit.see("4 people", inside="#standing")
    visit.focus_is_in("#find")
    visit.type("Days", "ninety")
    visit.see("This is no number.", inside="#rule")
    visit.see("Not counted until one condition is filled in or taken out", inside="#standing")
    visit.press("button", "News", inside="#offers")
    visit.see("on the list “News”", inside="#standing")
    assert visit.field("Days").input_value() == "ninety"
    visit.check_page()
    visit.type("Days", "15")
    visit.see("2 people", inside="#standing")
    visit.press("button", "Take this condition out", inside=".rule__row >> nth=1")
    visit.see("3 people", inside="#standing")
    visit.focus_is_in(".rule__row")
    visit.press("button", "Save", inside="main", exact=True)
    visit.see("Give the segment a name", inside="main")
    visit.check_page()
    assert visit.field("Days").input_value() == "15"
    assert not Segment.objects.filter(workspace=brand).exists()
    assert visit.is_asked_before_leaving()
    assert visit.complaints == []


def test_a_page_is_left_unasked_until_something_is_changed(visit, brand, colleague, readers):
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Segments")
    visit.press("link", "New", inside="main", exact=True)
    visit.arrive("New segment")
    visit.type("Add a condition", "News")
    assert not visit.is_asked_before_leaving()
    visit.arrive("New segment")
    add(visit, "on list News", "on the list “News”")
    assert visit.is_asked_before_leaving()
    visit.see("on the list “News”", inside="#standing")
    visit.type("Name", "Readers")
    visit.press("button", "Save", inside="main", exact=True)
    visit.arrive("Segments")
    assert visit.complaints == []


def test_what_is_not_saved_comes_back_until_it_is_saved_or_discarded(visit, brand, colleague, readers):
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Segments")
    visit.press("link", "New", inside="main", exact=True)
    visit.arrive("New segment")
    add(visit, "on list News", "on the list “News”")
    visit.type("Name", "Readers")
    visit.page.once("dialog", lambda dialog: dialog.accept())
    visit.turn_to("Segments")
    visit.press("link", "New", inside="main", exact=True)
    visit.see("Restored what you had not saved.", inside="main")
    visit.see("on the list “News”", inside="#standing")
    assert visit.field("Name").input_value() == "Readers"
    visit.check_page()
    visit.press("button", "Discard", inside="main")
    visit.see("Add a condition, and the count follows.", inside="#standing")
    assert visit.field("Name").input_value() == ""
    add(visit, "on list Guests", "on the list “Guests”")
    visit.type("Name", "Guests")
    visit.press("button", "Save", inside="main", exact=True)
    visit.arrive("Segments")
    visit.press("link", "New", inside="main", exact=True)
    visit.arrive("New segment")
    visit.see("Add a condition, and the count follows.", inside="#standing")
    assert not visit.page.get_by_text("Restored what you had not saved.").is_visible()
    assert visit.complaints == []


KEPT = "Object.keys(sessionStorage).filter(place => place.startsWith('unsaved '))"


def test_a_save_that_was_refused_is_kept_whatever_else_is_saved(visit, brand, colleague, readers):
    rule = {"join": "all", "rules": [{"kind": "list", "of": readers.pk, "op": "on"}]}
    Segment.objects.create(workspace=brand, name="Readers", rule=rule)
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Segments")
    visit.press("link", "New", inside="main", exact=True)
    visit.arrive("New segment")
    add(visit, "on list News", "on the list “News”")
    visit.type("Name", "Readers")
    visit.press("button", "Save", inside="main", exact=True)
    visit.see("Another segment has this name", inside="main")
    visit.page.once("dialog", lambda dialog: dialog.accept())
    visit.page.goto(f"{visit.address}/w/{brand.slug}/lists/{readers.pk}/edit/")
    visit.type("Name", "News of old")
    visit.press("button", "Save", inside="main", exact=True)
    visit.see("Saved", inside=".toast")
    visit.turn_to("Segments")
    visit.press("link", "New", inside="main", exact=True)
    visit.see("Restored what you had not saved.", inside="main")
    visit.see("on the list “News of old”", inside="#standing")
    assert visit.complaints == []


def test_nothing_is_kept_for_the_next_person(visit, brand, colleague, readers):
    visit.log_in(colleague(Role.EDITOR).email, brand.name)
    visit.turn_to("Segments")
    visit.press("link", "New", inside="main", exact=True)
    visit.arrive("New segment")
    visit.type("Name", "Readers")
    left_open = visit.page.context.new_page()
    left_open.goto(visit.page.url)
    left_open.get_by_label("Name", exact=True).fill("Guests")
    visit.page.once("dialog", lambda dialog: dialog.accept())
    visit.turn_to("Segments")
    assert [len(tab.evaluate(KEPT)) for tab in (visit.page, left_open)] == [1, 1]

    visit.activate(visit.page.locator("summary", has_text="You: Robin Editor"))
    visit.press("button", "Log out")
    visit.arrive("Log in")

    assert [tab.evaluate(KEPT) for tab in (visit.page, left_open)] == [[], []]
    assert visit.complaints == []
