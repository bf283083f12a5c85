"""Files that are written whole or not at all, and pickles that are read without running them."""
