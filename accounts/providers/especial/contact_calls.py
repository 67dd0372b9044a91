"""Operations on lists and their people: attributes, interests, tags, segments, exports, suppressed addresses.

Lists have people, attributes and interests of their own; tags and suppressed addresses belong to the account.
"""

from collections.abc import Sequence

from accounts.providers.especial.calls import CONVERGE, CREATE, ONCE, Calls, Json, an_object, the_id
from accounts.providers.http import segment

# An import of more people is refused.
IMPORT_PEOPLE = 1000
# Whether adding mails the person a question first. Words, not booleans.
NEVER = "false"


class ContactCalls(Calls):
    # Lists

    def list_lists(
        self,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        sort: str | None = None,
    ) -> Json:
        """Filter terms: status, name. Sort terms: name, created_on."""
        return self._many(
            "listLists",
            "/lists",
            page=page,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            sort=sort,
        )

    def create_list(self, body: Json) -> str:
        """Nobody can be mailed on it before its policy is accepted."""
        return self._do("createList", CREATE, "POST", "/lists", body=body, read=the_id)

    def get_list(self, list_id: str) -> Json:
        return self._one("getList", f"/lists/{segment(list_id)}")

    def delete_list(self, list_id: str) -> None:
        """For ever, with its forms, the campaigns sent to it and its automations: prefer `archive_list`."""
        self._do("deleteList", CONVERGE, "DELETE", f"/lists/{segment(list_id)}")

    def patch_list(self, list_id: str, body: Json) -> None:
        self._do("patchList", CONVERGE, "PATCH", f"/lists/{segment(list_id)}", body=body)

    def accept_list_policy(self, list_id: str) -> None:
        self._do("acceptListPolicy", CONVERGE, "POST", f"/lists/{segment(list_id)}/accept-policy")

    def archive_list(self, list_id: str) -> None:
        self._do("archiveList", CONVERGE, "POST", f"/lists/{segment(list_id)}/archive")

    def unarchive_list(self, list_id: str) -> None:
        self._do("unarchiveList", CONVERGE, "POST", f"/lists/{segment(list_id)}/unarchive")

    # People

    def list_contacts_of_list(
        self,
        list_id: str,
        *,
        page: int | None = None,
        cursor: str | None = None,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        sort: str | None = None,
        query: str | None = None,
        fiql: str | None = None,
        json: str | None = None,
    ) -> Json:
        """`page` or `cursor`, not both; one of `query`, `fiql` and `json`. Filter terms: status, email, tags, interests.

        Filters were switched off over there once: whoever acts on rows must look whether they match.
        """
        return self._many(
            "listContactsOfList",
            f"/lists/{segment(list_id)}/contacts",
            page=page,
            cursor=cursor,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            sort=sort,
            query=query,
            fiql=fiql,
            json=json,
        )

    def list_contacts_of_segment(
        self,
        list_id: str,
        segment_id: str,
        *,
        page: int | None = None,
        cursor: str | None = None,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        sort: str | None = None,
    ) -> Json:
        return self._many(
            "listContactsOfSegment",
            f"/lists/{segment(list_id)}/segments/{segment(segment_id)}/contacts",
            page=page,
            cursor=cursor,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            sort=sort,
        )

    def create_contact(self, list_id: str, body: Json, *, send_double_opt_in: str = NEVER) -> str:
        """Add a person, or find them there. Never revives one who left: `resubscribe` is true unless it is sent."""
        return self._do(
            "createContact",
            CONVERGE if send_double_opt_in == NEVER else ONCE,
            "POST",
            f"/lists/{segment(list_id)}/contacts",
            query={"resubscribe": False, "send_double_opt_in": send_double_opt_in},
            body=body,
            read=the_id,
        )

    def import_contacts(self, list_id: str, contacts: Sequence[Json]) -> Json:
        """Up to IMPORT_PEOPLE at once; the answer names in `id` those that are on the list now.

        `import_to` stays unsent: its default adds people as active and is said to leave alone who left.
        """
        return self._do(
            "importContacts",
            CONVERGE,
            "POST",
            f"/lists/{segment(list_id)}/import-contacts",
            query={"send_double_opt_in": NEVER},
            body={"contacts": list(contacts)},
            is_upload=True,
        )

    def get_contact(self, list_id: str, contact_id: str) -> Json:
        return self._one("getContact", f"/lists/{segment(list_id)}/contacts/{segment(contact_id)}")

    def patch_contact(self, list_id: str, contact_id: str, body: Json) -> Json:
        """Cannot change the status. Tags and interests that are sent are believed to replace those there."""
        path = f"/lists/{segment(list_id)}/contacts/{segment(contact_id)}"
        return self._do("patchContact", CONVERGE, "PATCH", path, body=body)

    def delete_contact(self, list_id: str, contact_id: str) -> None:
        """With their history; unsubscribing keeps it."""
        path = f"/lists/{segment(list_id)}/contacts/{segment(contact_id)}"
        self._do("deleteContact", CONVERGE, "DELETE", path)

    def unsubscribe_contact(self, list_id: str, contact_id: str) -> None:
        path = f"/lists/{segment(list_id)}/contacts/{segment(contact_id)}/unsubscribe"
        self._do("unsubscribeContact", CONVERGE, "POST", path)

    def tag_contact(self, list_id: str, contact_id: str, tags: Sequence[str]) -> None:
        """Deprecated for `tag_multiple_contacts`."""
        path = f"/lists/{segment(list_id)}/contacts/{segment(contact_id)}/tag"
        self._do("tagContact", CONVERGE, "POST", path, body={"tags": list(tags)})

    def untag_contact(self, list_id: str, contact_id: str, tags: Sequence[str]) -> None:
        path = f"/lists/{segment(list_id)}/contacts/{segment(contact_id)}/untag"
        self._do("untagContact", CONVERGE, "POST", path, body={"tags": list(tags)})

    def tag_multiple_contacts(self, list_id: str, body: Json) -> None:
        """`tags` and either up to 1024 `contact_ids` or one selection."""
        self._do(
            "tagMultipleContacts", CONVERGE, "POST", f"/lists/{segment(list_id)}/contacts/tag", body=body
        )

    def untag_multiple_contacts(self, list_id: str, body: Json) -> None:
        path = f"/lists/{segment(list_id)}/contacts/untag"
        self._do("untagMultipleContacts", CONVERGE, "POST", path, body=body)

    def add_interests_to_contacts(self, list_id: str, body: Json) -> None:
        """Up to 16 `interests` and 1024 `contact_ids`."""
        path = f"/lists/{segment(list_id)}/contacts/add-interests"
        self._do("addInterestsToContacts", CONVERGE, "POST", path, body=body)

    def remove_interests_from_contacts(self, list_id: str, body: Json) -> None:
        path = f"/lists/{segment(list_id)}/contacts/remove-interests"
        self._do("removeInterestsFromContacts", CONVERGE, "POST", path, body=body)

    # Attributes, interests, tags: each is known by its name, so making it once more makes no second

    def list_custom_attributes(
        self, list_id: str, *, page: int = 1, per_page: int | None = None, with_count: bool | None = None
    ) -> Json:
        return self._many(
            "listCustomAttributes",
            f"/lists/{segment(list_id)}/custom-attributes",
            page=page,
            per_page=per_page,
            with_count=with_count,
        )

    def create_custom_attribute(self, list_id: str, name: str, kind: str) -> None:
        path = f"/lists/{segment(list_id)}/custom-attributes"
        self._do("createCustomAttribute", CONVERGE, "POST", path, body={"name": name, "type": kind})

    def get_custom_attribute(self, list_id: str, name: str) -> Json:
        return self._one("getCustomAttribute", f"/lists/{segment(list_id)}/custom-attributes/{segment(name)}")

    def delete_custom_attribute(self, list_id: str, name: str) -> None:
        """With its values. There is no renaming."""
        path = f"/lists/{segment(list_id)}/custom-attributes/{segment(name)}"
        self._do("deleteCustomAttribute", CONVERGE, "DELETE", path)

    def list_interests(
        self, list_id: str, *, page: int = 1, per_page: int | None = None, with_count: bool | None = None
    ) -> Json:
        path = f"/lists/{segment(list_id)}/interests"
        return self._many("listInterests", path, page=page, per_page=per_page, with_count=with_count)

    def create_interest(self, list_id: str, body: Json) -> None:
        self._do("createInterest", CONVERGE, "POST", f"/lists/{segment(list_id)}/interests", body=body)

    def get_interest(self, list_id: str, name: str) -> Json:
        return self._one("getInterest", f"/lists/{segment(list_id)}/interests/{segment(name)}")

    def delete_interest(self, list_id: str, name: str) -> None:
        path = f"/lists/{segment(list_id)}/interests/{segment(name)}"
        self._do("deleteInterest", CONVERGE, "DELETE", path)

    def patch_interest(self, list_id: str, name: str, body: Json) -> None:
        path = f"/lists/{segment(list_id)}/interests/{segment(name)}"
        self._do("patchInterest", CONVERGE, "PATCH", path, body=body)

    def list_tags(
        self, *, page: int = 1, per_page: int | None = None, with_count: bool | None = None
    ) -> Json:
        return self._many("listTags", "/tags", page=page, per_page=per_page, with_count=with_count)

    def create_tag(self, tag: str) -> None:
        self._do("createTag", CONVERGE, "POST", "/tags", body={"tag": tag})

    def show_tag(self, tag: str) -> Json:
        return self._one("showTag", f"/tags/{segment(tag)}")

    def delete_tag(self, tag: str) -> None:
        self._do("deleteTag", CONVERGE, "DELETE", f"/tags/{segment(tag)}")

    def patch_tag(self, tag: str, new: str) -> None:
        """Renames it wherever it stands."""
        self._do("patchTag", CONVERGE, "PATCH", f"/tags/{segment(tag)}", body={"tag": new})

    # Segments

    def list_segments(
        self,
        list_id: str,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        sort: str | None = None,
    ) -> Json:
        path = f"/lists/{segment(list_id)}/segments"
        return self._many(
            "listSegments", path, page=page, per_page=per_page, with_count=with_count, sort=sort
        )

    def create_segment(self, list_id: str, body: Json) -> str:
        """`name` and exactly one of `query`, `fiql` and `json`."""
        path = f"/lists/{segment(list_id)}/segments"
        return self._do("createSegment", CREATE, "POST", path, body=body, read=the_id)

    def get_segment(self, list_id: str, segment_id: str) -> Json:
        return self._one("getSegment", f"/lists/{segment(list_id)}/segments/{segment(segment_id)}")

    def delete_segment(self, list_id: str, segment_id: str) -> None:
        path = f"/lists/{segment(list_id)}/segments/{segment(segment_id)}"
        self._do("deleteSegment", CONVERGE, "DELETE", path)

    def patch_segment(self, list_id: str, segment_id: str, body: Json) -> None:
        path = f"/lists/{segment(list_id)}/segments/{segment(segment_id)}"
        self._do("patchSegment", CONVERGE, "PATCH", path, body=body)

    # Exports: prepared over there, then offered at an address of their own for five days

    def list_contacts_exports(
        self,
        list_id: str,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
        sort: str | None = None,
    ) -> Json:
        return self._many(
            "listContactsExports",
            f"/lists/{segment(list_id)}/exports",
            page=page,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
            sort=sort,
        )

    def export_contacts(
        self,
        list_id: str,
        *,
        description: str | None = None,
        filter: str | None = None,
        segment_id: str | None = None,
    ) -> str:
        """What to export stands in the query; there is no body. A second export of the same people does no harm."""
        return self._do(
            "exportContacts",
            CONVERGE,
            "POST",
            f"/lists/{segment(list_id)}/exports",
            query={"description": description, "filter": filter, "segment_id": segment_id},
            read=the_id,
        )

    def get_contacts_export(self, list_id: str, export_id: str) -> Json:
        return self._one("getContactsExport", f"/lists/{segment(list_id)}/exports/{segment(export_id)}")

    def delete_contacts_export(self, list_id: str, export_id: str) -> None:
        path = f"/lists/{segment(list_id)}/exports/{segment(export_id)}"
        self._do("deleteContactsExport", CONVERGE, "DELETE", path)

    def download_contacts_export(self, list_id: str, export_id: str) -> Json:
        """The file's address, not the file."""
        path = f"/lists/{segment(list_id)}/exports/{segment(export_id)}/download"
        return self._one("downloadContactsExport", path)

    # Suppressed addresses of the account

    def list_suppressed_emails(
        self,
        *,
        page: int = 1,
        per_page: int | None = None,
        with_count: bool | None = None,
        filter: str | None = None,
    ) -> Json:
        """Filter term: email. Entries are addresses or patterns: `*@example.com`, `name@*`."""
        return self._many(
            "listSuppressedEmails",
            "/suppressed-emails",
            page=page,
            per_page=per_page,
            with_count=with_count,
            filter=filter,
        )

    def create_suppressed_email(self, email: str) -> None:
        path = "/suppressed-emails"
        self._do("createSuppressedEmail", CONVERGE, "POST", path, body={"email": email}, read=an_object)

    def delete_suppressed_email(self, email: str) -> None:
        """Lifts a block: no verb of ours calls this."""
        self._do("deleteSuppressedEmail", CONVERGE, "DELETE", f"/suppressed-emails/{segment(email)}")
