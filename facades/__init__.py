"""In which dialect: other services' APIs over our services, so that their client libraries work here unmodified."""
