"""The program inside a machine: it raises the desktop, dials the gateway, and does there what it is asked."""
