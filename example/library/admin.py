from django.contrib import admin

from .models import Document, Picture, Video


@admin.register(Picture, Document, Video)
class FileAdmin(admin.ModelAdmin):
    list_display = ["title", "file"]
    search_fields = ["title", "file"]
