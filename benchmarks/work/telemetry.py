"""What telemetry costs an operation where nobody subscribes."""

from __future__ import annotations

from measuring import Figures, timed

from storage_router import events

MANY = 200_000


class _Backend:
    alias = "media"

    def save(self, name: str) -> str:
        return name


class _Observed(_Backend):
    save = events.observed(_Backend.save)


def unheard(contender: str, endpoint: str) -> Figures:  # noqa: ARG001 - as every work
    """Take what a save through a router takes for its event: two methods that are observed, two looks for the event,
    and bytes that are counted. The two methods alone are subtracted.
    """
    router, backend, plain = _Observed(), _Observed(), _Backend()

    def observed(_: int) -> None:
        router.save("a")
        events.current()
        backend.save("a")
        events.current()
        events.count(10_000)

    def bare(_: int) -> None:
        plain.save("a")
        plain.save("a")

    found, without = timed(observed, MANY, warm=1000), timed(bare, MANY, warm=1000)
    return {**found, "seconds": found["seconds"] - without["seconds"], "cpu": found["cpu"] - without["cpu"]}
