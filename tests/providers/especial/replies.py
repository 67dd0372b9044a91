"""Sample replies of Especial's Email API 1.12.14.

Keys and types follow the samples of the published reference and of the clients generated for 1.12.17; nulls in place of
what is not set follow payloads published with the vendor's open-source clients. People and companies are made up.
"""

ACCOUNT = {
    "id": "283672",
    "lineage": "1-283672",
    "status": "active",
    "name": "Moor & Daughters",
    "address": {
        "address1": "Kirchgasse 4",
        "address2": None,
        "city": "Zürich",
        "country": "CH",
        "province": "ZH",
        "postal_code": "8001",
    },
    "account_owner": {"user_id": "9121"},
    "fax": None,
    "phone": None,
    "website": None,
    "logo": "",
    "usage_limits": {"per_month": 50000, "maximum_contacts": -1, "lists": None, "use_contact_export": True},
    "last_activity_on": 1780000000,
    "created_on": 1600000000,
    "partner": False,
    "overrides": {"bypass_recaptcha": False, "inject_address": True, "inject_unsubscribe_link": True},
}

LIST = {
    "id": 12,
    "name": "News",
    "status": "active",
    "language": "en_US",
    "created_on": 1700000000,
    "default_sender": {"name": "Ida", "email": "ida@example.com"},
}

CONTACT = {
    "id": 4001,
    "email": " ana@example.com ",
    "status": "active",
    "subscribed_on": 1760000000,
    "last_bounce_type": "none",
    "bounces_count": 0,
    "custom_attributes": [
        {"name": "FirstName", "value": "Ana"},
        {"name": "born", "value": "1980-05-02 00:00:00"},
        {"name": "seen", "value": "2026-05-02 12:30:00"},
        {"name": "orders", "value": None},
    ],
    "tags": ["vip", "old"],
    "interests": ["wine"],
}

SUPPRESSED = [
    {"email": "a@example.com", "source": "spam complaint"},
    {"email": "*@example.net", "source": "user"},
    {"email": "name@*", "source": None},
    {"email": "b@example.com", "source": "hard_bounce"},
    {"email": "c@example.com", "source": "Global unsubscribe"},
]

SENDER = {
    "id": "b456fc41",
    "name": "Ida",
    "email": "Ida@example.com",
    "confirmed": False,
    "confirmed_on": None,
    "language": "en_US",
    "last_confirmation_sent_on": 1780000000,
}

DKIM = {
    "id": 7,
    "status": None,
    "selector": "mail",
    "domain": "example.com",
    "public_key": "-----BEGIN PUBLIC KEY-----\nMIGfMA0G\nCSqG==\n-----END PUBLIC KEY-----\n",
}

TEMPLATE = {
    "id": 31,
    "name": "Basic",
    "created_on": 1700000000,
    "updated_on": 1760000000,
    "tags": None,
    "content": {"type": "html", "subject": None, "html": "<p>Hello</p>", "text": None, "json": None},
}

CAMPAIGN = {
    "id": 555,
    "name": "June news k3v9x0q2m7zt",
    "audience": {"list_id": 12, "name": "News", "segment_id": None},
    "type": "standard",
    "tracking": {"opens": True, "clicks_html": True, "clicks_text": True, "additional_params": None},
    "created_on": 1780000000,
    "scheduled_for": 1780003600,
    "scheduled_on": 1780000100,
    "delivery_finished_on": None,
    "sender": {"name": "Ida", "email": "Ida@example.com"},
    "reply_to_email": "ida@example.com",
    "content": {
        "subject": "June in Zürich",
        "html": "<p>Hello</p>\r\n",
        "text": None,
        "json": None,
        "type": "html",
        "hash": "x",
        "last_updated_on": 1780000050,
        "encoding": "utf-8",
        "default_unsubscribe_link": None,
        "social_bar": None,
        "footer": None,
    },
    "next_building_step": None,
    "status": "scheduled",
    "suspended": False,
    "web_email_link": None,
    "thumbnail_url": None,
    "updated_on": 1780000200,
}

REPORT = {
    "active_emails": 95,
    "bounces": 8,
    "bounce_rate": 0.08,
    "bounces_address_changed": 0,
    "bounces_challenge_response": 0,
    "bounces_dns_failure": 1,
    "bounces_full_mailbox": 2,
    "bounces_hard": 3,
    "bounces_mail_blocked": 0,
    "bounces_soft": 2,
    "bounces_transient": 0,
    "clicks": 30,
    "click_rate": 20.0,
    "clickthru_rate": 40.0,
    "forwards": 0,
    "implied_opens": 2,
    "opens": 80,
    "open_rate": 50.0,
    "spams": 1,
    "unique_clicks": 20,
    "unique_opens": 50,
    "unopens": 42,
    "unopen_rate": 42.0,
    "unsubscribes": 4,
    "unsubscribe_rate": 4.0,
    "spam_rate": 1.0,
    "sent_emails": 100,
    "sent_rate": 100.0,
}

LINKS = [
    {
        "id": 1,
        "link": "https://example.com/a",
        "unique": 10,
        "total": 18,
        "unique_rate": 0.5,
        "total_rate": 0.6,
    },
    {
        "id": 2,
        "link": "https://example.com/b",
        "unique": 8,
        "total": 8,
        "unique_rate": 0.4,
        "total_rate": 0.3,
    },
    {
        "id": 3,
        "link": "https://example.com/a",
        "unique": 3,
        "total": 4,
        "unique_rate": 0.1,
        "total_rate": 0.1,
    },
    {"id": 4, "link": None, "unique": 3, "total": 4, "unique_rate": 0.1, "total_rate": 0.1},
]

LOG = {
    "id": 90001,
    "contact_id": 4001,
    "email": "ana@example.com",
    "type": "clickthru",
    "timestamp": 1780003700,
    "occurrences": 1,
    "clickthru_url": "https://example.com/a",
    "user_agent": {
        "ip": "203.0.113.7",
        "os": {"family": None, "version": None},
        "browser": {"family": None, "version": None},
        "device": {"family": "pc", "brand": None, "model": None},
        "is_bot": True,
        "raw": None,
    },
}

CALL = {
    "event": "Contact.Updated",
    "account_id": "283672",
    "ip": "203.0.113.7",
    "user": {"id": "9121", "email": "ida@example.com", "account_id": "283672"},
    "created_on": 1780003700,
    "data": {"id": 4001, "list_id": 12, "email": "ana@example.com"},
}
