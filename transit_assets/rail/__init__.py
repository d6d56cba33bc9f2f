"""The rail: RER B between Gare du Nord and Mitry-Claye or the airport, as scheduled, predicted and observed."""
