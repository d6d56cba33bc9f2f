"""What can go wrong in the feeds, each with a name and one clear sentence."""


class FeedError(Exception):
    """Base of every error of the feeds; its message is written for the user and holds no secret."""


class InsecureAddress(FeedError):
    """A request, or a redirect, to an address that is neither https nor on loopback."""


class AnswerTooLarge(FeedError):
    """An answer beyond the cap on bytes."""


class AnswerTooSlow(FeedError):
    """An answer that was still arriving when its time was up."""


class PayloadUnreadable(FeedError):
    """Bytes that are not the payload they should be: not JSON, or of another shape."""
