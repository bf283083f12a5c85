"""Theano 1.0.5 or PyTensor, made to import and run fast on a machine of today."""
