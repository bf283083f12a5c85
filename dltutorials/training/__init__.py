"""Training: a task, the loop over its minibatches, and what a training run leaves behind."""
