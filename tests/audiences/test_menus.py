"""Menus of rows ask for what they show."""

import re

from django import forms

from audiences.forms import choose


def test_menus_read_the_names_of_their_rows_alone(workspace, django_assert_num_queries):
    first, second = (workspace.connections.create(provider="brevo", name=name) for name in ("Alp <b>", "Zoo"))

    class Form(forms.Form):
        account = forms.ModelChoiceField(workspace.connections.none(), empty_label="All", required=False)

    form = Form({"account": str(second.pk)})
    choose(form, "account", workspace.connections.order_by("name"))

    assert form.is_valid()
    assert form.cleaned_data == {"account": second}
    with django_assert_num_queries(1) as asked:
        drawn = str(form["account"])

    assert re.findall(r'<option value="(\d*)"( selected)?>([^<]*)', drawn) == [
        ("", "", "All"),
        (str(first.pk), "", "Alp &lt;b&gt;"),
        (str(second.pk), " selected", "Zoo"),
    ]
    assert "sealed_credentials" not in asked[0]["sql"]
