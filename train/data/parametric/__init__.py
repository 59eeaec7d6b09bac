"""Parametric people with exact truth, from MakeHuman's mesh and shapes (CC0)."""

from train.data.parametric.frame import Frame, pose_matrix, render
from train.data.parametric.people import ABOUT, Clip, people_shards, photo
from train.data.parametric.person import Person, build

__all__ = ["ABOUT", "Clip", "Frame", "Person", "build", "people_shards", "photo", "pose_matrix", "render"]
