"""What the documentation leaves open, decided here and nowhere else. The README tells the reasons."""

COMPLETED = (
    "completed"  # a campaign's status once all its mail has left: a fourth word beside the documented three
)

# How a row of results ended. Only `delivered` is documented.
DISPOSITIONS = {"delivered": "delivered", "hard": "bounced", "soft": "failed", "opted_out": "opted_out"}
ROW_ENDED = "completed"  # documented
ROW_OPEN = "queued"  # handed over, its end not known yet; the disposition is empty until then

LEAD = 60  # seconds a campaign's start must lie ahead
LAST_DAY_COUNTS = True  # whether the result filter includes its `end_date`
GROUP_SHOWS_COLUMNS = False  # whether a group's contacts carry more than name and email; results always do
LEAVING = ("unsubscribe", "spam")  # what readers do that puts their address on the opt-out list
HEADED = ("update",)  # uploads whose first row is never a contact; elsewhere it is one if it holds an address
