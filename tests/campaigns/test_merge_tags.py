import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.providers.brevo.provider import Brevo
from campaigns import merge_tags
from campaigns.merge_tags import CannotTranslate, Problem, Tag

FIELDS = {"first_name": "FIRSTNAME", "shoe_size": "SHOE_SIZE"}
LITERALS = {"workspace.name": "Bells & Co", "workspace.postal_address": "Tower 1, Brussels"}

keys = st.sampled_from(sorted(FIELDS))
fallbacks = st.none() | st.text(
    st.characters(blacklist_characters='"<>\\{}', blacklist_categories=["Cc", "Cs"]), max_size=30
)
tags = st.builds(lambda key, fallback: str(Tag(f"contact.{key}", fallback, 0, 0)), keys, fallbacks)
plain = st.text(st.characters(blacklist_characters="{", blacklist_categories=["Cs"]), max_size=30)
texts = st.lists(plain | tags, max_size=8).map("".join)


def test_parse_tells_tags_and_their_places():
    parsed = merge_tags.parse('Hi {{ contact.first_name | default: "dear friend" }}, {{unsubscribe_url}}!')

    assert parsed.pieces == (
        "Hi ",
        Tag("contact.first_name", "dear friend", 3, 52),
        ", ",
        Tag("unsubscribe_url", None, 54, 73),
        "!",
    )
    assert parsed.problems == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{% if contact.VIP %}", "template code of a provider"),
        ("{# a note #}", "template code of a provider"),
        ("{{ contact.first_name", "not closed"),
        ("{{ contact.FIRSTNAME }}", "not a merge tag"),
        ("{{ contact.first_name|upper }}", "only filter is default"),
        ('{{ contact.first_name|default:"<b>" }}', "only filter is default"),
        ("{{ contact.first_name|default:friend }}", "only filter is default"),
        ("{{ params.x }}", "no “params.x”"),
        ("{{ contact.unheard_of }}", "no “contact.unheard_of”"),
        ("{{}}", "not a merge tag"),
        ("{{{ contact.first_name }}}", "not a merge tag"),
    ],
)
def test_what_only_looks_like_a_tag_is_told_with_its_place(text, sentence):
    known = merge_tags.known_names(FIELDS)

    (problem,) = merge_tags.parse(f"first line\n  {text}", known=known).problems

    assert (problem.line, problem.column) == (2, 3)
    assert sentence in problem.sentence


def test_minified_css_is_no_template_code():
    css = "@media print{#head{color:red}}.a{b:c}"

    assert merge_tags.parse(css).pieces == (css,)
    assert merge_tags.parse(css).problems == ()


def test_render_escapes_values_in_html_only():
    text = 'Hi {{ contact.first_name|default:"you & me" }} {{ contact.shoe_size }}'

    assert merge_tags.render(text, {"contact.first_name": "<b>"}, html=True) == "Hi &lt;b&gt; "
    assert merge_tags.render(text, {"contact.first_name": "<b>"}, html=False) == "Hi <b> "
    assert merge_tags.render(text, {}, html=True) == "Hi you &amp; me "


def test_translate_writes_the_providers_syntax():
    text = 'Hi {{ contact.first_name|default:"friend" }}, size {{ contact.shoe_size }}. {{ workspace.name }} {{ unsubscribe_url }}'

    assert merge_tags.translate(text, Brevo, FIELDS, literals=LITERALS, html=True) == (
        'Hi {{ contact.FIRSTNAME | default : "friend" }}, size {{ contact.SHOE_SIZE }}. Bells &amp; Co {{ unsubscribe }}'
    )


@pytest.mark.parametrize(
    "text", ["{% if x %}", "{{ params.x }}", "{{ contact.city }}", "{{ contact.first_name"]
)
def test_translate_passes_nothing_through(text):
    with pytest.raises(CannotTranslate):
        merge_tags.translate(text, Brevo, FIELDS, literals=LITERALS, html=True)


def test_values_written_out_are_no_template_code():
    literals = {"workspace.name": "{{ contact.EMAIL }}{% x %}{{{"}

    text = merge_tags.translate("{{ workspace.name }}", Brevo, FIELDS, literals=literals, html=False)

    assert "{{" not in text
    assert "{%" not in text


def test_no_line_break_of_a_value_enters_a_subject():
    literals = {"workspace.postal_address": "Tower Street 1\r\nBcc: all@example.test"}

    text = merge_tags.translate("{{ workspace.postal_address }}", Brevo, {}, literals=literals, html=False)

    assert text == "Tower Street 1 Bcc: all@example.test"


def test_untranslate_takes_only_what_says_the_same():
    theirs = '{{contact.FIRSTNAME}} {{ contact.FIRSTNAME|default:"you" }} {{ contact.FIRSTNAME | upper }} {{ params.x }} {{ unsubscribe }}'

    assert merge_tags.untranslate(theirs, Brevo, FIELDS) == (
        '{{ contact.first_name }} {{ contact.first_name|default:"you" }} {{ contact.FIRSTNAME | upper }} {{ params.x }} {{ unsubscribe_url }}'
    )


@given(texts)
def test_a_text_comes_back_as_it_went(text):
    there = merge_tags.translate(text, Brevo, FIELDS, literals=LITERALS, html=False)

    assert merge_tags.untranslate(there, Brevo, FIELDS) == text


@given(st.text() | texts)
def test_pieces_lose_nothing(text):
    parsed = merge_tags.parse(text)

    whole = "".join(
        piece if isinstance(piece, str) else text[piece.start : piece.end] for piece in parsed.pieces
    )
    hidden, restore = merge_tags.protect(text)
    assert whole == text
    assert restore(hidden) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "{{" * 200_000,
        "{#" * 200_000 + "#}",
        "{{ contact.a|default:" * 20_000,
        '{{ contact.a|default:"' + " " * 400_000,
        "{{ a }}" * 60_000,
        "{{" + " " * 400_000 + "}}",
        "{{\n" * 100_000,
    ],
)
def test_hostile_text_takes_linear_time(hostile):
    began = time.process_time()

    merge_tags.parse(hostile)
    merge_tags.untranslate(hostile, Brevo, FIELDS)

    assert time.process_time() - began < 5


def test_a_problem_reads_as_a_sentence():
    assert str(Problem("Close it.", 2, 7)) == "Line 2, column 7: Close it."
