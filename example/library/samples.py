"""Sample files, stored as a user's would be: through the models."""

from django.core.files.base import ContentFile
from django.utils.text import slugify

from .drawing import landscape, pdf, png, vp8, webm
from .models import Document, Picture, Video

PALETTES = {
    "Harbour at dawn": ("#23395b", "#f4a261"),
    "Pines in the snow": ("#2f4b3c", "#e8eef1"),
    "Dunes at noon": ("#b5651d", "#8ecae6"),
}


def store() -> None:
    """Store pictures, documents and videos, a few of each."""
    for title, (ground, sky) in PALETTES.items():
        name = f"{slugify(title)}.png"
        Picture.objects.create(title=title, file=ContentFile(png(landscape(ground, sky)), name))
    for title in ("Contract", "Invoice"):
        lines = [title, "This file is in a private container.", "Its link asks who may read it."]
        Document.objects.create(title=title, file=ContentFile(pdf(lines), f"{slugify(title)}.pdf"))
    frames = [vp8(landscape("#23395b", "#f4a261", sun=step / 24)) for step in range(24)]
    Video.objects.create(title="Sunrise", file=ContentFile(webm(frames), "sunrise.webm"))
