"""The models of the chapters: expressions and parameters only, one module a chapter."""
