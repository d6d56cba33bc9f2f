"""What can be wrong with a question about the context, each with a name and one clear sentence."""


class ContextError(Exception):
    """Base of the errors of context; its message is written for the user."""


class CalendarUnknown(ContextError):
    """Days or a region of which the calendar says nothing."""
