"""The guest program: real desktops without a sandbox, and the parts that need none."""
