"""Segments are read only here: the provider's own editor makes them, or a seed."""

from accounts.sandbox.brevo.state import Account, Contact
from accounts.sandbox.brevo.wire import Call, invalid, stamp
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()


@routes.route("GET", "/contacts/segments")
def get_segments(call: Call) -> Reply:
    rows = call.page(10, 50).cut(call.account.segments)
    segments = [
        {
            "id": segment.id,
            "segmentName": segment.name,
            "categoryName": segment.category,
            "updatedAt": stamp(segment.updated_at),
        }
        for segment in rows
    ]
    return Reply(200, {"segments": segments, "count": len(call.account.segments)})


def segment_members(account: Account, segment_id: int) -> list[Contact]:
    segment = account.segments.get(segment_id)
    if segment is None:
        raise invalid(f"Segment with id {segment_id} does not exist")
    return [c for c in account.contacts.values() if c.attributes.get(segment.attribute) == segment.value]
