"""Who is who, and the doors to what we know about them."""
