"""What domains share: local time now, weather and holidays with the domains that ask for them."""
