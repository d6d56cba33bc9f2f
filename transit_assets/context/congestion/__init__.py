"""The congestion that domains share: how much longer a trip takes than on free roads, from files that people hold."""
