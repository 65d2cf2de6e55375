"""Write the mirror while the dataset is held: whoever else writes it now has the turn."""

from collections.abc import Sequence

from shared.errors import RunEnded
from shared.state import mirror
from shared.state.sink import Writer
from shared.storage import Conflict, Store, Write

# So many writes end well within the seconds that the lease must last for them.
WRITES = 500
SECONDS = 20.0


def remember(store: Store, writer: Writer, writes: Sequence[Write]) -> None:
    """All writes of one partition, piece by piece. Raises RunEnded when another run has written meanwhile."""
    for start in range(0, len(writes), WRITES):
        writer.hold(SECONDS)
        try:
            mirror.write(store, writes[start : start + WRITES])
        except Conflict as error:
            raise RunEnded(f"Another run writes dataset {writer.state.dataset} by now: {error}") from error
