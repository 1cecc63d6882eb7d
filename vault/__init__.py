"""What is kept: keys, ciphertext, the database and the access log."""
