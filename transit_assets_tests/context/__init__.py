"""What domains share."""
