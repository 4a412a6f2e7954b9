"""Print each file that a model names and the storage refuses or does not find. Changes nothing."""

from django.apps import apps
from django.core.exceptions import SuspiciousFileOperation
from django.db.models import FileField

for model in apps.get_models():
    for field in model._meta.get_fields():
        if not isinstance(field, FileField):
            continue
        names = model._default_manager.exclude(**{field.name: ""}).exclude(**{field.name: None})
        for name in names.values_list(field.name, flat=True).iterator():
            try:
                problem = "" if field.storage.exists(name) else "there is no such file"
            except SuspiciousFileOperation as refused:
                problem = str(refused)
            if problem:
                print(f"{model._meta.label}.{field.name} {name!r}: {problem}")
