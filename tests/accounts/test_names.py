"""Names are the same here as in the database, whatever their accents and capitals."""

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.names import folded

pytestmark = pytest.mark.django_db

# What Unicode names nothing by yet, one side may know and the other not.
LETTERS = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0")
ODD = st.sampled_from("ΑΣσς İIıßẞŒæŁ\u0301ﬁＡ")


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@example(["ΟΔΟΣ", "οδος", "Σ", "ΑΣ Σ'ΑΣ", "İSTANBUL", "STRAẞE"])
@given(st.lists(st.text(LETTERS | ODD, max_size=12), min_size=30, max_size=60))
def test_python_folds_a_text_as_the_database_does(texts):
    with connection.cursor() as cursor:
        cursor.execute(
            "select array_agg(folded(text) order by number) from unnest(%s::text[]) with ordinality told(text, number)",
            [texts],
        )
        (there,) = cursor.fetchone()

    assert [folded(text) for text in texts] == there
