"""Sample replies of the Email Campaigns API.

Shapes follow the samples of the vendor's documentation (read November 2026): ids wrapped as {"$oid": …}, instants with
microseconds and no zone. TOKEN follows the vendor's authentication page. Values, people and companies are made up; words
that the documentation does not show are marked so.
"""

ACCOUNT = {"$oid": "57bafe0319a54b3df3dfbe10"}

TOKEN = {"token": "9a3b1c5d7e9f0a2b4c6d8e0f1a3b5c7d9e1f3a5b", "client_id": "57bafe0319a54b3df3dfbe10"}

SENDER = {
    "$_id": {"$oid": "57bafe5319a54b3df3dfbe11"},
    "client_id": ACCOUNT,
    "description": "Office",
    "email": "Office@Example.com",
    "created_on": "2016-08-22T12:05:39.571000",
    "modified_on": "2016-08-22T12:05:39.571000",
}

OPT_OUT = {
    "$_id": {"$oid": "57bafe5319a54b3df3dfbe12"},
    "client_id": ACCOUNT,
    "email": "gone@example.com",
    "created_on": "2016-08-23T09:30:00.000000",
    "modified_on": "2016-08-23T09:30:00.000000",
}

GROUP = {
    "$_id": {"$oid": "57bafe5319a54b3df3dfbe13"},
    "client_id": ACCOUNT,
    "tag": "News",
    "contacts": [
        {"name": "Ana Moor", "email": "Ana@example.com", "Town": "Zürich"},
        {"name": None, "email": "ben+x@example.com"},
    ],
    "created_on": "2016-08-22T12:05:39.571000",
    "modified_on": "2016-08-22T12:05:39.571000",
}

MESSAGE = {
    "$_id": {"$oid": "57bafe5319a54b3df3dfbe14"},
    "client_id": ACCOUNT,
    "description": "June in Zürich",
    "email_message": "<p>Hello</p>\r\n",
    "created_on": "2016-08-22T12:05:39.571000",
    "modified_on": "2016-08-22T12:05:39.571000",
}

CAMPAIGN = {
    "$_id": {"$oid": "57bafe5319a54b3df3dfbe15"},
    "client_id": ACCOUNT,
    "contact_group_id": GROUP["$_id"],
    "sender_id": SENDER["$_id"],
    "message_id": MESSAGE["$_id"],
    "name": "June",
    "start_date": "2016-08-24T14:00:00.000000",
    "timezone": "EST5EDT",
    "status": "active",
    "created_on": "2016-08-22T12:05:39.571000",
    "modified_on": "2016-08-22T12:06:00.000000",
}

RESULT = {
    "$_id": {"$oid": "57bafe5319a54b3df3dfbe16"},
    "client_id": ACCOUNT,
    "queue_id": {"$oid": "57bafe5319a54b3df3dfbe17"},
    "campaign_id": CAMPAIGN["$_id"],
    "contact": {"name": "Ana Moor", "email": "ana@example.com", "Town": "Zürich"},
    "campaign_name": "June",
    "disposition": "delivered",
    "start_date": "2016-08-24T14:00:03.000000",
    "modified_on": "2016-08-24T14:00:09.250000",
    "email_to": "ana@example.com",
    "email_from_id": "office@example.com",
    "complete": True,
    "status": "completed",
}
# Words of the trade; the documentation shows none but `delivered`.
BOUNCED = {**RESULT, "email_to": "ben+x@example.com", "disposition": "Hard Bounce"}
OPTED_OUT = {**RESULT, "email_to": "gone@example.com", "disposition": "opted_out"}
STRANGE = {**RESULT, "email_to": "cy@example.com", "disposition": "levitated"}
QUEUED = {**RESULT, "email_to": "dora@example.com", "disposition": "", "complete": False, "status": "queued"}
