"""Rows that name private files: judged by permission, or by themselves."""

from __future__ import annotations

from django.db import models


class Document(models.Model):
    """Whoever may view documents may read the file."""

    file = models.FileField(db_index=True)
    # As columns are in databases whose default collation ignores case.
    nocase = models.CharField(max_length=200, db_collation="NOCASE", default="")


class Letter(models.Model):
    """Its owner may read the file."""

    file = models.FileField()
    owner = models.CharField(max_length=20)

    def may_read(self, user):
        answers = {"none": None, "yes": "yes"}
        return answers.get(self.owner, user.name == self.owner)


class AsyncLetter(models.Model):
    file = models.FileField()
    owner = models.CharField(max_length=20)

    async def may_read(self, user):
        return user.name == self.owner
