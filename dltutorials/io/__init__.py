"""Atomic writing of files, and reading of pickles without running them."""
