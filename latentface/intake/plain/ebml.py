"""A Matroska or WebM file without metadata: elements beside its pictures and sound become void (RFC 9559)."""

from __future__ import annotations

from latentface.intake.plain.steps import steps

SEGMENT, INFO, TRACKS, CLUSTER, VOID = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0xEC
GONE_INTO = {SEGMENT, INFO, TRACKS, 0xAE}
"""Elements whose children are looked at: the last is a track."""
EMPTIED = {
    0x1254C367, 0x1941A469, 0x1043A770, VOID,  # tags, attachments, chapters
    0x4461, 0x7BA9, 0x7384, 0x3C83AB, 0x3E83BB, 0x536E, 0x73A4,  # date, title, names of files and tracks, identity
}  # fmt: skip
"""Elements that become void."""


def plain_matroska(data: bytes) -> bytes:
    """Void tags, attachments, chapters, date and names; everything stays where it is."""
    made, at, count = bytearray(data), 0, steps()
    while at < len(data):
        next(count)
        kind, after = _number(data, at, keep=True)
        size, start = _number(data, after, keep=False)
        is_open = size == (1 << 7 * (start - after)) - 1  # a recording that did not know how long it would be
        if kind in GONE_INTO or (kind == CLUSTER and is_open):
            at = start
            continue
        if is_open:
            raise ValueError("this element has no end")
        end = min(start + size, len(data))
        if kind in EMPTIED:
            length = end - at
            head = (
                b"\xec" + ((length - 9) | 1 << 56).to_bytes(8, "big")
                if length >= 9
                else bytes([VOID, 0x80 | length - 2])
            )
            made[at:end] = head + bytes(length - len(head))
        at = end
    return bytes(made)


def _number(data: bytes, at: int, keep: bool) -> tuple[int, int]:
    """Read a number of variable length, its leading bits kept or not, and tell where it ends."""
    length = 9 - data[at].bit_length()
    if length > 8:
        raise ValueError("this is no number")
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep else value & ((1 << 7 * length) - 1), at + length
