"""`/_control/`: steer the sandbox and look inside it. JSON in and out, from this machine only."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from accounts.sandbox.codec import pack
from accounts.sandbox.faults import KINDS, Fault
from accounts.sandbox.http import Refusal, Reply, Request

if TYPE_CHECKING:
    from accounts.sandbox.app import Sandbox


def answer(sandbox: "Sandbox", request: Request, remote_addr: str) -> Reply:
    if remote_addr and not ipaddress.ip_address(remote_addr).is_loopback:
        return Reply(403, {"message": "The control API answers on the loopback address only."})
    deed = COMMANDS.get((request.method, request.path.removeprefix("/_control/").strip("/")))
    if deed is None:
        known = ", ".join(f"{method} {name}" for method, name in COMMANDS)
        return Reply(404, {"message": f"Known commands: {known}"})
    try:
        asked: Any = json.loads(request.body or b"{}")
        if not isinstance(asked, dict):
            raise ValueError("the body must be a JSON object")
        asked = {name: values[0] for name, values in request.query.items()} | asked
        with sandbox.store.lock:
            return Reply(200, deed(sandbox, asked))
    except Refusal as refusal:
        return refusal.reply
    except (KeyError, LookupError) as error:
        return Reply(404, {"message": f"Not found or not given: {error}"})
    except (TypeError, ValueError) as error:
        return Reply(400, {"message": str(error)})


def health(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    accounts = {slug: sorted(accounts) for slug, accounts in sandbox.store.accounts.items()}
    return {
        "status": "ok",
        "now": sandbox.store.now(),
        "providers": sorted(sandbox.providers),
        "accounts": accounts,
    }


def seed(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    made = sandbox.providers[asked["provider"]].seed(asked["account"], asked, sandbox.store)
    sandbox.store.touch()
    return made


def reset(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    """Forget one account, or everything."""
    if "account" in asked:
        sandbox.store.accounts.get(asked["provider"], {}).pop(asked["account"], None)
        sandbox.store.touch()
    else:
        sandbox.store.reset()
    return {}


def log(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"calls": sandbox.store.find_calls(asked.get("provider", ""), asked.get("account", ""))}


def posted(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    """Callbacks that were posted and what was answered, and those still waiting."""
    account = asked.get("account", "")
    outbox = sandbox.store.outbox
    return {
        "posted": [entry for entry in outbox.posted if account in ("", entry["account"])],
        "waiting": sum(account in ("", letter.account) for letter in outbox.letters),
    }


def order_faults(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(asked) - {f.name for f in fields(Fault)}
    if asked.get("kind") not in KINDS or unknown:
        raise ValueError(
            f"kind is one of {', '.join(KINDS)}; unknown: {', '.join(sorted(unknown)) or 'none'}"
        )
    sandbox.store.faults.append(Fault(**asked))
    return list_faults(sandbox, asked)


def list_faults(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"faults": [asdict(fault) for fault in sandbox.store.faults]}


def clear_faults(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    sandbox.store.faults.clear()
    return {"faults": []}


def clock(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    advance = float(asked.get("advance", 0))
    if advance < 0:
        raise ValueError("time only goes forward")
    sandbox.store.offset += advance
    sandbox.store.touch()
    sandbox.advance()
    return {"now": sandbox.store.now(), "offset": sandbox.store.offset}


def act(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    account = sandbox.store.accounts.get(asked["provider"], {})[asked["account"]]
    done = sandbox.providers[asked["provider"]].act(account, asked, sandbox.store)
    sandbox.store.touch()
    return done


def state(sandbox: "Sandbox", asked: Mapping[str, Any]) -> dict[str, Any]:
    accounts = sandbox.store.accounts.get(asked["provider"], {})
    if "account" in asked:
        return {"now": sandbox.store.now(), "state": pack(accounts[asked["account"]])}
    return {"now": sandbox.store.now(), "accounts": sorted(accounts)}


COMMANDS: dict[tuple[str, str], Callable[["Sandbox", Mapping[str, Any]], dict[str, Any]]] = {
    ("GET", "health"): health,
    ("POST", "seed"): seed,
    ("POST", "reset"): reset,
    ("GET", "log"): log,
    ("GET", "posted"): posted,
    ("POST", "faults"): order_faults,
    ("GET", "faults"): list_faults,
    ("DELETE", "faults"): clear_faults,
    ("POST", "clock"): clock,
    ("GET", "clock"): clock,
    ("POST", "act"): act,
    ("GET", "state"): state,
}
