"""A cloud that is only a file: machines without hardware, for load tests, demos and faults at will."""
