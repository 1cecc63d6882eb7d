"""What citizens check their keepsakes with, away from us: a page and a script of one file each."""
