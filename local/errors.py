"""What the laptop's part raises when it cannot go on: words for a person, printed without a traceback."""


class LocalError(Exception):
    """The local cloud, or what builds from this checkout, cannot go on. Its text says why, and what to do."""
