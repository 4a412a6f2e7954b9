from __future__ import annotations

from django.db import models


class Folder(models.Model):
    name = models.CharField(max_length=50)


class Document(models.Model):
    folder = models.ForeignKey(Folder, models.CASCADE, null=True, blank=True)
    title = models.CharField(max_length=50)
    file = models.FileField(upload_to="documents/")
