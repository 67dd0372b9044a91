"""What happens to a newsletter beside editing: sent now or later, cancelled, tested."""

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo import sending
from accounts.sandbox.mailmojo.newsletters import wire
from accounts.sandbox.mailmojo.state import Newsletter
from accounts.sandbox.mailmojo.wire import Call, Guarded, is_email, read_stamp, refuse

routes = Guarded()


def _find(call: Call) -> Newsletter:
    """These three calls document no 404, so one that does not exist is a 400 like any that cannot be sent."""
    row = call.account.newsletters.get(call.id("newsletter_id"))
    if row is None:
        raise refuse(id="No such newsletter.")
    return row


def _draft(call: Call) -> Newsletter:
    row = _find(call)
    if row.status != "draft":
        raise refuse(id=f"The newsletter is not a draft but {row.status}.")
    return row


@routes.on("PUT", "/newsletters/{newsletter_id}/send/", "newsletters")
def send_newsletter(call: Call) -> Reply:
    """Without a date at once."""
    row, fields, account = _draft(call), call.fields(), call.account
    at: float | None = call.now
    if text := fields.text("send_date"):
        at = read_stamp(text)
        if at is None:
            fields.wrong("send_date", "Must be a date and time with its offset, like 2030-01-31T08:00:00Z.")
        elif at < call.now:
            fields.wrong("send_date", "Must not be in the past.")
    if not row.html.strip():
        fields.wrong("html", "The newsletter has no content.")
    people = len(sending.recipients(account, row))
    if not people:
        fields.wrong("list_id", "There is nobody to send to.")
    if account.credits is not None and people > account.credits:
        fields.wrong("credits_required", "There are not enough credits.")
    fields.check()
    sending.schedule(account, row, call.now if at is None else at)
    sending.start_if_due(account, call.store, row, call.now)
    return Reply(200, wire(call, row))


@routes.on("PUT", "/newsletters/{newsletter_id}/cancel/", "newsletters")
def cancel_newsletter(call: Call) -> Reply:
    """A scheduled one becomes a draft again; one on its way is aborted, and who has it has it. The result is not stated."""
    row = _find(call)
    if row.status not in ("scheduled", "sending"):
        raise refuse(id=f"A newsletter that is {row.status} cannot be cancelled.")
    sending.cancel(row, call.now)
    return Reply(200, wire(call, row))


@routes.on("POST", "/newsletters/{newsletter_id}/send_test/", "newsletters")
def test_newsletter(call: Call) -> Reply:
    """Anybody can be sent a test, on a list or not. One bad address stops them all."""
    row, fields = _draft(call), call.fields("emails")
    emails: list[str] = fields.list_of("emails", str)
    if not emails or not all(map(is_email, emails)):
        fields.wrong("emails", "Enter valid e-mail addresses.")
    fields.check()
    call.account.test_mails += [{"newsletter": row.id, "to": email, "at": call.now} for email in emails]
    return Reply(204)
