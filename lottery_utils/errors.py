"""A user's mistake, which the command line prints to exit with status 2; a replay that fails."""


class UserError(Exception):
    """Something the user can mend: a wrong name, a broken file, missing weights."""

    def _render_traceback_(self) -> list[str]:
        # IPython and papermill ask an exception how to show itself: a sentence is enough.
        return [f"{type(self).__name__}: {self}"]


class ReplayError(ValueError):
    """What an interrupted search or stage is said to have done is not what it would have done."""
