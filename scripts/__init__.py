"""The training scripts, as ``dltutorials.scripts`` in an installed package."""
