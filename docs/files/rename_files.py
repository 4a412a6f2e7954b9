"""Repair the names of files that django-storages corrected at each request, in the database and in the container."""

import os
import posixpath
import re
import time

from azure.storage.blob import BlobServiceClient
from django.apps import apps
from django.core.exceptions import SuspiciousFileOperation
from django.db.models import FileField

from storage_router import AzureStorage

# Or credential=DefaultAzureCredential(), of azure-identity.
service = BlobServiceClient("https://acmefiles.blob.core.windows.net", credential=os.environ["ACCOUNT_KEY"])


def normal(name):
    return posixpath.normpath("/" + name.replace("\\", "/").lstrip("/"))


def blob_of_before(storage, name):
    """Where django-storages put the file."""
    return (storage.location.rstrip("/") + normal(name)).strip("./")


def legal(name):
    """The name that is nearest to this one, and may be stored."""
    without = re.sub(r"[\x00-\x1f\x7f-\x9f]|(?<=^[A-Za-z]):", "", name)
    return "/".join(part.rstrip(".") or "_" for part in normal(without).strip("/").split("/"))


def copy(source, target):
    target.start_copy_from_url(source.url)
    while (status := target.get_blob_properties().copy.status) == "pending":
        time.sleep(1)
    if status != "success":
        raise RuntimeError(f"{source.blob_name!r} was not copied: {status}")


for model in apps.get_models():
    for field in model._meta.get_fields():
        if not isinstance(field, FileField) or not isinstance(field.storage, AzureStorage):
            continue
        container = service.get_container_client(field.storage.azure_container)
        rows = model._default_manager.exclude(**{field.name: ""}).exclude(**{field.name: None})
        for key, name in list(rows.values_list("pk", field.name)):
            try:
                if field.storage.exists(name):
                    continue
                new = name
            except SuspiciousFileOperation:
                new = legal(name)
            source = container.get_blob_client(blob_of_before(field.storage, name))
            if not source.exists():
                print(f"{model._meta.label}.{field.name} {name!r}: there is no such file")
                continue
            if field.storage.blob_name(new) != source.blob_name:
                new = field.storage.get_available_name(new, max_length=field.max_length)
                copy(source, container.get_blob_client(field.storage.blob_name(new)))
            if new != name:
                # Only if the row still names this file.
                model._default_manager.filter(pk=key, **{field.name: name}).update(**{field.name: new})
            print(f"{model._meta.label}.{field.name} {name!r}: now {new!r}, of the blob {source.blob_name!r}")
