"""What a roll back of an import would do now, where that is told at once."""

from audiences.importing import said_again, undoing
from audiences.importing.undoing import Outlook
from audiences.models import Import
from audiences.sql import within

# Of how many people it is counted, and how long a page waits for one statement of it: of few, for later files are few.
MOST_FORESEEN = 5_000
OUTLOOK_SECONDS = 0.15


def outlook(mine: Import) -> Outlook | None:
    """The numbers a roll back would give now; None where to count them takes long."""
    with within(OUTLOOK_SECONDS) as done:
        if mine.to_write <= MOST_FORESEEN:
            done.append(undoing.outlook(mine))
    return done[0] if done else None


def is_followed(mine: Import) -> bool:
    """Whether a later file found people who were here."""
    return bool(said_again.later(mine))
