"""Quality: what may enter a table, what is kept aside, and what is checked afterwards."""
