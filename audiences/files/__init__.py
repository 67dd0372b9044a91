"""Files of people → rows of text, whatever wrote them. Knows nothing of contacts, the database or pages."""

from accounts.refusals import CannotDo

MAX_BYTES = 200 * 1024 * 1024
MAX_UNPACKED_BYTES = 500 * 1024 * 1024
MAX_COLUMNS = 200
MAX_CELL = 32 * 1024
MAX_ROW = 1024 * 1024
MAX_BREAKS = 50


class BadFile(CannotDo):
    """The file cannot be read at all; the sentence says why and what to do."""
