"""What each figure counts, in words for the report. The accounts' own words stand in `Provider.definitions`."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import TextChoices

from reporting.models import Event


class What(TextChoices):
    """Groups of people a report shows; the value stands in addresses."""

    # What people did
    OPENED = "opened", "Opened"
    MACHINE = "machine", "Opened by machines"
    CLICKED = "clicked", "Clicked"
    LEFT = "left", "Left"
    # What became of the mail
    DELIVERED = "delivered", "Delivered"
    HARD_BOUNCED = "hard-bounced", "Bounced for good"
    SOFT_BOUNCED = "soft-bounced", "Bounced for now"
    COMPLAINED = "complained", "Complained"


@dataclass(frozen=True, slots=True)
class Group:
    """`kind` and `is_machine` choose the people; `figure` is their number's name; rates are of `base`."""

    kind: str
    figure: str
    base: str
    definition: str
    is_machine: bool = False
    tells_reason: bool = False


LEFT_OUT = "People who must not be counted are left out; who said so later is listed no more, and stays in the totals."

GROUPS: Mapping[str, Group] = {
    What.DELIVERED: Group(
        Event.Kind.DELIVERED,
        "delivered",
        "sent",
        "People whose mailbox took the mail, or who opened or clicked it. A mail that arrived stays arrived, even if "
        "it comes back later. The rate is of those it was sent to.",
    ),
    What.OPENED: Group(
        Event.Kind.OPENED,
        "opened_by_human",
        "delivered",
        "People who opened at least once, seen by the picture in the mail. Openings by machines are left out, and so "
        f"are people whose mail program loads no pictures. {LEFT_OUT} The rate is of those delivered.",
    ),
    What.MACHINE: Group(
        Event.Kind.OPENED,
        "opened_by_machine",
        "delivered",
        "People whose mail was opened, but not provably by themselves: by a privacy proxy that fetches every picture, "
        f"or found by reading back later, where the account does not say by whom. {LEFT_OUT}",
        is_machine=True,
    ),
    What.CLICKED: Group(
        Event.Kind.CLICKED,
        "clicked",
        "delivered",
        f"People who clicked at least one link in the mail. {LEFT_OUT} The rate is of those delivered.",
    ),
    What.LEFT: Group(
        Event.Kind.UNSUBSCRIBED,
        "unsubscribed",
        "delivered",
        "People who left through this mail. They are suppressed in every account. The rate is of those delivered.",
    ),
    What.COMPLAINED: Group(
        Event.Kind.COMPLAINED,
        "complained",
        "delivered",
        "People who reported this mail as spam, as far as their mailbox providers tell. They are suppressed in every "
        "account. Above 0.1 % mailbox providers begin to sort mails out.",
    ),
    What.HARD_BOUNCED: Group(
        Event.Kind.HARD_BOUNCED,
        "hard_bounced",
        "sent",
        "People whose mailbox does not exist or refuses for good. They are suppressed in every account. The rate is "
        "of those it was sent to.",
        tells_reason=True,
    ),
    What.SOFT_BOUNCED: Group(
        Event.Kind.SOFT_BOUNCED,
        "soft_bounced",
        "sent",
        "People whose mailbox turned the mail away at least once, for example because it was full; some got it on "
        "a later try. The rate is of those it was sent to.",
        tells_reason=True,
    ),
}

UNCOUNTED = "The account may count people who must not be counted; here they are left out."

# figure → label and why the account's number may differ, beyond calls still on their way.
COMPARED: Mapping[str, tuple[str, str]] = {
    "delivered": (
        "Delivered",
        "The account may take a delivery back when the mail returns later; here it stays.",
    ),
    "opened_by_human": (
        "Opened",
        f"Openings found by reading back do not say whether a person did it. {UNCOUNTED}",
    ),
    "opened": ("Opened, machines included", UNCOUNTED),
    "opens": ("Openings in all", f"Read-back names people, not how often they opened. {UNCOUNTED}"),
    "clicked": ("Clicked", UNCOUNTED),
    "clicks": ("Clicks in all", f"Read-back names people, not how often they clicked. {UNCOUNTED}"),
    "unsubscribed": ("Left", ""),
    "complained": ("Complained", "The account names these people in its calls only; none are read back."),
    "hard_bounced": ("Bounced for good", ""),
    "soft_bounced": ("Bounced for now", ""),
}

# figure → the kind of event it counts.
FIGURE_KINDS: Mapping[str, str] = {
    "delivered": Event.Kind.DELIVERED,
    "opened_by_human": Event.Kind.OPENED,
    "opened": Event.Kind.OPENED,
    "opens": Event.Kind.OPENED,
    "clicked": Event.Kind.CLICKED,
    "clicks": Event.Kind.CLICKED,
    "unsubscribed": Event.Kind.UNSUBSCRIBED,
    "complained": Event.Kind.COMPLAINED,
    "hard_bounced": Event.Kind.HARD_BOUNCED,
    "soft_bounced": Event.Kind.SOFT_BOUNCED,
}
