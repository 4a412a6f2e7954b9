"""Pictures, a document and a video, drawn and written by code."""

import io
import struct
from collections.abc import Iterable

from PIL import Image, ImageDraw

SIZE = (640, 360)


def landscape(ground: str, sky: str, sun: float = 0.9) -> Image.Image:
    """Draw hills below a sky; ``sun`` is how far it has risen, 0 to 1."""
    width, height = SIZE
    image = Image.new("RGB", SIZE, sky)
    draw = ImageDraw.Draw(image)
    top = height - sun * height * 0.8
    draw.ellipse((width * 0.65, top, width * 0.65 + 70, top + 70), fill="#fff3c4")
    ridge = [(0, 240), (180, 150), (330, 260), (470, 190), (width, 270)]
    draw.polygon([(0, height), *ridge, (width, height)], fill=ground)
    return image


def png(image: Image.Image) -> bytes:
    """Return ``image`` as a PNG file."""
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def pdf(lines: Iterable[str]) -> bytes:
    """Return a PDF file of one page with ``lines`` (ASCII, without brackets and backslashes) on it."""
    text = "".join(f"({line}) Tj 0 -28 Td " for line in lines)
    content = f"BT /F1 20 Tf 72 740 Td {text}ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Font << /F1 5 0 R >> >>",
    ]
    file = "%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    count = len(objects) + 1
    trailer = f"trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{len(file)}\n%%EOF\n"
    return f"{file}xref\n0 {count}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


def vp8(image: Image.Image) -> bytes:
    """Return ``image`` as one VP8 frame: a simple lossy WebP file wraps nothing else (RFC 9649, section 2.5)."""
    target = io.BytesIO()
    image.save(target, "WEBP", quality=60)
    riff = target.getvalue()
    assert riff[12:16] == b"VP8 "
    (length,) = struct.unpack("<I", riff[16:20])
    return riff[20 : 20 + length]


def webm(frames: list[bytes], frame_milliseconds: int = 80) -> bytes:
    """Return VP8 key frames as a WebM file. The ids of the elements are in RFC 8794 (EBML) and RFC 9559 (Matroska)."""
    header = [
        element("4286", 1),  # EBMLVersion
        element("42f7", 1),  # EBMLReadVersion
        element("42f2", 4),  # EBMLMaxIDLength
        element("42f3", 8),  # EBMLMaxSizeLength
        element("4282", b"webm"),  # DocType
        element("4287", 2),  # DocTypeVersion
        element("4285", 2),  # DocTypeReadVersion
    ]
    info = [
        element("2ad7b1", 1_000_000),  # TimestampScale: milliseconds
        element("4489", struct.pack(">d", len(frames) * frame_milliseconds)),  # Duration
        element("4d80", b"storage_router example"),  # MuxingApp
        element("5741", b"storage_router example"),  # WritingApp
    ]
    video = [element("b0", SIZE[0]), element("ba", SIZE[1])]  # PixelWidth, PixelHeight
    track = [
        element("d7", 1),  # TrackNumber
        element("73c5", 1),  # TrackUID
        element("83", 1),  # TrackType: video
        element("86", b"V_VP8"),  # CodecID
        element("e0", b"".join(video)),  # Video
    ]
    blocks = [
        element("a3", b"\x81" + struct.pack(">hB", number * frame_milliseconds, 0x80) + frame)  # SimpleBlock, key frame
        for number, frame in enumerate(frames)
    ]
    segment = [
        element("1549a966", b"".join(info)),  # Info
        element("1654ae6b", element("ae", b"".join(track))),  # Tracks, TrackEntry
        element("1f43b675", element("e7", 0) + b"".join(blocks)),  # Cluster, Timestamp
    ]
    return element("1a45dfa3", b"".join(header)) + element("18538067", b"".join(segment))


def element(identifier: str, value: bytes | int) -> bytes:
    """Return one EBML element: its id, its size in eight bytes, its value."""
    data = value if isinstance(value, bytes) else value.to_bytes(4, "big")
    return bytes.fromhex(identifier) + (len(data) | 1 << 56).to_bytes(8, "big") + data
