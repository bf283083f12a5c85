"""Installation: what the package needs, and why."""

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup

if not (3, 10) <= sys.version_info[:2] <= (3, 14):
    # Older versions of pip would look at python_requires only after building dependencies.
    sys.exit(
        "dltutorials needs Python 3.10 to 3.14, this is {}.{}: its engine is Theano 1.0.5 up to "
        "3.11 and PyTensor from 3.12 on; make a virtual environment with one of these".format(
            *sys.version_info
        )
    )


def long_description() -> str:
    """Return README.md for a package index, on which relative pictures and links lead nowhere."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"^!\[[^]]*\]\((?!https?:)[^)]*\)\n+", "", text, flags=re.MULTILINE)
    return re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", text)


HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "dltutorials/_version.py").read_text())
THEANO, PYTENSOR = "python_version < '3.12'", "python_version >= '3.12'"
JAX = f"jax>=0.6; {PYTENSOR}"

PLOT = [
    "matplotlib>=3.6",  # pictures from saved files; 3.6 can fix a layout
    # Animations, and photos to predict; older ones have known holes.
    "pillow>=10.3",
]

DOCS = [
    "sphinx>=7",  # HTML of the chapters
    "myst-parser>=3",  # reads Markdown with formulas between dollars
    "furo>=2024.8",  # pages that read well, on a telephone too, and load nothing from elsewhere
    "latex2mathml>=3.77",  # formulas as browsers display them by themselves, without a script
    "jupytext>=1.16",  # the chapters as notebooks
]

setup(
    name="dltutorials",
    version=VERSION.group(1),
    description="The classic Theano deep learning tutorials as a tested library",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    author="the dltutorials developers",
    license_expression="BSD-3-Clause",
    license_files=["LICENSE", "data/README.md"],  # the data have their own
    keywords=[
        *("deep learning", "tutorial", "neural networks", "MNIST", "Theano", "PyTensor"),
        *("logistic regression", "multilayer perceptron", "early stopping", "reproducibility"),
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Framework :: Jupyter",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Natural Language :: Chinese (Simplified)",
        "Natural Language :: English",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)),
        "Topic :: Education",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    project_urls={
        "What it reproduces": "https://github.com/lisa-lab/DeepLearningTutorials",
    },
    # 3.9 and older have reached their end of life; PyTensor ends at 3.14.
    python_requires=">=3.10,<3.15",
    packages=[
        *find_packages(include=["dltutorials", "dltutorials.*"]),
        "dltutorials.data",
        "dltutorials.scripts",
    ],
    # MNIST and the scripts travel inside an installed package: nothing is fetched at run time.
    package_dir={"dltutorials.data": "data", "dltutorials.scripts": "scripts"},
    package_data={
        "dltutorials": ["py.typed", "backend/*.h"],
        "dltutorials.data": ["*.gz", "README.md"],
    },
    entry_points={"console_scripts": ["dltutorials = dltutorials.__main__:main"]},
    install_requires=[
        f"theano==1.0.5; {THEANO}",  # the engine; its last release, which does not build on 3.12
        f"numpy>=1.21,<1.24; {THEANO}",  # 1.24 removed np.bool and others, which Theano uses
        f"six>=1.12; {THEANO}",  # Theano's code imports it
        f"scipy>=1.7; {THEANO}",  # Theano's code imports it
        # The engine where Theano cannot be installed; brings Numba, its default from 3.0 on.
        f"pytensor>=3.0,<3.4; {PYTENSOR}",
        f"numpy>=2.0; {PYTENSOR}",  # PyTensor needs 2
        f"scipy>=1.13; {PYTENSOR}",  # the first for NumPy 2; Numba calls its BLAS
        "pooch>=1.6",  # downloads: HTTP, digests, progress
        "tqdm>=4.60",  # the progress bar of a download
        # Processes for many runs: without dependencies of its own, so no extra for it; 1.4 gives
        # back each result when it is there.
        "joblib>=1.4",
        # One program at a time writes a file; 4 keeps what a lock's file says of its owner.
        "filelock>=4",
        "scipy-openblas32>=0.3.23",  # a current BLAS for Theano to link
        # Which BLAS is loaded, its kernel and threads: they decide the last bits. 3.5 knows the
        # files of scipy-openblas32.
        "threadpoolctl>=3.5",
    ],
    extras_require={
        "plot": PLOT,
        "cluster": ["dask>=2023.5", "distributed>=2023.5"],  # many runs on many machines
        # On Python 3.12 and later, functions that JAX compiles: linker=jax, and on a GPU,
        # device=cuda. CUDA 12 runs with more drivers than CUDA 13. 0.6 knows Python 3.13.
        "jax": [JAX],
        "cuda": [f"jax[cuda12]>=0.6; {PYTENSOR}"],
        "docs": DOCS,
        "test": [
            JAX,  # computes on the processor as it does on a GPU
            *DOCS,
            "nbclient>=0.10",  # runs the programs of the chapters, as notebooks
            "ipykernel>=6.29",  # in which they run
            "dask>=2023.5",  # tries the cluster on one machine
            "distributed>=2023.5",
            "coverage>=7.4",  # how much of the package the tests run
            "pytest>=7",  # runs the tests and the examples in docstrings
            "hypothesis>=6",  # property tests of the early-stopping rule and the readers
            *PLOT,
        ],
        # Exact: they change. The last one checks that imports go one way.
        "lint": ["ruff==0.17.6", "mypy==2.4.1", "import-linter==2.17"],
    },
)
