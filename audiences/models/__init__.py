"""People and what groups them. Shaped for millions of rows: narrow, typed columns, counters elsewhere."""

from audiences.models.bulk import BulkAction, BulkChange, BulkOutcome
from audiences.models.changes import Change
from audiences.models.consents import Consent, ConsentBasis
from audiences.models.contacts import Contact, Engagement, Field, FormerAddress
from audiences.models.duplicates import DuplicatePair, DuplicateSearch
from audiences.models.erasures import ErasedThere, Erasure
from audiences.models.exports import Export, ExportPiece
from audiences.models.field_changes import FieldChange
from audiences.models.imports import Import, ImportBody, ImportChange, ImportStep
from audiences.models.lists import Folder, Gathered, List, Subscription
from audiences.models.segments import Segment
from audiences.models.suppressions import Suppression
from audiences.models.tags import Tag, Tagging
from audiences.models.viewing import ContactColumns, PeopleCount

__all__ = [
    "BulkAction",
    "BulkChange",
    "BulkOutcome",
    "Change",
    "Consent",
    "ConsentBasis",
    "Contact",
    "ContactColumns",
    "DuplicatePair",
    "DuplicateSearch",
    "Engagement",
    "ErasedThere",
    "Erasure",
    "Export",
    "ExportPiece",
    "Field",
    "FieldChange",
    "Folder",
    "FormerAddress",
    "Gathered",
    "Import",
    "ImportBody",
    "ImportChange",
    "ImportStep",
    "List",
    "PeopleCount",
    "Segment",
    "Subscription",
    "Suppression",
    "Tag",
    "Tagging",
]
