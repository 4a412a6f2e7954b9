"""Three kinds of files. The fields know nothing of backends: the name decides, in storage_router.toml."""

from django.db import models


class Picture(models.Model):
    """A public picture: no route claims ``pictures/``, so it goes to the default backend."""

    title = models.CharField(max_length=100)
    file = models.ImageField(upload_to="pictures/", width_field="width", height_field="height")
    width = models.PositiveIntegerField(editable=False, default=0)
    height = models.PositiveIntegerField(editable=False, default=0)

    def __str__(self) -> str:
        return self.title


class Document(models.Model):
    """A private document: the route of ``private/`` claims it, and whoever may view its row may read the file."""

    title = models.CharField(max_length=100)
    file = models.FileField(upload_to="private/%Y/", db_index=True)

    def __str__(self) -> str:
        return self.title


class Video(models.Model):
    """A video: it goes elsewhere because of its type, whatever directory it is in."""

    title = models.CharField(max_length=100)
    file = models.FileField(upload_to="videos/")

    def __str__(self) -> str:
        return self.title
