"""The command line: `orchestrator --help`."""

from orchestrator_client.cli.app import main

__all__ = ["main"]
