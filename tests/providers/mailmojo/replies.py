"""Sample replies of Mailmojo's API v1.

Names and types follow the published reference (mailmojo.dev) and the vendor's own SDKs, which show the shape of a reply
but no example of one: values, people and shops are made up.
"""

ACCOUNT = {
    "username": "fernweh",
    "name": "Fernweh Reisen",
    "contact_email": "post@fernweh.example",
    "contact_name": "Ida Moor",
    "address": "Storgata 4",
    "zip_code": "0155",
    "city": "Oslo",
    "created": "2024-02-01T09:30:00Z",
    "num_contacts": 1250,
    "partner": None,
    "trial_expires": "2026-12-31",
}

DOMAIN = {
    "id": 3,
    "domain": "fernweh.example",
    "created_at": "2024-02-01T09:31:00Z",
    "is_authenticated": True,
    "is_confirmed": True,
    "is_dmarc_passed": False,
    "is_dns_verified": True,
    "is_free_domain": False,
    "spf_status": "ok",
    "type": "sender",
}

LIST = {
    "id": 7,
    "name": "News",
    "from_name": "Fernweh",
    "from_email": "Post@fernweh.example",
    "created": "2024-02-01T09:32:00Z",
    "description": "",
    "is_primary": True,
    "unsubscribe_cascades": False,
    "data_retention": None,
    "website": None,
}
SEGMENT = {"id": 12, "name": "Climbers", "num_contacts": 40, "type": "tag", "created": "2025-01-01T00:00:00Z"}
LIST_DETAIL = {**LIST, "segments": [SEGMENT]}

CONTACT = {
    "email": "ana@example.com",
    "first_name": "Ana",
    "last_name": "Moor",
    "name": "Ana Moor",
    "phone": "+4790000000",
    "custom": {"shoe_size": 38, "member": True, "town": "Bergen", "cards": ["gold", None], "": "x"},
    "tags": ["climber", "vip"],
    "status": "a",
    "status_changed": "2025-03-01T10:00:00Z",
    "added": "2025-01-02T10:00:00Z",
    "list_associations": [
        {"list_id": 40, "email": "ana@example.com", "status": "a", "added": "2025-01-02T10:00:00Z", "status_changed": None},
        {"list_id": 7, "email": "ana@example.com", "status": "a", "added": "2025-01-02T10:00:00Z"},
        {
            "list_id": 9,
            "email": "ana@example.com",
            "status": "u",
            "added": "2025-01-02T10:00:00Z",
            "status_changed": "2025-06-01T12:00:00+02:00",
        },
        {"list_id": 10, "email": "ana@example.com", "status": "b"},
        {"list_id": 11, "email": "ana@example.com", "status": "d"},
    ],
}  # fmt: skip

SUBSCRIBER = {
    "email": "ben+x@example.com",
    "first_name": "",
    "last_name": None,
    "name": "Ben",
    "subscribed": "2025-02-01T08:00:00Z",
    "tags": [],
}

NEWSLETTER = {
    "id": 501,
    "title": "June news · k3v9x0q2m7zt",
    "subject": "June in Zürich",
    "preview_text": "What is new",
    "html": "<p>Hello</p>\r\n",
    "plain": "Hello",
    "editor_html": "<p>Hello</p>",
    "list": LIST,
    "segments": [],
    "medium": "email",
    "is_draft": True,
    "is_scheduled": False,
    "is_sending": False,
    "is_sent": False,
    "is_aborted": False,
    "is_in_automation": False,
    "num_recipients": 1250,
    "credits_required": 1250,
    "saved": "2026-06-01T08:00:00Z",
    "started": None,
    "statistics": {"open_rate": 0, "click_rate": 0, "bounce_rate": 0, "num_shares": 0},
    "view_url": "https://fernweh.example/view/501",
}
SENT_NEWSLETTER = {
    **NEWSLETTER,
    "is_draft": False,
    "is_sent": True,
    "started": "2026-06-02T08:00:00Z",
    "completed": "2026-06-02T08:05:00Z",
    "statistics": {"open_rate": 42.0, "click_rate": 12.5, "bounce_rate": None, "num_shares": 3},
}
