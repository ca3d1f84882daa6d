"""iControl REST: addresses, query arguments, bodies and errors as the device has them."""
