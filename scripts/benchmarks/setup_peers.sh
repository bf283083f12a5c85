#!/usr/bin/env bash
# Make an environment for each peer of benchmark.py in a folder, and print the options for it.
#   scripts/benchmarks/setup_peers.sh FOLDER [PYTHON [NEWER]]
# PYTHON (default python3) is one that Theano supports, 3.8 to 3.11. NEWER, 3.12 or later, gets
# this project on PyTensor; without it, that row is left out.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 3 ]; then
    echo "usage: setup_peers.sh FOLDER [PYTHON [NEWER]]" >&2
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

if [ $# -eq 3 ]; then
    checkout=$(cd "$(dirname "$0")/../.." && pwd)
    python=$3 make dltutorials-pytensor "$checkout"
    echo "--peer dltutorials-pytensor=$folder/dltutorials-pytensor/bin/python"
fi
for peer in theano pytensor torch torch-compiled:torch jax jax-scan:jax sklearn; do
    echo "--peer ${peer%%:*}=$folder/${peer##*:}/bin/python"
done
