"""Sample replies of Leadfox's REST API v1.

Shapes follow the published reference and guides (docs.leadfox.co/api, /getting-started/api-basics and
/common-use-cases/emailing, read November 2026) and what the vendor's WordPress plugin and a published PHP client (SDK)
read; people and companies are made up.
"""

import base64
import json


def jwt(**claims: object) -> str:
    """Three parts as any JWT; nobody here checks the signature."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join((*encoded, "c2lnbmF0dXJl"))


CLIENT_ID = "5f0c4bd0c3a1e20008a1b2c3"

# The guide "Authentication" shows these four names.
AUTHENTICATED = {
    "jwt": jwt(exp=1_790_000_000, user="u"),
    "mode": "apikey",
    "client": "Moor & Daughters",
    "clientid": CLIENT_ID,
}

PROPERTIES = [
    {"_id": "5f0c4bd0c3a1e20008a1b201", "_owner": CLIENT_ID, "name": "Email", "shortcode": "email"},
    {"_id": "5f0c4bd0c3a1e20008a1b202", "_owner": CLIENT_ID, "name": "Prénom", "shortcode": "firstname"},
    {"_id": "5f0c4bd0c3a1e20008a1b203", "_owner": CLIENT_ID, "name": None, "shortcode": "tier"},
]

MAILING_LIST = {"_id": "5f0c4bd0c3a1e20008a1b301", "_owner": CLIENT_ID, "name": "Promotions"}

# From the reference; `modified` is read by the SDK alone.
CONTACT = {
    "_id": "64400000f00000a0000fffff",
    "_owner": CLIENT_ID,
    "email": " Ana@Example.com",
    "name": None,
    "properties": {"email": "Ana@Example.com", "firstname": "Ana", "tier": "", "age": None, "born": 1984},
    "subscribed": True,
    "created": "2026-05-02T16:40:31.000Z",
    "modified": 1_777_740_031_250,
    "lifecycle": "lead",
    "lists": [
        {"list": "6399df0e894922000836a9c6", "time": "2026-05-02T16:40:32.000Z"},
        {"list": "6399df0e894922000836a9c6", "time": "2026-05-03T16:40:32.000Z"},
        {"list": None},
    ],
    "mailinglists": [
        {
            "mailinglist": "5f0c4bd0c3a1e20008a1b301",
            "status": "opt-in",
            "updated": "2026-05-02T16:40:32.000Z",
        },
        {"mailinglist": {"_id": "5f0c4bd0c3a1e20008a1b302", "name": "News"}, "status": "opt-out"},
        {"status": "opt-in"},
    ],
    "sessionTrackingConsent": {"status": "DENIED", "updated": "2026-05-02T16:40:32.000Z"},
    "emailTrackingConsent": {"status": "DENIED"},
    "somethingNew": {"no": "page describes it"},
}

BARE_CONTACT = {"_id": "64400000f00000a0000ffffe", "_owner": CLIENT_ID}

# From the guide "Emailing".
EMAIL = {
    "_id": "638a2536006457000890d871",
    "_owner": CLIENT_ID,
    "name": "June news · k3v9x0q2m7zt",
    "description": "",
    "subject": "June in Zürich",
    "preheader": "What is new",
    "fromemail": "Ida@Example.com",
    "fromname": "Ida",
    "unsubscribetext": "Click here to unsubscribe",
    "editor": "bee",
    "body": "<p>Hello</p>\r\n",
    "json": "{}",
}

CAMPAIGN = {
    "_id": "63baef44126ecb0008a89a50",
    "_owner": CLIENT_ID,
    "name": "June news · k3v9x0q2m7zt",
    "description": "",
    "folder": "637fa1099469e70008e7a435",
    "type": 2,
    "status": "a",
    "start": "2026-06-02T08:00:00.000Z",
    "batchConfiguration": {"type": "none"},
    "emails": [
        {"email": "638a2536006457000890d870", "weight": 30},
        {"email": "638a2536006457000890d871", "weight": 70},
    ],
    "lists": [{"list": "6399df0e894922000836a9c7"}, {"list": "6399df0e894922000836a9c6"}],
    "mailinglist": {"mailinglist": "5f0c4bd0c3a1e20008a1b301", "statusFilter": 0, "language": "fr"},
}

# Names of the reference's sample.
METRICS = [
    {
        "_id": "2026-06-02",
        "sent": 40,
        "open": 30,
        "uniqueopen": 20,
        "click": 6,
        "uniqueclick": 4,
        "bounce": 1,
        "unsubscribe": 1,
        "spam": 0,
    },
    {"_id": "2026-06-03", "sent": 0, "open": 5, "uniqueopen": 3, "click": None},
]
