"""Processes that are killed at a chosen point: what they had stored or called by then has happened, nothing else."""

from typing import Any


class Killed(BaseException):
    """The process was killed here. No `except Exception` of the product may catch it."""


class Life:
    """Counts a process's effects on the outside, and ends it before the one numbered `ends_at`.

    Dying after an effect is dying before the next one: nothing but effects outlives a process.
    """

    def __init__(self, ends_at: int | None = None) -> None:
        self.effects = 0
        self.ended = False
        self._ends_at = ends_at

    def check(self, *, effect: bool) -> None:
        if effect and not self.ended:
            self.ended = self.effects == self._ends_at
            self.effects += 1
        if self.ended:
            raise Killed


class Mortal:
    """A store or client of a process that may be killed: its methods count as effects unless they only read."""

    READS = frozenset(
        {"get_blob", "list_blobs", "get_entity", "query_entities", "queue_length", "list_tables"}
    )
    READS |= {"read", "require", "webhook_keys", "token_set", "find_token_set", "earlier_token_sets"}

    def __init__(self, target: object, life: Life) -> None:
        self._target = target
        self._life = life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        def call(*args: Any, **options: Any) -> Any:
            self._life.check(effect=name not in self.READS)
            return method(*args, **options)

        return call
