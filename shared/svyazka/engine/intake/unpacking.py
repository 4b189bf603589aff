"""A body without its compression, never more of it than a limit. The bytes are believed before the header.

Senders name a charset where a compression belongs (`Content-Encoding: UTF-8`), proxies unpack and leave the header on,
`deflate` comes with a zlib wrapper and without one (RFC 9110 8.4.1.2 tells of both).
"""

from __future__ import annotations

import zlib

BODY_LIMIT = 512 * 1024
"""Bytes of a body after decompression."""

GZIP = b"\x1f\x8b"
LAYERS, MEMBERS = 3, 100
"""Compressions one over the other, and gzip members one after the other (RFC 1952 2.2), that are read at most."""

_NOT_READ = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})
"""Compressions by their names in the IANA registry; any other word that isn't gzip or deflate says nothing."""


class UnknownCompression(ValueError):
    """A compression that isn't read here."""


def decompressed(body: bytes, encoding: str | None, limit: int = BODY_LIMIT) -> bytes | None:
    """The body as it was before its compression; None past the limit (a bomb is never unpacked whole).

    Raises UnknownCompression, and ValueError for what begins like a compression and isn't whole.
    """
    stated = [word.strip().lower() for word in encoding.split(",")] if encoding else []
    for word in stated:
        if word in _NOT_READ:
            raise UnknownCompression(f"content-encoding {word!r}: expected gzip, deflate or none")
    plain: bytes | None = body
    for _ in range(LAYERS):
        if plain is None:
            return None
        if plain.startswith(GZIP):
            plain = _members(plain, limit)
        elif "deflate" in stated:
            stated.remove("deflate")
            plain = _inflated(plain, limit)
        else:
            return plain
    return plain


def _members(body: bytes, limit: int) -> bytes | None:
    plain, rest = b"", body
    for _ in range(MEMBERS):
        unpacker = zlib.decompressobj(31)
        part = _part(unpacker, rest, limit - len(plain), "gzip")
        if part is None:
            return None
        plain += part
        rest = unpacker.unused_data.lstrip(b"\0")  # some writers pad to a block
        if not rest:
            return plain
        if not rest.startswith(GZIP):
            break
    raise ValueError("expected a body compressed with gzip and nothing else, something follows it")


def _inflated(body: bytes, limit: int) -> bytes | None:
    """In a zlib wrapper or without one; a body that is neither comes back as it is."""
    if body[:1] and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0:
        unpacker = zlib.decompressobj(15)
        plain = _part(unpacker, body, limit, "deflate")
        if unpacker.unused_data:
            raise ValueError("expected a body compressed with deflate and nothing else, something follows it")
        return plain
    try:
        unpacker = zlib.decompressobj(-15)
        plain = _part(unpacker, body, limit, "deflate")
    except ValueError:
        return body
    return body if unpacker.unused_data else plain


def _part(unpacker: zlib._Decompress, packed: bytes, limit: int, encoding: str) -> bytes | None:
    """What one compression holds; None past the limit."""
    try:
        plain = unpacker.decompress(packed, limit + 1)
    except zlib.error:
        raise ValueError(f"expected a body compressed with {encoding}") from None
    if len(plain) > limit or unpacker.unconsumed_tail:
        return None
    if not unpacker.eof:
        raise ValueError(f"expected a whole body compressed with {encoding}, it breaks off")
    return plain
