"""Sentences that marketers typed and that meant something else than was offered first, or nothing."""

import pytest

from audiences import rules
from audiences.models import Field

LEFT = "(left any list or suppressed: left)"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        # Two things of which the second has a name
        ("joined News before 2024 or language is empty", "(joined the list “News” before 1 Jan 2024 or Language is empty)"),
        ("on News or city is Gent", "(on the list “News” or City is “Gent”)"),
        # Who left
        ("on Offers and unsubscribed", f"(on the list “Offers” and {LEFT})"),
        ("clicked last week and unsubscribed", f"(clicked in a campaign in the last 7 days and {LEFT})"),
        ("not unsubscribed", "not suppressed: left"),
        # So long, and longer
        ("on News for 3 months", "joined the list “News” before 29 Aug 2026"),
        ("on list News for more than a year", "joined the list “News” before 26 Nov 2025"),
        ("on list News since more than a year", "joined the list “News” before 26 Nov 2025"),
        ("with us for 2 years", "Added here is before 27 Nov 2024"),
        ("not opened for 3 months", "not opened a campaign in the last 90 days"),
        ("subscribed this year to News", "joined the list “News” between 1 Jan 2026 and 31 Dec 2026"),
        ("clicked last month but not last week", "(clicked in a campaign in the last 30 days and not clicked in a campaign in the last 7 days)"),
        # Numbers
        ("points over 10\u00a0000", "Points is more than 10\u00a0000"),
        ("points 3 or higher", "Points is at least 3"),
        ("points 3 or lower", "Points is at most 3"),
        ("points 3 and up", "Points is at least 3"),
        ("at least 3 points", "Points is at least 3"),
        # Several names
        ("on all of News and Offers", "(on the list “News” and on the list “Offers”)"),
        ("on News, Offers and Guests", "(on the list “News” and on the list “Offers” and on the list “Guests”)"),
        ("on News, Offers, and Guests", "(on the list “News” and on the list “Offers” and on the list “Guests”)"),
        ("on News, Offers or Guests", "(on the list “News” or on the list “Offers” or on the list “Guests”)"),
        ("on any of News, Offers or Guests", "(on the list “News” or on the list “Offers” or on the list “Guests”)"),
        ("on either News or Offers", "(on the list “News” or on the list “Offers”)"),
        ("on News, tagged vip or lost", "(on the list “News” and (tagged “VIP” or tagged “lost”))"),
        ("not on both News and Offers", "(not on the list “News” or not on the list “Offers”)"),
        ("not on all of News, Offers and Guests", "(not on the list “News” or not on the list “Offers” or not on the list “Guests”)"),
        ("not on News and Offers", "(not on the list “News” and not on the list “Offers”)"),
        ("not on News but Offers", "(not on the list “News” and on the list “Offers”)"),
        ("news but not vip and lost", "(on the list “News” and not tagged “VIP” and not tagged “lost”)"),
        # Without accents
        ("people from giessen", "City is “Gießen”"),
        ("in Gent or GIESSEN", "City is “Gent” or “Gießen”"),
        # Ages and birthdays
        ("turning 50 this year", "Birthday is between 1 Jan 1976 and 31 Dec 1976"),
        ("turning 50", "Birthday is between 1 Jan 1976 and 31 Dec 1976"),
        ("turns 18 next month", "Birthday is between 1 Dec 2008 and 31 Dec 2008"),
        ("who turned 18 last year", "Birthday is between 1 Jan 2007 and 31 Dec 2007"),
        ("50th birthday in 2027", "Birthday is between 1 Jan 1977 and 31 Dec 1977"),
        ("birthday last month", "Birthday falls in October"),
        ("birthday next month", "Birthday falls in December"),
    ],
)  # fmt: skip
def test_what_is_offered_first_is_what_was_meant(offered, words, sentence):
    assert offered(words)[0] == sentence


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        ("added last week", ["Added here in the last 7 days", "Added here is between 16 Nov 2026 and 22 Nov 2026"]),
        ("added last month", ["Added here in the last 30 days", "Added here is between 1 Oct 2026 and 31 Oct 2026"]),
        ("added last quarter", ["Added here in the last 90 days", "Added here is between 1 Jul 2026 and 30 Sep 2026"]),
        ("added previous year", ["Added here in the last 365 days", "Added here is between 1 Jan 2025 and 31 Dec 2025"]),
        ("added in the last month", ["Added here in the last 30 days"]),
        ("added in the past month", ["Added here in the last 30 days"]),
        ("left news last month", ["left the list “News” in the last 30 days", "left the list “News” between 1 Oct 2026 and 31 Oct 2026"]),
        ("clicked last month", ["clicked in a campaign in the last 30 days", "clicked in a campaign since 1 Oct 2026"]),
    ],
)  # fmt: skip
def test_the_last_month_is_offered_in_both_its_meanings(offered, words, sentences):
    assert offered(words)[:2] == sentences


def test_tags_are_meant_before_a_field_of_that_name(workspace, reader, offered):
    Field.objects.create(workspace=workspace, key="tags", label="tags", kind="text")
    reader.things["field"] |= rules.KINDS["field"].things(workspace, ["tags"])

    assert offered("no tags") == ["not tagged at all", "tags is empty"]


@pytest.mark.parametrize("words", ["points over 100 EUR", "points over €100", "points > 100€"])
def test_a_currency_is_no_part_of_a_number(offered, reader, words):
    assert offered(words) == ["Points is more than 100"]
    assert reader.offers(words)[0].but == "Whatever the currency: the field holds numbers alone."


def test_days_after_a_birthday_are_said_to_be_asked_of_the_birth(offered, reader):
    assert offered("birthday last week")[0] == "Birthday in the last 7 days"
    assert reader.offers("birthday last week")[0].but.startswith("This is the very day, not its anniversary")


@pytest.mark.parametrize(
    ("words", "lost"), [("not on both News and Offers and tagged vip", ["both"]), ("turning 300", ["turning", "300"])]
)  # fmt: skip
def test_what_would_be_guessed_is_not_offered(offered, reader, words, lost):
    assert (offered(words), reader.lost(words)) == ([], lost)
