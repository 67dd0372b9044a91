"""The Email Campaigns API: one method per operation, each with the effect of repeating it.

The vendor's documentation was read 2026-11 in the copy this product was given, and for the token on the vendor's
"Authentication" page. Nothing in it speaks of paging, filters, rate limits or idempotency keys: every list is one
array of all there is, so arrays are streamed. One path serves a whole list and, with `_id`, one record.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any, TypeVar

from accounts.providers import answers
from accounts.providers.base import Effect
from accounts.providers.bodies import form, multipart
from accounts.providers.emailcampaigns import mapping
from accounts.providers.errors import Missing, ProviderError, Unauthorized, UnexpectedReply
from accounts.providers.records import Tokens
from accounts.providers.tokens import TokenClient

READ, CONVERGE, CREATE, ONCE = Effect.READ, Effect.CONVERGE, Effect.CREATE, Effect.ONCE

Json = Any

SENDERS, OPT_OUTS, GROUPS = "/email/senderid/", "/email/optout/", "/email/contact/"
MESSAGES, RESULTS, CAMPAIGNS = "/email/message/", "/email/result/filter/", "/email/campaign/"
LOGIN = "/auth/api-token-auth/"

_ID = re.compile(r"[0-9a-fA-F]{24}")

Result = TypeVar("Result")

# Read an object with a function of `mapping`.
understood = partial(answers.understood, "emailcampaigns")


class Client(TokenClient):
    provider = "emailcampaigns"
    # An unknown id is a 404, and no body is described for it.
    silent_refusals = frozenset({404})

    def __init__(self, *, credentials: Mapping[str, str], **settings: Any) -> None:
        is_login = credentials.get("way") == "login"
        self._pasted = "" if is_login else credentials.get("token", "").strip().removeprefix("Token ").strip()
        self._username = credentials.get("username", "").strip()
        self._password = credentials.get("password", "")
        super().__init__(secrets=(self._pasted, self._password), **settings)

    # Access

    def tokens(self) -> Tokens:
        return Tokens(self._pasted) if self._pasted else super().tokens()

    def renewing(self, attempt: Any) -> Any:
        """A pasted token has nothing to be renewed with."""
        return attempt() if self._pasted else super().renewing(attempt)

    def bearer(self, tokens: Tokens) -> Mapping[str, str]:
        if tokens.access not in self.secrets:
            self.secrets = (*self.secrets, tokens.access)
        return {"Authorization": f"Token {tokens.access}"}

    def first_tokens(self) -> Tokens:
        """Whether a token ever ends is not said; the password is not kept, so a refused one needs a person."""
        if not (self._username and self._password):
            raise Unauthorized(
                "There is no token any more. Connect with user name and password, or paste a token.",
                provider=self.provider,
                operation="obtainToken",
            )
        return self.obtain_token(self._username, self._password)

    def obtain_token(self, username: str, password: str) -> Tokens:
        """The user must have signed in to the web portal once and accepted its terms.

        The vendor's page answers {token, client_id}. Read again, it gives the token the user has already, as far as its
        framework is known: nothing is made by asking.
        """
        body = form({"username": username, "password": password})
        return self.call(
            "obtainToken", READ, "POST", LOGIN, body=body, read=mapping.tokens, with_credentials=False
        )

    def refusal(self, operation: str, status: int, payload: Mapping[str, Any]) -> type[ProviderError]:
        """No refusal but the 404 is described; the others follow the framework's habits."""
        if operation == "obtainToken" and status in (400, 403):
            return Unauthorized
        if status == 404 and (operation == "obtainToken" or operation.startswith("list")):
            return UnexpectedReply  # No id was asked for: this is not the API's address.
        return super().refusal(operation, status, payload)

    def words(self, payload: Mapping[str, Any]) -> str:
        """{"detail": text}, or messages by field."""
        return super().words(payload) or mapping.complaints(payload)

    # The forms that calls have

    def _one(self, operation: str, path: str, remote_id: str) -> Json:
        """Raises Missing. An array is looked through too: the path is the list's own."""
        wanted = self._key(remote_id, operation)

        def read(payload: Json) -> Json:
            found = payload if isinstance(payload, list) else [payload]
            if found and not any(isinstance(record, dict) for record in found):
                raise TypeError("not an object")
            for record in found:
                if mapping.remote_id(record) == wanted:
                    return record
            raise Missing("There is nothing of that id.", provider=self.provider, operation=operation)

        return self.call(operation, READ, "GET", path, query={"_id": wanted}, read=read)

    def _create(self, operation: str, path: str, body: Json) -> str:
        return self.call(operation, CREATE, "POST", path, body=body, read=mapping.remote_id)

    def _change(
        self,
        operation: str,
        method: str,
        path: str,
        remote_id: str,
        body: Json = None,
        effect: Effect = CONVERGE,
    ) -> None:
        self.call(operation, effect, method, path, query={"_id": self._key(remote_id, operation)}, body=body)

    def _upload(self, operation: str, path: str, file: bytes, *, remote_id: str = "", **indexes: int) -> None:
        """A CSV file. The answer is a bare 200, and how long it takes over there is not said."""
        self.call(
            operation,
            CONVERGE,
            "POST",
            path,
            query={"_id": self._key(remote_id, operation)} if remote_id else None,
            body=multipart(
                {name: str(index) for name, index in indexes.items()},
                {"csv_file": ("contacts.csv", "text/csv", file)},
            ),
            is_upload=True,
        )

    def _key(self, remote_id: str, operation: str) -> str:
        """An id of another form was never given out over there. An empty one would mean the whole list."""
        if not _ID.fullmatch(remote_id):
            raise Missing("There is nothing of that id.", provider=self.provider, operation=operation)
        return remote_id

    # Senders

    def list_senders(self) -> Iterator[Json]:
        return self.rows("listSenders", SENDERS)

    def create_sender(self, body: Json) -> str:
        return self._create("createSender", SENDERS, body)

    def get_sender(self, sender_id: str) -> Json:
        """A 404 is described for the others and not for this one."""
        return self._one("getSender", SENDERS, sender_id)

    def update_sender(self, sender_id: str, body: Json) -> None:
        self._change("updateSender", "PUT", SENDERS, sender_id, body)

    def delete_sender(self, sender_id: str) -> None:
        self._change("deleteSender", "DELETE", SENDERS, sender_id)

    # Opt-outs: whom the account mails no more. Changing or deleting one lets people be mailed again; no verb does.

    def list_opt_outs(self) -> Iterator[Json]:
        return self.rows("listOptOuts", OPT_OUTS)

    def create_opt_out(self, email: str) -> None:
        """Told twice, the person is refused all the same."""
        self.call("createOptOut", CONVERGE, "POST", OPT_OUTS, body={"email": email})

    def get_opt_out(self, opt_out_id: str) -> Json:
        return self._one("getOptOut", OPT_OUTS, opt_out_id)

    def update_opt_out(self, opt_out_id: str, email: str) -> None:
        self._change("updateOptOut", "PUT", OPT_OUTS, opt_out_id, {"email": email})

    def delete_opt_out(self, opt_out_id: str) -> None:
        self._change("deleteOptOut", "DELETE", OPT_OUTS, opt_out_id)

    def bulk_add_opt_outs(self, file: bytes) -> None:
        """These two take no column index, so the file holds one column of addresses."""
        self._upload("bulkAddOptOuts", f"{OPT_OUTS}bulk/add/", file)

    def bulk_delete_opt_outs(self, file: bytes) -> None:
        self._upload("bulkDeleteOptOuts", f"{OPT_OUTS}bulk/delete/", file)

    # Contact groups: lists with their people inside

    def list_contact_groups(self) -> Iterator[Json]:
        """Without their people, who come with them and are passed over."""
        return self.rows("listContactGroups", GROUPS, without="contacts")

    def list_people(self) -> Iterator[Json]:
        """Everybody in all groups, without saying which."""
        return self.rows("listContactGroups", GROUPS, items="item.contacts.item")

    def get_people(self, group_id: str) -> Iterator[Json]:
        """Those in one group. Raises Missing."""
        query = {"_id": self._key(group_id, "getContactGroup")}
        return self.rows("getContactGroup", GROUPS, items="contacts.item", query=query)

    def get_contact_group(self, group_id: str) -> Json:
        """With its people, whole: for small ones."""
        return self._one("getContactGroup", GROUPS, group_id)

    def create_contact_group(self, body: Json) -> str:
        return self._create("createContactGroup", GROUPS, body)

    def update_contact_group(self, group_id: str, body: Json) -> None:
        """Sets the name alone; people change by file."""
        self._change("updateContactGroup", "PUT", GROUPS, group_id, body)

    def delete_contact_group(self, group_id: str) -> None:
        self._change("deleteContactGroup", "DELETE", GROUPS, group_id)

    # Columns are counted from 0. Which is which unless told is documented by one sample that has them the other way
    # round, so both are told wherever both are taken.

    def bulk_replace_contacts(self, group_id: str, file: bytes, *, name_index: int, email_index: int) -> None:
        """The group then holds the file's people alone; advised for large groups."""
        path = f"{GROUPS}bulk/replace/"
        self._upload(
            "bulkReplaceContacts",
            path,
            file,
            remote_id=group_id,
            name_index=name_index,
            email_index=email_index,
        )

    def bulk_update_contacts(self, group_id: str, file: bytes, *, name_index: int, email_index: int) -> None:
        """Adds people and updates those whose address is there."""
        path = f"{GROUPS}bulk/update/"
        self._upload(
            "bulkUpdateContacts",
            path,
            file,
            remote_id=group_id,
            name_index=name_index,
            email_index=email_index,
        )

    def bulk_delete_contacts(self, group_id: str, file: bytes, *, email_index: int) -> None:
        """Takes people off the group by address."""
        path = f"{GROUPS}bulk/delete/"
        self._upload("bulkDeleteContacts", path, file, remote_id=group_id, email_index=email_index)

    # Messages: the mails of campaigns

    def list_messages(self) -> Iterator[Json]:
        return self.rows("listMessages", MESSAGES)

    def create_message(self, body: Json) -> str:
        return self._create("createMessage", MESSAGES, body)

    def get_message(self, message_id: str) -> Json:
        return self._one("getMessage", MESSAGES, message_id)

    def update_message(self, message_id: str, body: Json) -> None:
        self._change("updateMessage", "PUT", MESSAGES, message_id, body)

    def delete_message(self, message_id: str) -> None:
        self._change("deleteMessage", "DELETE", MESSAGES, message_id)

    # Campaigns and their results

    def list_campaigns(self) -> Iterator[Json]:
        return self.rows("listCampaigns", CAMPAIGNS)

    def get_campaign(self, campaign_id: str) -> Json:
        return self._one("getCampaign", CAMPAIGNS, campaign_id)

    def create_campaign(self, attributes: Json, *, file: bytes | None = None) -> str:
        """Creating is scheduling: from its start on the campaign mails its group. `file`: for a group that is uploaded.

        The documentation's own sample has a comma before `boundary` in the header; a semicolon is right.
        """
        files = {"csv_file": ("contacts.csv", "text/csv", file)} if file is not None else {}
        return self.call(
            "createCampaign",
            ONCE,
            "POST",
            CAMPAIGNS,
            body=multipart({"attributes": json.dumps(attributes, ensure_ascii=False)}, files),
            is_upload=True,
            read=mapping.remote_id,
        )

    def update_campaign_status(self, campaign_id: str, status: str) -> None:
        """`active`, `paused` or `cancelled`. The first sets people in motion."""
        effect = ONCE if status == "active" else CONVERGE
        self._change("updateCampaignStatus", "PUT", CAMPAIGNS, campaign_id, {"status": status}, effect)

    def list_results(
        self, *, start_date: date, end_date: date, campaign_id: str | None = None
    ) -> Iterator[Json]:
        """One row for each recipient. Whether the two days themselves count is not said."""
        query = {"start_date": start_date.isoformat(), "end_date": end_date.isoformat()}
        if campaign_id is not None:
            query["campaign_id"] = self._key(campaign_id, "listResults")
        return self.rows("listResults", RESULTS, query=query)
