import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.addresses import NotAnAddress, Problem, address_or_pattern, normalise, read_address

ATOM = set(string.ascii_lowercase + string.digits + "!#$%&'*+/=?^_`{|}~-")
LETTERS = set(string.ascii_lowercase)
LABEL = LETTERS | set(string.digits) | {"-"}


def slow(text):
    """The rule, letter by letter; None for what is no address. ASCII only."""
    text = text.strip().lower()
    local, at, domain = text.rpartition("@")
    if not at or len(text) > 254 or not 1 <= len(local) <= 64:
        return None
    if not all(part and set(part) <= ATOM for part in local.split(".")):
        return None
    labels = domain.split(".")
    for label in labels:
        if not (1 <= len(label) <= 63 and set(label) <= LABEL) or label[0] == "-" or label[-1] == "-":
            return None
    if len(labels) < 2 or len(labels[-1]) < 2 or labels[-1][0] not in LETTERS:
        return None
    return text


def quick(text):
    try:
        return normalise(text)
    except NotAnAddress:
        return None


nearly = st.text(alphabet="aZ09.-_+@ \t'\"<>é", max_size=80)
shaped = st.builds(
    "{}@{}.{}".format,
    st.text(alphabet="aZ0.+-'", max_size=70),
    st.text(alphabet="aZ0.-", max_size=200),
    st.text(alphabet="aZ0-", max_size=10),
)


@given(nearly.filter(str.isascii) | shaped | st.emails().filter(str.isascii))
def test_agrees_with_the_rule_letter_by_letter(text):
    assert quick(text) == slow(text)


@given(nearly | shaped | st.emails() | st.text(max_size=40))
def test_normalising_twice_changes_nothing(text):
    once = quick(text)
    if once is not None:
        assert quick(once) == once
        assert once.isascii()


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Ana@Example.COM\n", "ana@example.com"),
        ("ana+news@example.com", "ana+news@example.com"),
        ("ana@MÜLLER.example", "ana@xn--mller-kva.example"),
        ("ana@xn--mller-kva.example", "ana@xn--mller-kva.example"),
        ("ana@例え.テスト", "ana@xn--r8jz45g.xn--zckzah"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
    ],
)
def test_one_spelling_per_mailbox(text, normal):
    assert normalise(text) == normal


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.EMPTY),
        ("  ", Problem.EMPTY),
        ("ana", Problem.MALFORMED),
        ("ana@", Problem.MALFORMED),
        ("@example.com", Problem.MALFORMED),
        ("ana@@example.com", Problem.MALFORMED),
        ("ana..b@example.com", Problem.MALFORMED),
        ("ana@example", Problem.MALFORMED),
        ("ana@-x.example", Problem.MALFORMED),
        ("ana@127.0.0.1", Problem.MALFORMED),
        ("Ana <ana@example.com>", Problem.MALFORMED),
        ("ana@exa mple.com", Problem.MALFORMED),
        ("ana@example.com\nBcc: all@example.com", Problem.MALFORMED),
        ("\u017f@example.com", Problem.FOREIGN_LETTERS),
        ("jos\u00e9@example.com", Problem.FOREIGN_LETTERS),
        ("ana@\u202eexample.com", Problem.MALFORMED),
        (f"{'a' * 65}@example.com", Problem.TOO_LONG),
        (f"ana@{'a.' * 150}com", Problem.TOO_LONG),
    ],
)
def test_says_why_not(text, problem):
    with pytest.raises(NotAnAddress) as told:
        normalise(text)
    assert told.value.problem == problem


@pytest.mark.parametrize("between", [", ", "; ", " "])
def test_a_cell_that_names_two_people_is_neither(between):
    text = f"Ana <ana@x.test>{between}Ben <ben@x.test>"
    for read in (read_address, address_or_pattern):
        with pytest.raises(NotAnAddress) as told:
            read(text)
        assert told.value.problem == Problem.SEVERAL


@pytest.mark.parametrize(
    "text", ["a" * 250, "a." * 125, "a@" + "a-" * 120, "a@" + "a." * 120, "a@b." * 60, "ü@" * 100]
)
def test_hostile_texts_take_no_time(text):
    began = time.perf_counter()
    for _ in range(1000):
        quick(text)
    assert time.perf_counter() - began < 0.5
