"""PCL and SimCLR: trainers, augmentations."""
