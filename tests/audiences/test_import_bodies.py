"""What was uploaded goes with its import, at whatever moment that is cancelled."""

import io
import zipfile

import pytest

from accounts.models import OutboxEntry
from audiences import services
from audiences.importing import bodies, opening, running
from audiences.models import Import, ImportBody

pytestmark = pytest.mark.django_db


@pytest.fixture
def packed(workspace, by):
    """A zip that waits to be opened."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("people.csv", "email\nana@example.org\n")
    mine, _ = services.begin_import(workspace=workspace, by=by, name="people.zip", blocks=[file.getvalue()])
    return mine


def open_it(mine):
    running.open_import(OutboxEntry.objects.get(subject_id=mine.pk, task="audiences.open_import"))
    mine.refresh_from_db()


@pytest.mark.parametrize("is_readable", [True, False])
def test_cancelled_while_it_is_unpacked_nothing_of_it_stays(packed, by, monkeypatch, is_readable):
    unpack = opening.unpack

    def cancelled(*args, **named):
        services.cancel_import(mine=Import.objects.get(pk=packed.pk), by=by)
        if not is_readable:
            raise opening.BadFile("No table.")
        return unpack(*args, **named)

    monkeypatch.setattr(opening, "unpack", cancelled)

    open_it(packed)

    assert (packed.state, ImportBody.objects.count(), packed.columns) == ("cancelled", 0, [])


def test_what_a_killed_worker_left_of_a_cancelled_import_is_dropped(packed, by):
    services.cancel_import(mine=packed, by=by)
    bodies.store(packed, ImportBody.Part.TEXT, [b"email\nana@example.org\n"])

    services.prune_imports()

    assert ImportBody.objects.count() == 0


def test_opened_twice_at_once_the_file_stays(packed, monkeypatch):
    guess = opening.guess_mapping

    def opened_meanwhile(mine, columns):
        Import.objects.filter(pk=mine.pk, state="opening").update(state="mapping")
        return guess(mine, columns)

    monkeypatch.setattr(opening, "guess_mapping", opened_meanwhile)

    open_it(packed)

    assert (packed.state, b"".join(bodies.blocks(packed))) == ("mapping", b"email\nana@example.org\n")
