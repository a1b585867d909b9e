"""`python -m orchestrator_client` is the command `orchestrator`."""

from orchestrator_client.cli import main

main()
