"""Senders of the default brand, the keys that sign its mail, and its domains."""

from accounts.sandbox.especial import hooks
from accounts.sandbox.especial.records import Dkim, Sender
from accounts.sandbox.especial.shapes import ADDRESS, JSON, LANGUAGE, LINK, NAME, Text, shape
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.wire import Call, attribute, created, done, ordered, refuse, seconds, single
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()

SELECTOR = "esp1"  # of a key made without one
SHARED_DOMAINS = {
    "auth": "auth.especial.example",
    "bounce": "bounce.especial.example",
    "dkim": "especial.example",
    "tracking": "click.especial.example",
}


def wire(sender: Sender) -> dict[str, JSON]:
    return {
        "id": sender.id,
        "name": sender.name,
        "email": sender.email,
        "confirmed": sender.confirmed,
        "confirmed_on": seconds(sender.confirmed_on),
        "language": sender.language,
        "last_confirmation_sent_on": seconds(sender.asked_on),
    }


def as_shown(account: Account, sender_id: str | None, name: str = "") -> dict[str, JSON]:
    """How lists and campaigns show their sender: without its id."""
    sender = account.senders.get(sender_id or "")
    return {"name": name or (sender.name if sender else None), "email": sender.email if sender else None}


def find(account: Account, sender_id: str, *where: str) -> Sender:
    """For a sender named in a body."""
    sender = account.senders.get(sender_id)
    if sender is None:
        raise refuse("Sender not found", "body", *where)
    return sender


def add(
    account: Account, name: str, email: str, now: float, *, confirmed: bool, language: str = "en_US"
) -> Sender:
    sender = Sender(account.new_name("sender"), name, email, confirmed, language, now if confirmed else None)
    account.senders[sender.id] = sender
    return sender


def ask(account: Account, store: Store, sender: Sender, now: float) -> None:
    """Send the mail with the confirmation id. It names the account, for confirming needs no token."""
    sender.confirmation = (
        f"{account.name}~{secret(account.name, 'confirm', sender.id, account.next_id('mail'))}"
    )
    sender.asked_on = now
    account.mails.append(
        {"to": sender.email, "of": "sender", "confirmation_id": sender.confirmation, "at": now}
    )
    hooks.post(account, store, "Sender.ConfirmationEmailSent", wire(sender), now)


def confirm(account: Account, store: Store, sender: Sender, now: float) -> None:
    sender.confirmed, sender.confirmed_on, sender.confirmation = True, now, ""
    hooks.post(account, store, "Sender.Confirmed", wire(sender), now)


def _named(call: Call) -> Sender:
    sender = call.account.senders.get(call.args["sender_id"])
    if sender is None:
        raise call.missing("Sender")
    return sender


@routes.route("GET", "/brands/default/senders")
def list_senders(call: Call) -> Reply:
    return call.collection(
        ordered(call.account.senders.values(), call.order("name", "email", "confirmed"), attribute), wire
    )


@routes.route("POST", "/brands/default/senders")
def create_sender(call: Call) -> Reply:
    """The address somebody signs in with is confirmed already; every other one is asked."""
    account, given = call.account, call.body(shape(name=NAME, email=ADDRESS, language=LANGUAGE))
    email = given["email"].lower()
    if any(sender.email == email for sender in account.senders.values()):
        raise refuse("This sender already exists", "body", "email")
    language = given.get("language", "en_US")
    sender = add(account, given["name"], email, call.now, confirmed=email == account.login, language=language)
    hooks.post(account, call.store, "Sender.Created", wire(sender), call.now)
    if not sender.confirmed:
        ask(account, call.store, sender, call.now)
    return created("sender", id=sender.id, data=wire(sender))


@routes.route("GET", "/brands/default/senders/{sender_id}")
def get_sender(call: Call) -> Reply:
    return single(wire(_named(call)))


@routes.route("PATCH", "/brands/default/senders/{sender_id}")
def patch_sender(call: Call) -> Reply:
    sender, given = _named(call), call.body(shape(name=Text(), language=LANGUAGE))
    sender.name, sender.language = given.get("name", sender.name), given.get("language", sender.language)
    hooks.post(call.account, call.store, "Sender.Updated", wire(sender), call.now)
    return done("sender", "updated", id=sender.id, data=wire(sender))


@routes.route("DELETE", "/brands/default/senders/{sender_id}")
def delete_sender(call: Call) -> Reply:
    account, sender = call.account, _named(call)
    if any(row.sender_id == sender.id for row in account.lists.values()):
        raise refuse("This sender is the default sender of a list")
    del account.senders[sender.id]
    hooks.post(account, call.store, "Sender.Deleted", {"id": sender.id}, call.now)
    return done("sender", "deleted", id=sender.id)


@routes.route("POST", "/brands/default/senders/{sender_id}/resend-confirmation-email")
def resend_confirmation_email(call: Call) -> Reply:
    sender = _named(call)
    if sender.confirmed:
        raise refuse("This sender is already confirmed")
    ask(call.account, call.store, sender, call.now)
    return done("sender", "resent", id=sender.id)


@routes.route("POST", "/brands/default/senders/confirm-email")
def confirm_sender(call: Call) -> Reply:
    wanted = call.body(shape(confirmation_id=NAME))["confirmation_id"]
    sender = next((row for row in call.account.senders.values() if row.confirmation == wanted), None)
    if sender is None:
        raise refuse("Invalid confirmation id", "body", "confirmation_id")
    confirm(call.account, call.store, sender, call.now)
    return done("sender", "confirmed", data=wire(sender))


# The keys.


def add_key(account: Account, domain: str, selector: str, status: str | None = None) -> Dkim:
    number = account.next_id("dkim")
    public_key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" + "".join(
        secret(account.name, domain, number, n) for n in range(16)
    )
    key = account.dkim[number] = Dkim(number, selector, domain, public_key, status)
    return key


def _key_wire(key: Dkim) -> dict[str, JSON]:
    shown = {"id": key.id, "status": key.status, "selector": key.selector, "domain": key.domain}
    return shown | {"public_key": key.public_key}


def _key(call: Call) -> Dkim:
    key = call.account.dkim.get(call.id("id", least=0))
    if key is None:
        raise call.missing("DKIM key")
    return key


@routes.route("GET", "/brands/default/dkim")
def list_dkim_keys(call: Call) -> Reply:
    return single([_key_wire(key) for key in call.account.dkim.values()])


@routes.route("POST", "/brands/default/dkim")
def create_dkim_key(call: Call) -> Reply:
    given = call.body(shape(selector=Text(), domain=Text(required=True)))
    key = add_key(call.account, given["domain"].lower(), given.get("selector") or SELECTOR)
    return created("dkim", data=_key_wire(key))


@routes.route("GET", "/brands/default/dkim/{id}")
def get_dkim_key(call: Call) -> Reply:
    return single(_key_wire(_key(call)))


@routes.route("DELETE", "/brands/default/dkim/{id}")
def delete_dkim_key(call: Call) -> Reply:
    key = _key(call)
    del call.account.dkim[key.id]
    return done("dkim", "deleted", data=_key_wire(key))


# The domains: one set for the account.


def domains_of(account: Account) -> dict[str, str]:
    return {name: account.domains.get(name, shared) for name, shared in SHARED_DOMAINS.items()}


DOMAINS = shape(bounce=Text(), tracking=LINK, forward=LINK)


def change_domains(account: Account, given: dict[str, str]) -> None:
    """`forward` is written but never read back."""
    if any(account.domains.get(name) != value for name, value in given.items()):
        account.dns_published = False
    account.domains |= given


@routes.route("GET", "/brands/default/domains/default")
def show_domains(call: Call) -> Reply:
    return single(domains_of(call.account))


@routes.route("PATCH", "/brands/default/domains/default")
def patch_domains(call: Call) -> Reply:
    change_domains(call.account, call.body(shape(domains=shape(required=True, **DOMAINS.fields)))["domains"])
    return done("domains", "patched", data=domains_of(call.account))


@routes.route("GET", "/brands/default/domains/default/validate")
def validate_domains(call: Call) -> Reply:
    """The shared domains are in order; one's own once its records are published (a control act)."""
    shown, own = domains_of(call.account), call.account.domains

    def record(name: str) -> list[dict[str, JSON]]:
        entry = f"{shown[name]} CNAME {SHARED_DOMAINS[name]}"
        return [{"entry": entry, "valid": name not in own or call.account.dns_published}]

    return single({"bounce": record("bounce"), "tracking": record("tracking")})
