"""C7: the HTTP client and the SDK log no secret, in whatever part of a record, and nobody else's records change."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from storage_router.azure.pipeline import keep_secrets_out_of_logs

SECRET = "c2VjcmV0c2VjcmV0"
ADDRESS = f"https://acme/media/a?sv=1&sig={SECRET}&se=2"


class Records(logging.Handler):
    """Keeps records, and how they look in a file."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.lines.append(self.format(record))


@pytest.fixture
def logger() -> logging.Logger:
    keep_secrets_out_of_logs()
    return logging.getLogger("urllib3.connectionpool")


@pytest.fixture
def kept(logger: logging.Logger) -> Iterator[Records]:
    handler, level = Records(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (f"GET {ADDRESS}", ()),
        ("GET %s", (ADDRESS,)),
        ("Failed to log request: %r", (KeyError(ADDRESS),)),
        ("%(method)s %(url)s 100%%", {"method": "GET", "url": ADDRESS}),
        ("AccountKey=%s", (SECRET,)),
        (f"<UserDelegationKey><Value>{SECRET}</Value></UserDelegationKey> 100%".encode(), ()),
        (ValueError(ADDRESS), ()),
        ("%r of %d", (f"<Value>{SECRET}</Value>".encode(), 1)),
    ],
    ids=repr,
)
def test_a_record_is_logged_without_its_secret(
    logger: logging.Logger, kept: Records, message: Any, arguments: Any
) -> None:
    logger.debug(message, *([arguments] if isinstance(arguments, dict) else arguments))
    (record,) = kept.records
    assert SECRET not in f"{kept.lines} {record.__dict__!r}"
    assert "***" in kept.lines[0]


def test_the_text_of_an_exception_is_logged_without_its_secret(logger: logging.Logger, kept: Records) -> None:
    try:
        raise ValueError(ADDRESS)
    except ValueError:
        logger.debug("It failed", exc_info=True)
    (record,) = kept.records
    assert SECRET not in f"{kept.lines} {record.__dict__!r}"
    assert "Traceback" in kept.lines[0]
    assert kept.lines[0].endswith("ValueError: https://acme/media/a?sv=1&sig=***&se=2")


def test_a_record_without_a_secret_stays_as_it_is(logger: logging.Logger, kept: Records) -> None:
    error = KeyError("x")
    logger.debug("%s to %s", 1, error, exc_info=error)
    logger.debug("%(count)d to %(url)s", {"count": 1, "url": "x"})
    first, second = kept.records
    assert (first.msg, first.args) == ("%s to %s", (1, error))
    assert first.exc_info is not None
    assert first.exc_info[1] is error
    assert second.args == {"count": 1, "url": "x"}


def test_a_logger_is_filtered_once(logger: logging.Logger) -> None:
    before = list(logger.filters)
    keep_secrets_out_of_logs()
    assert logger.filters == before
