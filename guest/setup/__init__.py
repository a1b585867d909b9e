"""Makes a machine of a system that has been installed: packages, a user, and what starts the guest."""
