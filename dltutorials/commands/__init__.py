"""The commands: one module each, run by a script of a few lines or by ``dltutorials NAME``."""
