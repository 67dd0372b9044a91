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
        # No address is a word, and a domain is written with its sign or without
        ("has a Gmail address", "Address contains “@gmail.”"),
        ("address is gmail", "Address contains “@gmail.”"),
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
        ("points over 1,000", "Points is more than 1\u00a0000"),
        ("points over 1.000", "Points is more than 1\u00a0000"),
        ("points over 1'000", "Points is more than 1\u00a0000"),
        ("points over 10,000", "Points is more than 10\u00a0000"),
        ("points over 100,000", "Points is more than 100\u00a0000"),
        ("points over 1,000,000", "Points is more than 1\u00a0000\u00a0000"),
        ("points over 1.234.567", "Points is more than 1\u00a0234\u00a0567"),
        ("points over 20.000", "Points is more than 20\u00a0000"),
        ("points over 10'000", "Points is more than 10\u00a0000"),
        ("points over 10,000.5", "Points is more than 10000.5"),
        ("points between 10,000 and 20,000", "Points is between 10\u00a0000 and 20\u00a0000"),
        ("points over 1.5", "Points is more than 1.5"),
        ("points over 1.234", "Points is more than 1.234"),
        ("points over 2,5", "Points is more than 2.5"),
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
        ("not in any of News, Offers or Guests", "(not on the list “News” and not on the list “Offers” and not on the list “Guests”)"),
        # Not one or the other is neither
        ("not received or opened anything this year", "(not received a campaign since 1 Jan 2026 and not opened a campaign since 1 Jan 2026)"),
        ("never opened, clicked or received", "(never opened a campaign and never clicked in a campaign and never received a campaign)"),
        ("city does not start with G", "none of (City begins with “G”)"),
        ("city doesn't begin with G and on News", "(none of (City begins with “G”) and on the list “News”)"),
        ("people from Gent or Brugge not on News", "(City is “Gent” or “Brugge” and not on the list “News”)"),
        ("people from Gent or Brugge on News", "(City is “Gent” or “Brugge” and on the list “News”)"),
        ("city is Gent or Brugge not on News", "(City is “Gent” or “Brugge” and not on the list “News”)"),
        ("not in Gent or Brugge on News", "(City is not “Gent” or “Brugge” and on the list “News”)"),
        ("people from Gent or Brugge who clicked", "(City is “Gent” or “Brugge” and clicked in a campaign in the last …)"),
        # One thing after the other, without a word of its own
        ("city starts with G and ends with t", "(City begins with “G” and City ends with “t”)"),
        ("city starts with G or B", "(City begins with “G” or City begins with “B”)"),
        ("birthday in December or January", "(Birthday falls in December or Birthday falls in January)"),
        ("points of 5 or more", "Points is at least 5"),
        ("points more than 10 less than 20", "(Points is more than 10 and Points is less than 20)"),
        ("language nl, fr or de", "Language is “nl” or “fr” or “de”"),
        ("language nl, fr and de", "Language is “nl” or “fr” or “de”"),
        ("country is Trinidad and Tobago", "Country is “TT”"),
        ("city is Gent, Brugge", "City is “Gent” or “Brugge”"),
        ("city is Gent or Brugge, tagged vip", "(City is “Gent” or “Brugge” and tagged “VIP”)"),
        ("people from Gent, not on News", "(City is “Gent” and not on the list “News”)"),
        ("joined News in the last week or left it", "(joined the list “News” in the last 7 days or left the list “News”)"),
        ("pending on News", "has not confirmed the list “News” yet"),
        ("custom field region is Flanders", "Region is “Flanders”"),
        ("over 18 and in Gent", "(Birthday is before 26 Nov 2008 and City is “Gent”)"),
        # All, any and none
        ("first name and last name missing", "(First name is empty and Last name is empty)"),
        ("first name or city missing", "(First name is empty or City is empty)"),
        ("no birthday or no phone", "(Birthday is empty or Phone is empty)"),
        ("no birthday and no phone", "(Birthday is empty and Phone is empty)"),
        ("unsubscribed from all lists", "(left any list and on no list)"),
        ("never left a list", "none of (left any list or suppressed: left)"),
        ("all except those on News", "not on the list “News”"),
        ("everyone except people who clicked", "never clicked in a campaign"),
        ("has paid", "Paid is yes"),
        ("has not paid", "Paid is no"),
        ("city not Gent or Brugge", "City is not “Gent” or “Brugge”"),
        ("vips without consent", "(tagged “VIP” and agreed to be written to: not on record)"),
        ("mailable vips", "(not suppressed and tagged “VIP”)"),
        # When
        ("recent openers", "opened a campaign in the last 30 days"),
        ("new customers", "Added here in the last 30 days"),
        ("not mailed in the last 2 weeks", "not received a campaign in the last 14 days"),
        ("opened nothing for a year", "not opened a campaign in the last 365 days"),
        ("inactive this year", "(not opened a campaign since 1 Jan 2026 and not clicked in a campaign since 1 Jan 2026)"),
        ("added before last month", "Added here is before 1 Oct 2026"),
        ("added since last week", "Added here is after 15 Nov 2026"),
        ("left News or Offers this year", "(left the list “News” between 1 Jan 2026 and 31 Dec 2026 or left the list “Offers” between 1 Jan 2026 and 31 Dec 2026)"),
        ("joined News and Offers in 2025", "(joined the list “News” between 1 Jan 2025 and 31 Dec 2025 and joined the list “Offers” between 1 Jan 2025 and 31 Dec 2025)"),
        ("clicked or opened this month", "(clicked in a campaign since 1 Nov 2026 or opened a campaign since 1 Nov 2026)"),
        ("opened but did not click in the last 30 days", "(opened a campaign in the last 30 days and not clicked in a campaign in the last 30 days)"),
        ("on News and clicked this year", "(on the list “News” and clicked in a campaign since 1 Jan 2026)"),
        # Addresses and consent
        ("email contains test", "Address contains “test”"),
        ("works at acme.com", "Domain of the address is “acme.com”"),
        ("consent given", "agreed to be written to: on record"),
        ("city is Gent and consent given", "(City is “Gent” and agreed to be written to: on record)"),
        ("agreed to be tracked", "opens and clicks may be counted: on record"),
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
    ("words", "sentence"),
    [
        ("on News and not unsubscribed", "(on the list “News” and not suppressed: left)"),
        ("not unsubscribed and on News", "(not suppressed: left and on the list “News”)"),
        ("on News and not left it", "(on the list “News” and not suppressed: left)"),
        ("on News and unsubscribed", f"(on the list “News” and {LEFT})"),
        ("on News or left it", "(on the list “News” or left the list “News”)"),
        ("on News or unsubscribed", "(on the list “News” or left any list or suppressed: left)"),
        ("left News or unsubscribed", "(left the list “News” or left any list or suppressed: left)"),
        ("in Gent or opened", "(City is “Gent” or opened a campaign in the last …)"),
        ("city is Gent or never clicked", "(City is “Gent” or never clicked in a campaign)"),
        ("not from Brugge or bounced", "(City is not “Brugge” or suppressed: address does not exist)"),
        ("in Gent or region is Flanders", "(City is “Gent” or Region is “Flanders”)"),
        (
            "city starts with G and not bounced",
            "(City begins with “G” and not suppressed: address does not exist)",
        ),
        (
            "city does not start with G and bounced",
            "(none of (City begins with “G”) and suppressed: address does not exist)",
        ),
        (
            "on News or never opened or clicked",
            "(on the list “News” or (never opened a campaign and never clicked in a campaign))",
        ),
        (
            "never opened or clicked or on News",
            "((never opened a campaign and never clicked in a campaign) or on the list “News”)",
        ),
        (
            "joined Offers this year or with a phone",
            "(joined the list “Offers” between 1 Jan 2026 and 31 Dec 2026 or Phone is not empty)",
        ),
        ("opened or born in May", "(opened a campaign in the last … or Birthday falls in May)"),
    ],
)
def test_nothing_is_offered_that_says_one_side_of_an_and_or_an_or(offered, words, sentence):
    assert offered(words) == [sentence]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("on News or", "on the list “News”"),
        ("not left News or", "none of (left the list “News”)"),
        ("vips who ", "tagged “VIP”"),
        ("vips without consent or", "(tagged “VIP” and agreed to be written to: not on record)"),
        ("clicked in the last 3 days or", "clicked in a campaign in the last 3 days"),
    ],
)
def test_what_is_still_being_typed_is_offered_as_far_as_it_goes(offered, words, sentence):
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


@pytest.mark.parametrize(
    ("words", "sentence", "but"),
    [
        ("birthday on 24 December", "Birthday falls in December", "Which day of it cannot be asked"),
        ("birthday between 1 and 24 December", "", ""),
        ("birthday between 1 December and 24 December", "Birthday falls in December", "Which day of it cannot be asked"),
        ("birthday before May", "Birthday is before 1 May 2026", "This is the very day, not its anniversary"),
        ("born on 24 December 1990", "Birthday is on 24 Dec 1990", ""),
    ],
)  # fmt: skip
def test_a_birthday_without_a_year_comes_round(offered, reader, words, sentence, but):
    assert offered(words)[:1] == ([sentence] if sentence else [])
    assert [offer.but[: len(but)] for offer in reader.offers(words)[:1]] == ([but] if sentence else [])


def test_days_after_a_birthday_are_said_to_be_asked_of_the_birth(offered, reader):
    assert offered("birthday last week")[0] == "Birthday in the last 7 days"
    assert reader.offers("birthday last week")[0].but.startswith("This is the very day, not its anniversary")


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        ("not on both News and Offers and tagged vip", ["both"]), ("turning 300", ["turning", "300"]),
        ("without email", ["email"]), ("not on News or Offers this year", ["News", "this", "year"]), ("on list Lis", ["Lis"]), ("in Gent, tagged xyzzy", ["tagged", "xyzzy"]),
        ("city is Gent, on Xyzzy", ["Xyzzy"]), ("city does not begin with G or B", ["G", "B"]),
        ("city starts with Gent or Brugge not on News", ["Gent", "Brugge", "News"]),
        ("vips without consent or on News", ["vips", "News"]), ("vips or on News without consent", ["vips", "News"]),
    ],
)  # fmt: skip
def test_what_would_be_guessed_is_not_offered(offered, reader, words, lost):
    assert (offered(words), reader.lost(words)) == ([], lost)
