"""Test mails, of campaigns and templates alike: to known people of the test list, fifty a day."""

from accounts.sandbox.brevo import people
from accounts.sandbox.brevo.state import Account, Contact
from accounts.sandbox.brevo.wire import Call, invalid, refuse, stamp

MOST_A_DAY = 50


def send_test(call: Call, subject: str) -> None:
    """Send to `emailTo`, or to the whole test list. One address that may not have it stops them all."""
    account = call.account
    addresses = [address.lower() for address in call.fields().list_of("emailTo", str) or []]
    if not addresses:
        addresses = [
            contact.email for contact in account.contacts.values() if _on_test_list(account, contact)
        ]
        if not addresses:
            raise invalid("The test list is empty")
    found = {address: people.find(account, address, "email_id") for address in addresses}
    unknown = [address for address, contact in found.items() if contact is None]
    outside = [a for a, contact in found.items() if contact and not _on_test_list(account, contact)]
    blocked = [a for a, contact in found.items() if contact and contact.email_blacklisted]
    if unknown or outside or blocked:
        raise refuse(
            "invalid_parameter",
            "Test email could not be sent to the following email addresses",
            unexistingEmails=unknown,
            withoutListEmails=outside,
            blackListedEmails=blocked,
        )
    day = stamp(call.now)[:10]
    sent = account.tests_sent.get(day, 0)
    if sent + len(found) > MOST_A_DAY:
        raise refuse("out_of_range", f"You cannot send more than {MOST_A_DAY} test emails per day")
    account.tests_sent[day] = sent + len(found)
    account.test_mails += [{"of": subject, "to": address, "at": call.now} for address in found]


def _on_test_list(account: Account, contact: Contact) -> bool:
    """On the account's test list; while none is named, on any list."""
    return account.test_list_id in contact.list_ids if account.test_list_id else bool(contact.list_ids)
