"""What notebooks would do: contestants that are no part of transit."""
