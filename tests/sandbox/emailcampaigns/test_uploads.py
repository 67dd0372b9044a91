"""CSV files: of contacts into a group, of opt-outs, and the multipart forms they come in."""

from typing import Any

import pytest

from tests.sandbox.emailcampaigns.client import BASE, EmailCampaigns

REPLACE, UPDATE, DELETE = (f"/email/contact/bulk/{way}/" for way in ("replace", "update", "delete"))
BOTH = {"name_index": 0, "email_index": 1}
FILE = "name,email,city\nAnn,ann@example.com,Łódź\nBob,bob@example.com,Basel\n"


def columns(api: EmailCampaigns, group: str) -> dict[str, Any]:
    """What results show of each contact of the group beside name and address."""
    api.new_campaign(group)
    api.wait(3600)
    rows = [row["contact"] for row in api.results()]
    return {row.pop("email"): {name: value for name, value in row.items() if name != "name"} for row in rows}


def test_replace_overwrites_the_whole_group(api: EmailCampaigns) -> None:
    group = api.group("old@example.com")
    api.upload(REPLACE, FILE, record=group, **BOTH)

    assert api.contacts(group) == [("Ann", "ann@example.com"), ("Bob", "bob@example.com")]


def test_update_adds_and_changes_by_address_and_keeps_other_columns(api: EmailCampaigns) -> None:
    group = api.group()
    api.upload(REPLACE, FILE, record=group, **BOTH)
    api.upload(UPDATE, "email,name,age\nBOB@example.com,Robert,40\nnew@example.com,New,\n", record=group, name_index=1, email_index=0)  # fmt: skip

    assert api.contacts(group) == [
        ("Ann", "ann@example.com"),
        ("Robert", "bob@example.com"),
        ("New", "new@example.com"),
    ]
    assert columns(api, group) == {
        "ann@example.com": {"city": "Łódź"},
        "bob@example.com": {"city": "Basel", "age": "40"},
        "new@example.com": {"age": ""},
    }


def test_delete_goes_by_address_in_the_column_named(api: EmailCampaigns) -> None:
    group = api.group("a@example.com", "b@example.com")
    api.upload(DELETE, "name,email\nx,A@example.com\nx,unknown@example.com\n", record=group, email_index=1)

    assert api.emails(group) == ["b@example.com"]


def test_the_first_row_of_an_update_is_a_header_whatever_it_holds(api: EmailCampaigns) -> None:
    updated, replaced = api.group(), api.group()
    headless = "Ann,ann@example.com,Basel\nBob,bob@example.com,Bern\n"
    api.upload(UPDATE, headless, record=updated, **BOTH)
    api.upload(REPLACE, headless, record=replaced, **BOTH)

    assert api.emails(updated) == ["bob@example.com"]
    assert api.emails(replaced) == ["ann@example.com", "bob@example.com"]
    assert columns(api, replaced) == {"ann@example.com": {}, "bob@example.com": {}}


def test_rows_without_an_address_are_passed_over_and_the_last_of_twins_counts(api: EmailCampaigns) -> None:
    group = api.group()
    text = 'name,email\nA,a@example.com\nB,none\n\nC\n"D, the ""last""",A@EXAMPLE.com\n'
    api.upload(REPLACE, text, record=group, **BOTH)

    assert api.contacts(group) == [('D, the "last"', "a@example.com")]


def test_a_file_takes_effect_a_little_after_its_answer(api: EmailCampaigns) -> None:
    group = api.group("old@example.com")
    api.control("seed", pace={"process": 30})
    api.call("POST", REPLACE, form=BOTH, file=FILE, _id=group)
    api.call("POST", DELETE, form={"email_index": 1}, file="n,e\nx,ann@example.com\n", _id=group)
    api.wait(29)
    before = api.emails(group)
    api.wait(1)

    assert (before, api.emails(group)) == (["old@example.com"], ["bob@example.com"])


def test_without_pace_a_file_takes_effect_at_once(api: EmailCampaigns) -> None:
    group = api.group()
    api.control("seed", pace={"process": 0})
    api.call("POST", REPLACE, form=BOTH, file=FILE, _id=group)

    assert api.emails(group) == ["ann@example.com", "bob@example.com"]


def test_a_file_for_a_group_that_is_gone_by_then_does_nothing(api: EmailCampaigns) -> None:
    group = api.group()
    api.call("POST", UPDATE, form=BOTH, file=FILE, _id=group)
    api.delete("/email/contact/", _id=group)
    api.wait(10)

    assert api.get("/email/contact/") == []


def test_opt_outs_in_bulk_are_each_there_once(api: EmailCampaigns) -> None:
    api.post("/email/optout/", {"email": "a@example.com"})
    api.upload("/email/optout/bulk/add/", "A@example.com\nb@example.com\nb@example.com\nnone\n")
    added = api.opted_out()
    api.upload("/email/optout/bulk/delete/", "email\r\nA@example.com\r\n")

    assert (added, api.opted_out()) == (["a@example.com", "b@example.com"], ["b@example.com"])


REQUIRED = ["This field is required."]
INDEX = ["A valid column index is required."]
NO_COLUMN = ["The file has no such column."]


@pytest.mark.parametrize(
    ("path", "form", "file", "refusal"),
    [
        (REPLACE, {"name_index": 0}, FILE, {"email_index": REQUIRED}),
        (UPDATE, {"email_index": 1}, FILE, {"name_index": REQUIRED}),
        (DELETE, {"name_index": 0}, FILE, {"email_index": REQUIRED}),
        (REPLACE, BOTH | {"name_index": "name"}, FILE, {"name_index": INDEX}),
        (REPLACE, BOTH | {"email_index": -1}, FILE, {"email_index": INDEX}),
        (REPLACE, BOTH | {"email_index": 3}, FILE, {"email_index": NO_COLUMN}),
        (DELETE, BOTH | {"email_index": 3}, FILE, {"email_index": NO_COLUMN}),
        (UPDATE, BOTH | {"name_index": 3}, FILE, {"name_index": NO_COLUMN}),
        (REPLACE, BOTH, None, {"csv_file": ["No file was submitted."]}),
        (REPLACE, BOTH | {"csv_file": FILE}, None, {"csv_file": ["No file was submitted."]}),
        (REPLACE, BOTH, b"name,email\n\xff,a@example.com", {"csv_file": ["The file could not be read as CSV in UTF-8."]}),
        ("/email/optout/bulk/add/", {"x": 1}, None, {"csv_file": ["No file was submitted."]}),
    ],
)  # fmt: skip
def test_uploads_that_are_refused(
    api: EmailCampaigns, path: str, form: dict[str, Any], file: str | bytes | None, refusal: Any
) -> None:
    """The last but two sends the text as a field: without a file name it is no file."""
    group = api.group("old@example.com")
    answered = api.refused("POST", path, form=form, file=file, breaks_contract=True, _id=group)
    api.wait(10)

    assert answered == (400, refusal)
    assert (api.emails(group), api.opted_out()) == (["old@example.com"], [])


@pytest.mark.parametrize("path", [REPLACE, UPDATE, DELETE])
def test_an_unknown_group_is_not_found(api: EmailCampaigns, path: str) -> None:
    query = {"_id": "65a1b2c3d4e5f60718293a4b", "breaks_contract": True}
    assert api.refused("POST", path, form=BOTH, file=FILE, **query) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data; boundary=b", '--b\r\n{file}\r\n\r\na@example.com\r\n--b--', 200),
        ('multipart/form-data; boundary="b"', 'preamble\r\n--b\r\n{file}\r\n\r\na@example.com\r\n--b--\r\nepilogue', 200),
        ("multipart/form-data, boundary=b", '--b\r\n{file}\r\n\r\na@example.com\r\n--b--', 415),
        ("text/csv", "a@example.com", 415),
        ("multipart/form-data", '--b\r\n{file}\r\n\r\na@example.com\r\n--b--', 400),
        ("multipart/form-data; boundary=b", '--b\r\n{file}\r\n\r\na@example.com\r\n--b\r\nContent-', 400),
        ("multipart/form-data; boundary=b", "", 400),
    ],
)  # fmt: skip
def test_multipart_is_read_to_the_letter(
    api: EmailCampaigns, content_type: str, body: str, status: int
) -> None:
    """The third is the documentation's own sample, with its comma."""
    body = body.replace("{file}", 'Content-Disposition: form-data; name="csv_file"; filename="ä.csv"')
    reply = api.session.post(
        f"{BASE}/email/optout/bulk/add/",
        data=body.encode(),
        headers=api.headers | {"Content-Type": content_type},
    )
    api.wait(10)

    assert (reply.status_code, api.opted_out()) == (status, ["a@example.com"] if status == 200 else [])
