"""All that is held about one person, told and removed section by section.

Each app registers what its tables hold. In `AppConfig.ready`:

    from audiences import privacy

    privacy.register(privacy.Section("test_mails", "Test mails", held.test_mails, forget=forgetting.test_mails))

The same rows are counted on the page, written into the export and removed; so the three cannot differ.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef

from accounts.models import Workspace
from audiences.models import Contact
from audiences.sets import one_writer

REMOVED = "Removed"


@dataclass(frozen=True, slots=True)
class Person:
    """An address in its normal form, and the contact it belongs to, if there is one."""

    workspace: Workspace
    email: str
    contact: Contact | None
    # Other addresses of theirs: those they had before, or the one they have now.
    others: tuple[str, ...] = ()
    # (import, text) → whether its file may hold it: files do not change, and to look into one takes long.
    looked: dict[tuple[int, str], bool] = field(default_factory=dict, compare=False, repr=False)

    @property
    def contact_id(self) -> int | None:
        return self.contact.pk if self.contact else None


Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of rows. `name` is their key in the export, `becomes` what erasing makes of them.

    `forget` removes whatever of the person is in them, whether or not they were in `rows`; it runs in the transaction of
    the erasure and under its locks, before the contact itself goes. None: the rows go with the contact, or say nothing.
    """

    name: str
    title: str
    rows: Callable[[Person], Iterable[Row]]
    becomes: str = REMOVED
    forget: Callable[[Person], None] | None = None
    # Erasing leaves these rows as they are.
    stays: bool = False


_SECTIONS: dict[str, Section] = {}
# Why a person cannot be erased at this moment, and when they can; "" when nothing speaks against it.
HINDRANCES: list[Callable[[Person], str]] = []
# What must stand still meanwhile beside the audience of the workspace; taken before that.
LOCKS: list[Callable[[Workspace], None]] = []


def register(*sections: Section) -> None:
    """Add sections; one of the same name is replaced."""
    _SECTIONS.update({section.name: section for section in sections})


def sections() -> list[Section]:
    """In the order they were registered: the audience's first."""
    return list(_SECTIONS.values())


def stand_still(workspace: Workspace) -> None:
    """Hold the audience until the transaction ends, and what must stand still beside it."""
    for lock in LOCKS:
        lock(workspace)
    one_writer(workspace)


def person(workspace: Workspace, email: str) -> Person:
    """`email` in its normal form: the address they have, or one they had before that nobody else has by now."""
    known = Contact.objects.filter(workspace=workspace)
    contact = known.filter(email=email).first() or known.filter(former_addresses__email=email).first()
    if contact is None:
        return Person(workspace, email, None)
    return Person(workspace, email, contact, tuple(sorted({contact.email, *former_of(contact)} - {email})))


def former_of(contact: Contact) -> list[str]:
    """The addresses they had before that nobody else has by now."""
    anybody = Contact.objects.filter(workspace=OuterRef("workspace"), email=OuterRef("email"))
    return list(
        contact.former_addresses.exclude(Exists(anybody)).order_by("email").values_list("email", flat=True)
    )
