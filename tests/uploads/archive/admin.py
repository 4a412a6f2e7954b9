from __future__ import annotations

from django.contrib import admin
from django.db.models import FileField

from storage_router.uploads import DirectFileInput

from .models import Document, Folder

DIRECT = {FileField: {"widget": DirectFileInput("documents")}}


class DocumentInline(admin.TabularInline):
    model = Document
    extra = 0
    formfield_overrides = DIRECT


@admin.register(Folder)
class FolderAdmin(admin.ModelAdmin):
    inlines = (DocumentInline,)


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    formfield_overrides = DIRECT
