"""Packages of the distribution; the rest stands in pyproject.toml.

`assets/` lies beside the packages in a checkout and is installed inside latentface: pyproject.toml could say so only
with a list of all packages.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["app", "app.*", "latentface", "latentface.*", "train", "train.*"]),
        "latentface.assets",
    ],
    package_dir={"latentface.assets": "assets"},
)
