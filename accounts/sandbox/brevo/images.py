"""The image gallery."""

import re

from accounts.sandbox.brevo.wire import Call, created, invalid, refuse
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.outbound import is_loopback

routes: Routes[Call] = Routes()

IMAGE_NAME = re.compile(r"[^/?#]+\.(?:jpe?g|png|bmp|gif)", re.IGNORECASE)
LARGEST_IMAGE = 2 * 1024 * 1024


@routes.route("POST", "/emailCampaigns/images")
def upload_image_to_gallery(call: Call) -> Reply:
    """The image is named by its address. Only one on this machine is really read, and then measured."""
    fields = call.fields()
    fields.require("imageUrl")
    url, name = fields.text("imageUrl") or "", fields.text("name")
    file_name = url.partition("?")[0].rpartition("/")[2]
    if not url.startswith(("http://", "https://")) or not IMAGE_NAME.fullmatch(file_name):
        raise invalid("imageUrl should be an absolute URL of a jpeg, jpg, png, bmp or gif image")
    if is_loopback(url):
        try:
            size = len(call.store.fetch(url))
        except OSError:
            raise invalid("imageUrl could not be read") from None
        if size > LARGEST_IMAGE:
            raise refuse("out_of_range", "Image size should not exceed 2 MB")
    number = call.account.next_id("image")
    return created(
        {"url": f"{call.request.base_url}/brevo/images/{call.account.name}/{number}/{name or file_name}"}
    )
