"""Campaigns: read and written here, and moved through their few statuses. What happens then is `sending`'s."""

from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.leadfox import sending
from accounts.sandbox.leadfox.dates import stamp
from accounts.sandbox.leadfox.listing import page, show
from accounts.sandbox.leadfox.state import JSON, Account, Campaign
from accounts.sandbox.leadfox.wire import OBJECT_ID, Call, Fields, known, refuse, taken

routes: Routes[Call] = Routes()

EMAIL_CAMPAIGN = 2  # the only type that may be used
STATUSES = ("d", "a", "i")
MOVES = {
    "d": ("a",),  # draft; activated it sends, or waits for its `start`
    "a": ("i", "d"),  # active, and stays so when all has left; `d` only before it starts
    "i": ("a",),  # inactive: nothing leaves; activated again it goes on where it stopped
}
FIXED = ("folder", "type")  # from its creation on
FIXED_ONCE_STARTED = ("start", "batchConfiguration", "emails", "lists", "mailinglist")
NEEDED_IN_DESIGN = ("subject", "fromemail", "body")


@routes.route("GET", "/v1/campaign")
def list_campaigns(call: Call) -> Reply:
    return page(call, lambda _: call.account.campaigns.values())


@routes.route("GET", "/v1/campaign/{id}")
def get_campaign(call: Call) -> Reply:
    return Reply(200, show(call.account, _find(call)))


def _find(call: Call) -> Campaign:
    return call.find(call.account.campaigns, "Campaign")


@routes.route("POST", "/v1/campaign")
def create_campaign(call: Call) -> Reply:
    """`_id` and `_owner` may be the caller's own: documented as required, left out by every known client."""
    account, body = call.account, call.fields()
    body.require("name", "folder", "type")
    if body.has("_owner") and body.text("_owner") != account.client_id:
        raise refuse("_owner is not this client")
    if body.has("_id"):
        if not OBJECT_ID.fullmatch(body.text("_id")):
            raise refuse("_id must be 24 hexadecimal digits")
        if body.text("_id") in account.campaigns:
            raise taken("A campaign with this _id exists already")
    campaign_id = body.text("_id") if body.has("_id") else account.next_id(call.now)
    return Reply(200, show(account, create(account, campaign_id, body, call.now)))


def create(account: Account, campaign_id: str, body: Fields, now: float) -> Campaign:
    campaign = Campaign(campaign_id, len(account.campaigns) + 1, {"batchConfiguration": {"type": "none"}})
    _write(account, campaign, _read(account, body), _status(body, "d"), now)
    account.campaigns[campaign.id] = campaign
    return campaign


@routes.route("PATCH", "/v1/campaign/{id}")
@routes.route("PUT", "/v1/campaign/{id}")
def update_campaign(call: Call) -> Reply:
    campaign, body = _find(call), call.fields()
    fields, status = _read(call.account, body), _status(body, campaign.status)
    started = campaign.started_at is not None
    for name in FIXED + (FIXED_ONCE_STARTED if started else ()):
        if name in fields and fields[name] != campaign.fields.get(name):
            raise refuse(f"{name} can no longer be changed")
    if status != campaign.status and status not in MOVES[campaign.status]:
        raise refuse(f"status cannot change from {campaign.status} to {status}")
    if status == "d" and started:
        raise refuse("A campaign that has been sent cannot become a draft")
    _write(call.account, campaign, fields, status, call.now)
    return Reply(200, show(call.account, campaign))


def _write(account: Account, campaign: Campaign, fields: dict[str, JSON], status: str, now: float) -> None:
    """Take it over, and let what follows from it happen."""
    before = campaign.status, campaign.fields.get("start")
    fields = campaign.fields | fields
    if status == "a" and campaign.started_at is None:
        _check_complete(account, fields)
    campaign.fields, campaign.status = fields, status
    if (status, fields.get("start")) != before:
        sending.plan(account, campaign, now)


def _status(body: Fields, default: str) -> str:
    return body.text("status", STATUSES) if body.has("status") else default


def _read(account: Account, body: Fields) -> dict[str, JSON]:
    """What the body says, each field by itself."""
    fields: dict[str, JSON] = {**body.texts(("name", "description"))}
    if "name" in fields:
        body.require("name")
    if body.has("folder"):
        fields["folder"] = known(account.folders, body, "folder")
    if body.has("type"):
        fields["type"] = body.number("type")
        if fields["type"] != EMAIL_CAMPAIGN:
            raise refuse(f"type must be {EMAIL_CAMPAIGN}")
    if body.has("start"):
        fields["start"] = stamp(body.moment("start"))
    if body.has("batchConfiguration"):
        fields["batchConfiguration"] = {"type": body.inner("batchConfiguration").text("type", ("none",))}
    if body.has("emails"):
        fields["emails"] = [_variant(account, row) for row in body.items("emails")]
    if body.has("lists"):
        fields["lists"] = [_list(account, row) for row in body.items("lists")]
    if body.has("mailinglist"):
        fields["mailinglist"] = _mailinglist(account, body.inner("mailinglist"))
    return fields


def _variant(account: Account, row: Fields) -> dict[str, JSON]:
    weight = row.number("weight") if row.has("weight") else 100
    if not 0 < weight <= 100:
        raise refuse(f"{row.where}weight must be above 0 and at most 100")
    return {"email": known(account.designs, row, "email"), "weight": weight}


def _list(account: Account, row: Fields) -> dict[str, JSON]:
    """How a list is excluded is not known, so whatever might say so is refused rather than included."""
    row.only("list")
    everybody = "list" in row.data and row.data["list"] is None
    return {"list": None if everybody else known(account.lists, row, "list")}


def _mailinglist(account: Account, row: Fields) -> dict[str, JSON]:
    """Only the status filter 0 is known; here it means: those who opted in."""
    chosen: dict[str, JSON] = {"mailinglist": known(account.mailinglists, row, "mailinglist")}
    if row.has("statusFilter"):
        chosen["statusFilter"] = row.number("statusFilter")
        if chosen["statusFilter"] != 0:
            raise refuse(f"{row.where}statusFilter must be 0")
    return chosen | row.texts(("language",))


def _check_complete(account: Account, fields: dict[str, JSON]) -> None:
    for name in ("emails", "lists"):
        if not fields.get(name):
            raise refuse(f"{name} must hold at least one before the campaign is activated")
    for variant in fields["emails"]:
        design = account.designs[variant["email"]]
        for name in NEEDED_IN_DESIGN:
            if not design.get(name):
                raise refuse(f"The email {design.id} has no {name}")
