#!/usr/bin/env bash
# Make an environment for each peer of benchmark.py in a folder, and print the options for it.
#   scripts/setup_peers.sh FOLDER [PYTHON]
# PYTHON (default python3) is one that Theano supports, 3.8 to 3.11.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: setup_peers.sh FOLDER [PYTHON]" >&2
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
python=${2:-python3}

make() { # NAME PACKAGE...
    "$python" -m venv "$folder/$1"
    "$folder/$1/bin/python" -m pip install --quiet "${@:2}" >&2
}

make theano theano==1.0.5 numpy==1.23.5 scipy six
make pytensor pytensor
make torch torch==2.13.0 numpy
make jax jax jaxlib
make sklearn scikit-learn

for peer in theano pytensor torch torch-compiled:torch jax jax-scan:jax sklearn; do
    echo "--peer ${peer%%:*}=$folder/${peer##*:}/bin/python"
done
