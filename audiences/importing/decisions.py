from dataclasses import dataclass
from datetime import date

from audiences.models import Import, List

NEW_FIELD = "new"
# What a column may hold beside the fields of a person.
SPECIAL = {"email": "Address", "consent_at": "Consent: when", "consent_ip": "Consent: IP address"}


@dataclass(frozen=True, slots=True)
class Decisions:
    """All a person decides before the preview."""

    mapping: list[dict[str, str]]  # a column: {"to", "as"}; "to" may be NEW_FIELD
    on_list: List | None = None
    new_list: str = ""
    policy: str = Import.Policy.TAKE
    resubscribes: bool = False
    consent_source: str = ""
    consent_wording: str = ""
    consent_date: date | None = None
