"""What can go wrong between data and a served model, each in a sentence for the user."""


class LearningError(Exception):
    """Base of every error of this package."""


class TooLittleData(LearningError):
    """A window holds too few examples, or too short a span, to train or to judge on."""


class ModelMissing(LearningError):
    """A model that was asked for does not exist, or was never registered, or has nothing to go back to."""


class ModelUnreadable(LearningError):
    """A stored model is damaged, or of a kind or with features that this version of the code does not know."""
