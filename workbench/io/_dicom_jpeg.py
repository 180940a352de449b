"""JPEG streams whose scan header is wrong in a known, harmless way, so that strict decoders take them too."""

from __future__ import annotations

_START, _SCAN = b"\xff\xd8\xff", 0xDA
#: Bytes of a scan header of one component, without its marker.
_SHORTEST_SCAN = 8
#: Of a sequential scan: from the first to the last coefficient, no successive approximation.
_WHOLE_SCAN = bytes([0, 63, 0])


def mend_scans(raw: bytes) -> bytes:
    """Return encapsulated pixels with the spectral selection that ITU T.81 table B.3 demands of sequential JPEG.

    Some archives wrote 0 to 0 in place of 0 to 63; tolerant decoders never look at it.
    """
    mended = bytearray(raw)
    start = raw.find(_START)
    while start >= 0:
        place = start + 2
        while place + 4 <= len(raw) and raw[place] == 0xFF:
            length = int.from_bytes(raw[place + 2 : place + 4], "big")
            if raw[place + 1] == _SCAN:
                end = place + 2 + length
                if length >= _SHORTEST_SCAN and end <= len(raw):
                    mended[end - 3 : end] = _WHOLE_SCAN
                break
            place += 2 + length
        start = raw.find(_START, place)
    return bytes(mended)
