"""Vélib' bikes: what each station holds, minute by minute."""
