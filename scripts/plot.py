#!/usr/bin/env python
"""Plot what a training run saved: its history, its parameters, its snapshots."""

if __name__ == "__main__":
    import launcher

    launcher.run("plot")
