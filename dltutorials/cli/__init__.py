"""What the scripts share: their options, messages and exit status."""
