"""Requests over kept connections, as many at a time as there are connections."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def p95_ms(self) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * 0.95)] * 1000


def request(method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def press(
    port: int, requests: Iterator[bytes], *, connections: int, seconds: float, expect: int = 200
) -> Load:
    """Send from `requests` for so long; raises RuntimeError for another status than the expected one."""
    return asyncio.run(_press(port, requests, connections, seconds, expect))


async def _press(port: int, requests: Iterator[bytes], connections: int, seconds: float, expect: int) -> Load:
    latencies: list[float] = []
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(_caller(port, requests, until, expect, latencies) for _ in range(connections)))
    return Load(time.perf_counter() - began, latencies)


async def _caller(
    port: int, requests: Iterator[bytes], until: float, expect: int, latencies: list[float]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (sent := time.perf_counter()) < until:
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        status, length = int(head[9:12]), 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        if length:
            await reader.readexactly(length)
        latencies.append(time.perf_counter() - sent)
        if status != expect:
            raise RuntimeError(f"answered {status} instead of {expect}")
        if b"connection: close" in head.lower():
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
