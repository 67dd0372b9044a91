"""In which order rows with a name stand."""

from typing import Any

from django.db.models.functions import Lower


def by_name(of: str = "") -> tuple[Any, ...]:
    """Capital or not is the same; those of one name by age. `of`: by the name of what this relation leads to."""
    return (Lower(f"{of}__name"), f"{of}_id", "pk") if of else (Lower("name"), "pk")
