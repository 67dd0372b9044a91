"""Sample replies of Brevo's API v3.

Shapes and most values follow the examples of the published reference (developers.brevo.com/reference and /docs/webhooks,
read November 2026) and the issues named at each; people and companies are made up.
"""

ACCOUNT = {
    "email": "Office@Example.com",
    "firstName": "Ida",
    "lastName": "Moor",
    "companyName": "Moor & Daughters",
    "address": {"street": "Kirchgasse 4", "city": "Zürich", "zipCode": "8001", "country": "Switzerland"},
    "plan": [
        {
            "type": "subscription",
            "credits": 8755,
            "creditsType": "sendLimit",
            "startDate": "2026-01-01",
            "endDate": "2026-12-31",
        },
        {"type": "sms", "credits": 200.5, "creditsType": "sendLimit"},
    ],
    "relay": {
        "enabled": True,
        "data": {"userName": "office@example.com", "relay": "smtp-relay.brevo.com", "port": 587},
    },
    "marketingAutomation": {"enabled": True, "key": "jvfgn3c6zv"},
}

ATTRIBUTES = {
    "attributes": [
        {"name": "FIRSTNAME", "category": "normal", "type": "text"},
        {"name": "BORN", "category": "normal", "type": "date"},
        {"name": "ORDERS", "category": "normal", "type": "float"},
        {"name": "GUEST", "category": "normal", "type": "boolean"},
        {
            "name": "TASTES",
            "category": "normal",
            "type": "multiple-choice",
            "multiCategoryOptions": ["red", "white"],
        },
        {
            "name": "TIER",
            "category": "category",
            "enumeration": [{"value": 1, "label": "gold"}, {"value": 2, "label": "tin"}],
        },
        {"name": "ORDER_ID", "category": "transactional", "type": "id"},
        {"name": "TURNOVER", "category": "calculated", "calculatedValue": "SUM[ORDER_PRICE]"},
    ]
}

CONTACT = {
    "id": 42,
    "email": "ana@example.com",
    "emailBlacklisted": True,
    "smsBlacklisted": False,
    "createdAt": "2026-05-02T16:40:31.000Z",
    "modifiedAt": "2026-05-02T18:40:31.250+02:00",
    "listIds": [40, 7],
    "listUnsubscribed": None,
    "attributes": {
        "FIRSTNAME": "Ana",
        "ORDERS": 3.5,
        "GUEST": False,
        "TASTES": ["red"],
        "BORN": "1986-04-13T00:00:00.000Z",
    },
}
# Listed by their phone number alone.
PHONE_CONTACT = {**CONTACT, "id": 43, "email": "41791234567@mailin-sms.com", "listUnsubscribed": [9]}

LIST = {
    "id": 7,
    "name": "News",
    "folderId": 3,
    "totalBlacklisted": 0,
    "totalSubscribers": 0,
    "uniqueSubscribers": 1250,
}

SENDER = {"id": 5, "name": "Ida", "email": "ida@example.com", "active": True, "ips": []}
NEW_SENDER = {"id": 6, "spfError": True, "dkimError": False}

DOMAIN = {
    "id": "5f0c1c7bb4a3f95c1c4b2a11",
    "domain_name": "example.com",
    "authenticated": False,
    "verified": True,
    "ip": None,
}
DOMAIN_CONFIGURATION = {
    "domain": "example.com",
    "verified": True,
    "authenticated": False,
    "dns_records": {
        "dkim_record": {
            "type": "TXT",
            "value": "k=rsa;p=MIG",
            "host_name": "mail._domainkey",
            "status": True,
        },
        # The name before the company was renamed.
        "sendinblue_code": {"type": "TXT", "value": "sendinblue-code:1", "host_name": "@", "status": False},
    },
}

CAMPAIGN = {
    "id": 12,
    "name": "June news 7k2m9q4x1b0z",
    "subject": "June",
    "previewText": "What is new",
    # Written `Classic` in one example.
    "type": "Classic",
    "status": "in_process",
    "scheduledAt": "2026-06-01T12:30:00.000Z",
    "sentDate": "",
    "testSent": False,
    "header": "[DEFAULT_HEADER]",
    "footer": "[DEFAULT_FOOTER]",
    "sender": {"name": "Ida", "email": "Ida@example.com", "id": "5"},
    "replyTo": "[DEFAULT_REPLY_TO]",
    "htmlContent": "<p>Hello</p>\r\n",
    "createdAt": "2026-05-31T12:30:00.000Z",
    "modifiedAt": "2026-05-31T12:31:00.000Z",
    "recipients": {"lists": [40, 7], "exclusionLists": []},
    "statistics": {"globalStats": {}, "campaignStats": []},
}
# scheduledAt: sendinblue/APIv3-python-library issues 15 and 52.
DRAFT = {**CAMPAIGN, "status": "draft", "scheduledAt": ""}

TOTALS = {
    "globalStats": {
        "uniqueClicks": 2300,
        "clickers": 2665,
        "complaints": 1,
        "delivered": 19886,
        "sent": 19887,
        "softBounces": 100,
        "hardBounces": 87,
        "uniqueViews": 7779,
        "trackableViews": 5661,
        "trackableViewsRate": 28.4,
        "estimatedViews": 560,
        "unsubscriptions": 12,
        "viewed": 11534,
    },
    "campaignStats": [{"listId": 7, "deferred": 2, "sent": 1}, {"listId": 40, "deferred": 3, "sent": 1}],
    "mirrorClick": 7,
    "remaining": 45,
    # A read fills only the kind it was asked for; these zeros are no results.
    "linksStats": {},
    "statsByDomain": {},
}
LINKS = {
    "globalStats": {"uniqueClicks": 0, "clickers": 0, "delivered": 0, "sent": 0},
    "campaignStats": [],
    # A number in one example, an object in the other.
    "linksStats": {"https://example.com/a": 30, "https://example.com/b": {"nbClick": 4}},
}
DOMAINS = {
    "globalStats": {"sent": 0},
    "statsByDomain": {"gmail.com": {"sent": 300, "uniqueViews": 90, "hardBounces": 1}},
}

# developers.brevo.com/docs/marketing-webhooks
CLICK_CALL = {
    "id": 123456,
    "camp_id": 12,
    "email": "ana@example.com",
    "campaign name": "June news",
    "date_sent": "2026-06-01 14:30:05",
    "date_event": "2026-06-01 14:35:05",
    "event": "click",
    "tag": "",
    "ts_sent": 1780317005,
    "ts_event": 1780317305,
    "ts": 1780324505,
    "URL": "https://example.com/a",
}
# sendinblue/APIv3-php-library issue 175: not as documented.
CONTACT_UPDATED_CALL = {
    "id": 123456,
    "event": "contact_updated",
    "date": "2026-06-01 14:35:05",
    "ts": 1780324505,
    "content": [
        {"email": "ana@example.com", "attributes": {"FIRSTNAME": "Ana"}},
        {"email": "ben@example.com", "list": [7]},
    ],
}
