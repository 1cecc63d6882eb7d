"""Benchmarks: each prints its figure beside a baseline that ran in the same minute."""
