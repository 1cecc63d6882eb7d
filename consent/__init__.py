"""What people agreed to, in which words, and what they oppose."""
