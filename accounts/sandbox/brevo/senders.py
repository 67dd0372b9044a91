"""Senders and the domains they write from."""

from accounts.sandbox.brevo.state import JSON, Account, Domain, Sender
from accounts.sandbox.brevo.wire import (
    EMAIL,
    Call,
    Fields,
    as_id,
    created,
    done,
    invalid,
    missing,
    not_found,
    read_email,
    refuse,
    stamp,
)
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.timeline import chance, secret

routes: Routes[Call] = Routes()


def find_sender(account: Account, given: Fields) -> Sender | None:
    """The sender a campaign or template names: by id (integer or string) or by address, never both."""
    if given.has("id") and given.has("email"):
        raise invalid("Sender should be given by email or id, not both")
    if given.has("id"):
        number = as_id(given.data["id"])
        return account.senders.get(number) if number is not None else None
    if not given.has("email"):
        raise missing("sender.email")
    email = read_email(given.text("email") or "", "sender.email")
    return next((sender for sender in account.senders.values() if sender.email == email), None)


def add_sender(account: Account, name: str, email: str, *, active: bool | None = None) -> Sender:
    """On an authenticated domain a sender needs no confirmation."""
    number = account.next_id("sender")
    domain = account.domains.get(email.partition("@")[2])
    if active is None:
        active = domain is not None and domain.authenticated
    sender = Sender(number, name, email, active, _otp(account, number, email))
    account.senders[number] = sender
    return sender


def _otp(account: Account, sender_id: int, email: str) -> int:
    return chance("otp", account.name, sender_id, email).randrange(100_000, 1_000_000)


def _wire(sender: Sender) -> dict[str, JSON]:
    return {
        "id": sender.id,
        "name": sender.name,
        "email": sender.email,
        "active": sender.active,
        "ips": sender.ips,
    }


@routes.route("GET", "/senders")
def get_senders(call: Call) -> Reply:
    ip, domain = call.query("ip"), call.query("domain")
    rows = [
        sender
        for sender in call.account.senders.values()
        if (ip is None or any(row["ip"] == ip for row in sender.ips))
        and (domain is None or sender.email.endswith(f"@{domain}"))
    ]
    return Reply(200, {"senders": [_wire(sender) for sender in rows]})


def _ips(account: Account, fields: Fields) -> list[dict[str, JSON]] | None:
    given = fields.list_of("ips", dict)
    if not given:
        return given
    if not account.dedicated_ips:
        raise invalid("ips is only available for accounts with dedicated IPs")
    known = {row["ip"] for row in account.dedicated_ips}
    ips = [Fields(row, f"ips[{n}]") for n, row in enumerate(given)]
    for row in ips:
        row.require("ip", "domain")
        if row.text("ip") not in known:
            raise invalid("IP is not one of this account")
    weights = [row.number("weight", 1, 100) for row in ips]
    if any(weights) and (None in weights or sum(weight or 0 for weight in weights) != 100):
        raise invalid("The weights of the IPs should be given for all and add up to 100")
    return given


@routes.route("POST", "/senders")
def create_sender(call: Call) -> Reply:
    account, fields = call.account, call.fields()
    fields.require("name", "email")
    email = read_email(fields.text("email") or "")
    if any(sender.email == email for sender in account.senders.values()):
        raise refuse("duplicate_parameter", "Sender already exists")
    ips = _ips(account, fields)
    sender = add_sender(account, fields.text("name") or "", email)
    sender.ips = ips or []
    domain = account.domains.get(email.partition("@")[2])
    wrong = domain is None or not domain.authenticated
    return created({"id": sender.id, "spfError": wrong, "dkimError": wrong})


def _sender(call: Call) -> Sender:
    sender = call.account.senders.get(call.id("senderId"))
    if sender is None:
        raise not_found("Sender ID does not exist")
    return sender


@routes.route("GET", "/senders/ips")
def get_ips(call: Call) -> Reply:
    return Reply(200, {"ips": call.account.dedicated_ips})


@routes.route("PUT", "/senders/{senderId}")
def update_sender(call: Call) -> Reply:
    """A new address has to be confirmed like that of a new sender."""
    account, sender, fields = call.account, _sender(call), call.fields()
    name, ips = fields.text("name"), _ips(account, fields)
    if fields.has("email"):
        email = read_email(fields.text("email") or "")
        if any(other.email == email for other in account.senders.values() if other is not sender):
            raise refuse("duplicate_parameter", "Sender already exists")
        if email != sender.email:
            domain = account.domains.get(email.partition("@")[2])
            sender.email, sender.active = email, domain is not None and domain.authenticated
            sender.otp = _otp(account, sender.id, email)
    sender.name = name or sender.name
    sender.ips = sender.ips if ips is None else ips
    return done()


@routes.route("DELETE", "/senders/{senderId}")
def delete_sender(call: Call) -> Reply:
    del call.account.senders[_sender(call).id]
    return done()


@routes.route("GET", "/senders/{senderId}/ips")
def get_ips_from_sender(call: Call) -> Reply:
    numbers = {row["ip"]: row["id"] for row in call.account.dedicated_ips}
    sender = _sender(call)
    ips = [{"id": numbers[row["ip"]], "weight": 100 // len(sender.ips)} | row for row in sender.ips]
    return Reply(200, {"ips": ips})


@routes.route("PUT", "/senders/{senderId}/validate")
def validate_sender_by_otp(call: Call) -> Reply:
    sender, fields = _sender(call), call.fields()
    fields.require("otp")
    if fields.number("otp") != sender.otp:
        raise invalid("The code is not valid")
    sender.active = True
    return done()


# Domains


def add_domain(account: Account, name: str, now: float) -> Domain:
    domain = Domain(
        account.next_id("domain"), name, now, now + account.pace.dns, code=secret(account.name, name) * 2
    )
    account.domains[name] = domain
    return domain


def _records(domain: Domain, now: float) -> dict[str, JSON]:
    """What has to be published; `status` says whether the provider sees it by now."""
    seen = now >= domain.published_at
    values = {
        "dkim_record": (f"mail._domainkey.{domain.name}", f"k=rsa;p={domain.code}"),
        "brevo_code": (domain.name, f"brevo-code:{domain.code}"),
        "dmarc_record": (f"_dmarc.{domain.name}", "v=DMARC1; p=none; rua=mailto:rua@dmarc.brevo.com"),
    }
    return {
        name: {"type": "TXT", "value": value, "host_name": host, "status": seen}
        for name, (host, value) in values.items()
    }


@routes.route("GET", "/senders/domains")
def get_domains(call: Call) -> Reply:
    domains = [
        {
            "id": str(domain.id),
            "domain_name": domain.name,
            "authenticated": domain.authenticated,
            "verified": call.now >= domain.published_at,
            "ip": None,
            "provider": "other",
            "creationDate": stamp(domain.created_at),
        }
        for domain in call.account.domains.values()
    ]
    return Reply(200, {"domains": domains, "count": len(domains), "current_page": 1, "total_pages": 1})


@routes.route("POST", "/senders/domains")
def create_domain(call: Call) -> Reply:
    fields = call.fields()
    fields.require("name")
    name = (fields.text("name") or "").lower()
    if not EMAIL.fullmatch(f"a@{name}"):
        raise invalid("Domain name is not valid")
    if name in call.account.domains:
        raise refuse("duplicate_parameter", "Domain already exists")
    domain = add_domain(call.account, name, call.now)
    return Reply(
        200,
        {
            "id": str(domain.id),
            "domain_name": name,
            "domain_provider": "other",
            "message": "Domain added successfully. To authenticate it, add following DNS records",
            "dns_records": _records(domain, call.now),
        },
    )


def _domain(call: Call) -> Domain:
    domain = call.account.domains.get(call.args["domainName"].lower())
    if domain is None:
        raise not_found("Domain does not exist")
    return domain


@routes.route("GET", "/senders/domains/{domainName}")
def get_domain_configuration(call: Call) -> Reply:
    domain = _domain(call)
    verified = call.now >= domain.published_at
    shown = {"domain": domain.name, "verified": verified, "authenticated": domain.authenticated}
    return Reply(200, shown | {"dns_records": _records(domain, call.now)})


@routes.route("DELETE", "/senders/domains/{domainName}")
def delete_domain(call: Call) -> Reply:
    del call.account.domains[_domain(call).name]
    return Reply(200, {})


@routes.route("PUT", "/senders/domains/{domainName}/authenticate")
def authenticate_domain(call: Call) -> Reply:
    """Fails while the DNS is not right. Once it is, the senders on the domain need no code."""
    domain = _domain(call)
    if call.now < domain.published_at:
        raise refuse(
            "bad_request", "Domain could not be authenticated: DNS records are missing or not yet visible"
        )
    domain.authenticated = True
    for sender in call.account.senders.values():
        if sender.email.endswith(f"@{domain.name}"):
            sender.active = True
    return Reply(200, {"domain_name": domain.name, "message": "Domain has been authenticated successfully."})
