"""The one exception for a user's mistake: the command line prints it and exits with status 2."""


class UserError(Exception):
    """Something the user can mend: a wrong name, a broken file, missing weights."""

    def _render_traceback_(self) -> list[str]:
        # IPython and papermill ask an exception how to show itself: a sentence is enough.
        return [f"{type(self).__name__}: {self}"]
