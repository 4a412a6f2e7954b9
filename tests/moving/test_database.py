"""M4: names of a database as a stream in the order of code points, as listings are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage_router.moving.models import Move

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
import json, os, resource, tracemalloc
import django
from django.conf import settings
settings.configure(DATABASES={"default": json.loads(os.environ["DATABASE"])}, INSTALLED_APPS=[])
django.setup()
from django.db import connection, models
from storage_router.moving.database import Column, merged
from storage_router.moving.models import Move

class Document(models.Model):
    file = models.FileField()
    class Meta:
        app_label = "docs"

with connection.schema_editor() as editor:
    editor.create_model(Document)
names = ["b", "a", "B", "ä", "a/b", "a.b", "z" * 90, "\\uff5e", "\\U0001f600", "", "a"]
Document.objects.bulk_create(Document(file=name) for name in names)
column = Column(model=Document, field="file")
found = [name for name, _ in merged([column])]
count = int(os.environ["COUNT"])
Document.objects.all().delete()
for start in range(0, count, 10_000):
    Document.objects.bulk_create(Document(file=f"{(n * 7919) % count:09}") for n in range(start, start + 10_000))
# What the driver holds, too: the process as a whole.
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
many = sum(1 for _ in merged([column]))
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
tracemalloc.start()
assert many == sum(1 for _ in merged([column]))
print(json.dumps([found, many, max(grown, tracemalloc.get_traced_memory()[1])]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.large)])
def test_names_come_in_the_order_of_code_points_and_in_constant_memory(postgres, count):
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"DATABASE": json.dumps(postgres), "COUNT": str(count), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    names, many, peak = json.loads(ran.stdout)
    assert names == sorted(set(names))
    assert len(names) == 9
    assert (many, peak < 16 * 2**20) == (count, True)


def test_the_names_of_a_move_fit_into_an_index_of_mysql():
    """It takes 3,072 bytes, four for each character; migrate ended with an error there."""
    for constraint in Move._meta.constraints:
        fields = [Move._meta.get_field(name) for name in constraint.fields]
        assert sum(4 * field.max_length for field in fields) <= 3072
