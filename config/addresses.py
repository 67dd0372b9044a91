"""One REDIS_URL, in the forms that its users want."""

from urllib.parse import parse_qsl, urlencode, urlsplit


def redis_further(url: str, count: int) -> str:
    """The database `count` after the one that the address names, on the same server."""
    parts = urlsplit(url)
    socket, number = (parts.path, "0") if parts.scheme == "unix" else ("", parts.path.strip("/") or "0")
    query = dict(parse_qsl(parts.query))
    query["db"] = str(int(query.get("db", number)) + count)
    return f"{parts.scheme}://{parts.netloc}{socket}?{urlencode(query)}"


def celery_broker(url: str) -> str:
    """The same database, as Celery writes it."""
    parts = urlsplit(redis_further(url, 0))
    query = dict(parse_qsl(parts.query))
    number = query.pop("db")
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host={number}"
    return f"{parts.scheme}://{parts.netloc}/{number}" + (f"?{urlencode(query)}" if query else "")
