"""How fast the course is, beside what readers would use instead: `make bench`."""
