"""`python -m benchmarks.sink PORT [SECONDS]`: answers every POST as sms.ru answers a message taken, after so many
seconds, and counts them when they come.

`GET /` tells how many there were, `GET /seen` how many to each number.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from urllib.parse import parse_qs

seen: Counter[str] = Counter()
takes = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in lower else 0
            body = await reader.readexactly(length)
            if head.startswith(b"GET /seen"):
                answer = json.dumps(seen).encode()
            elif head.startswith(b"GET"):
                answer = str(seen.total()).encode()
            else:
                number = parse_qs(body.decode()).get("to", [""])[0].strip(" +")
                seen[number] += 1
                taken = {"status": "OK", "status_code": 100, "sms_id": f"202626-{number}-{seen[number]}"}
                answer = json.dumps(
                    {"status": "OK", "status_code": 100, "sms": {number: taken}, "balance": 1000}
                ).encode()
                if takes:
                    await asyncio.sleep(takes)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
                + answer
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int) -> None:
    """Until killed."""
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
