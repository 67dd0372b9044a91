"""Answers that come whole are read from a file as they are wanted: memory does not grow with them."""

import tempfile
from collections.abc import Iterator

import pytest

from accounts.providers import http
from accounts.providers.emailcampaigns import people as emailcampaigns_people
from accounts.providers.mailmojo import paging as mailmojo_paging
from tests.providers.conftest import Account

PEOPLE = 6000
PAGE = 20


class Watched(tempfile.SpooledTemporaryFile):
    """What was written to it, and read from it: in all, and at once."""

    files: list["Watched"] = []

    def __init__(self, **values):
        super().__init__(**values)
        self.written = self.was_read = self.at_once = 0
        self.files.append(self)

    def write(self, data):
        self.written += len(data)
        return super().write(data)

    def read(self, *size):
        found = super().read(*size)
        self.count(len(found))
        return found

    def readinto(self, buffer):
        count = super().readinto(buffer)
        self.count(count)
        return count

    def count(self, size):
        self.was_read += size
        self.at_once = max(self.at_once, size)


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(Watched, "files", [])
    monkeypatch.setattr(http.tempfile, "SpooledTemporaryFile", Watched)
    return Watched.files


@pytest.fixture
def many(request):
    account = Account(request.param)
    account.is_held_to_contract = False
    account.seed(lists=["News"], contacts=PEOPLE)
    return account


def first_page(account, monkeypatch):
    monkeypatch.setattr(mailmojo_paging, "PAGE_ROWS", PAGE)
    people = account.open()
    if account.slug == "emailcampaigns":
        whole = people._people._everybody
        people._people._everybody = emailcampaigns_people.Walk(whole._sections, whole._read, size=PAGE)
    return people.contacts()


@pytest.mark.parametrize("many", ["mailmojo", "emailcampaigns"], indirect=True)
def test_a_page_of_a_long_answer_is_had_without_reading_all_of_it(many, watched, monkeypatch):
    page = first_page(many, monkeypatch)

    assert (len(page.items), page.cursor is None) == (PAGE, False)
    answer = watched[-1]
    assert answer.written > 60 * PEOPLE
    assert answer.was_read <= 2 * http.CHUNK_BYTES
    assert answer.at_once <= http.CHUNK_BYTES


@pytest.mark.parametrize(
    ("many", "verb"),
    [
        ("mailmojo", "fields"),
        ("mailmojo", "list_size"),
        ("emailcampaigns", "fields"),
        ("emailcampaigns", "lists"),
        ("emailcampaigns", "list_size"),
    ],
    indirect=["many"],
)
def test_whatever_reads_a_long_answer_reads_it_piece_by_piece(many, verb, watched):
    provider = many.open()
    list_id = next(iter(provider.lists())).remote_id
    watched.clear()
    found = provider.list_size(remote_id=list_id) if verb == "list_size" else getattr(provider, verb)()
    if isinstance(found, Iterator):
        list(found)

    assert watched
    assert max(file.at_once for file in watched) <= http.CHUNK_BYTES


@pytest.mark.parametrize("many", ["mailmojo"], indirect=True)
def test_an_answer_too_long_for_memory_is_kept_on_disk(many, watched, monkeypatch):
    first_page(many, monkeypatch)

    answer = max(watched, key=lambda file: file.written)
    assert answer.written > 1024 * 1024
    assert answer._rolled
