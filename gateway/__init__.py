"""The process that holds every guest's connection. Knows no database; the hub reaches it over its socket only."""

VERSION = "0.1.0"
