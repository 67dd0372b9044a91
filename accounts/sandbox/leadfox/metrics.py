"""Figures of a campaign or an e-mail design: per day, or compiled into one row."""

from collections import Counter
from collections.abc import Mapping

from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.leadfox.state import JSON, Account, count
from accounts.sandbox.leadfox.wire import Call, not_found, refuse

routes: Routes[Call] = Routes()

PATH = "/v1/metric/{element_type}/{element_id}"  # the least certain path of all
# `unique…` counts a person on the day of the first time, so that days add up to the whole.
FIGURES = ("sent", "open", "uniqueopen", "click", "uniqueclick", "bounce", "unsubscribe", "spam")


@routes.route("GET", PATH)
def get_metrics(call: Call) -> Reply:
    account, element_id = call.account, call.args["element_id"]
    tables: dict[str, Mapping[str, object]] = {"campaign": account.campaigns, "target": account.designs}
    table = tables.get(call.args["element_type"])
    if table is None:
        raise refuse("element_type must be campaign or target")
    if element_id not in table:
        raise not_found("Element")
    if call.query("compile") not in ("", "true", "false"):
        raise refuse("compile must be true or false")
    days = _days(call, account, element_id)
    if call.query("compile") == "true":
        return Reply(200, [_row(element_id, sum(days.values(), Counter()))])
    return Reply(200, [_row(day, days[day]) for day in sorted(days)])


def _days(call: Call, account: Account, element_id: str) -> dict[str, Counter[str]]:
    """The counters of each day that has any; counted again only when a window cuts through days."""
    start, end = call.query_moment("startdate", 0), call.query_moment("enddate", call.now)
    if (start, end) == (0, call.now):
        return account.days.get(element_id, {})
    days: dict[str, Counter[str]] = {}
    for campaign_id, events in account.events.items():
        for event in events:
            if start <= event.at <= end and element_id in (campaign_id, event.design_id):
                count(days, event)
    return days


def _row(row_id: str, counted: Counter[str]) -> dict[str, JSON]:
    return {"_id": row_id} | {name: counted[name] for name in FIGURES}
