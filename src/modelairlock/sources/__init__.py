"""Places that models come from, one file each. A source names artifacts and opens them; it never looks inside."""
