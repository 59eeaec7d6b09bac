"""Numbers that others published, for the table of methods."""

PUBLISHED = {
    "source": (
        "FaceCycle's README (frozen features; LFW and CPLFW by direct similarity, all folds; "
        "300W-LP -> AFLW2000 pose)"
    ),
    "rows": {
        "FaceCycle": {
            "fer2013_linear": 0.4876, "rafdb_linear": 0.7101, "lfw_similarity": 0.7372, "cplfw_similarity": 0.5852,
            "aflw2000_yaw": 11.70, "aflw2000_pitch": 12.76, "aflw2000_roll": 12.94,
        },
        "FAb-Net": {
            "fer2013_linear": 0.4698, "rafdb_linear": 0.6672,
            "aflw2000_yaw": 13.92, "aflw2000_pitch": 13.25, "aflw2000_roll": 14.51,
        },
        "TCAE": {
            "fer2013_linear": 0.4505, "rafdb_linear": 0.6532,
            "aflw2000_yaw": 21.75, "aflw2000_pitch": 14.57, "aflw2000_roll": 14.83,
        },
        "BMVC'20": {
            "fer2013_linear": 0.4761, "rafdb_linear": 0.5886,
            "aflw2000_yaw": 22.06, "aflw2000_pitch": 13.50, "aflw2000_roll": 15.14,
        },
        "LBP": {"lfw_similarity": 0.5690, "cplfw_similarity": 0.5150},
        "HoG": {"lfw_similarity": 0.6273, "cplfw_similarity": 0.5173},
    },
}  # fmt: skip
"""Numbers others published, verified; under other budgets, training data and parts of the sets than ours."""
