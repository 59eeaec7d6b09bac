"""What result files hold, in words: labels of the suites' keys, for checkpoints' cards and the page of results.

The keys are those that the suites write (see `train.evaluation.suites`).
"""

LONDON = {
    "reconstruction_l1": ("reconstruction, L1 of [0, 1]", ".4f"),
    "reconstruction_psnr": ("reconstruction, PSNR in dB", ".1f"),
    "identity_cosine": ("identity cosine (dlib), photo and reconstruction", ".3f"),
    "identity_cosine_other_people": ("... with other people's photos", ".3f"),
    "identity_distance": ("identity distance (dlib takes less than 0.6 for one person)", ".3f"),
    "identity_top1": ("right person nearest among 51", ".0%"),
    "smile_judge_on_photos": ("smile or neutral read off photos", ".0%"),
    "smile_judge_on_reconstructions": ("... off reconstructions", ".0%"),
    "within_expression_recognised": ("... off swaps within a person", ".0%"),
    "across_expression_recognised": ("... off swaps across people (chance 50 %)", ".0%"),
    "smile_told_on_photos": ("of two photos of a person, the smiling one found to smile more", ".0%"),
    "smile_told_on_reconstructions": ("... of their reconstructions", ".0%"),
    "within_smile_told": ("... of two swaps within a person, the one that was to smile", ".0%"),
    "across_smile_told": ("... of two swaps across people (chance 50 %)", ".0%"),
    "within_smile_moved": ("share of the smile that a swap within a person carries over", ".2f"),
    "across_smile_moved": ("... across people", ".2f"),
    "across_nearer_a": ("swap nearer to A than to B in identity", ".0%"),
    "strong_expression_recognised": (
        "expression put on 1.5 times across people: smile or neutral read off swaps",
        ".0%",
    ),
    "strong_smile_told": ("... of two such swaps, the one that was to smile found to smile more", ".0%"),
    "strong_smile_moved": ("... share of the smile carried over", ".2f"),
    "strong_nearer_a": ("... swap nearer to A", ".0%"),
}
DETAIL = {
    "energy_skin": ("fine detail (energy of gradients at 256 px) in skin, share of the photo's", ".2f"),
    "energy_skin_enlarged": ("... of the 128 px picture enlarged", ".2f"),
    "energy_eyes": ("... in the eyes", ".2f"),
    "energy_eyes_enlarged": ("... of the 128 px picture enlarged", ".2f"),
    "energy_mouth": ("... in the mouth", ".2f"),
    "energy_mouth_enlarged": ("... of the 128 px picture enlarged", ".2f"),
    "identity_distance": ("identity distance (dlib), photo and picture, both of 256 px", ".3f"),
    "identity_distance_enlarged": ("... of the 128 px picture enlarged", ".3f"),
    "identity_top1": ("right person nearest among 51", ".0%"),
    "identity_top1_enlarged": ("... of the 128 px picture enlarged", ".0%"),
}
DEPTH = {
    "side": ("SIDE", ".4f"),
    "side_flat": ("... of a flat plate", ".4f"),
    "mad_deg": ("MAD of normals, degrees", ".1f"),
    "mad_flat_deg": ("... of a flat plate", ".1f"),
    "side_64": ("SIDE at 64 pixels", ".4f"),
    "mad_64_deg": ("MAD of normals at 64 pixels, degrees", ".1f"),
    "own_depth_r2": ("what sets a person's depth apart from the average face's, share explained", ".2f"),
    "own_depth_r2_of_another": ("... by another person's shape code", ".2f"),
    "own_depth_r2_of_readout": ("... by a linear read-out of the codes that was shown the truth", ".2f"),
    "concave": ("concave faces", ".1%"),
    "reconstruction_l1_head": ("reconstruction of the head, L1 of [0, 1]", ".4f"),
    "ssim": ("SSIM of the picture", ".3f"),
    "yaw_deg": ("yaw error, degrees", ".1f"),
    "yaw_slope": ("... slope over the true yaw", ".2f"),
    "pitch_centred_deg": ("pitch error less its offset, degrees", ".1f"),
    "pitch_corr": ("... correlation", ".2f"),
    "roll_deg": ("roll error, degrees", ".1f"),
    "roll_corr": ("... correlation", ".2f"),
    "light_centred_deg": ("light direction error less its offset, degrees", ".1f"),
    "light_constant_deg": ("... of always saying the mean", ".1f"),
}
TRUE_SWAPS = {
    "across_ssim_swap": ("SSIM of the swap with the true picture", ".3f"),
    "across_ssim_unchanged": ("... of A left as it is", ".3f"),
    "across_ssim_reconstructed": ("... of the true picture's own reconstruction", ".3f"),
    "across_expression_carried": ("share of the wished change of the landmarks", ".2f"),
    "across_nearer_b_expression": ("expression nearer to the truth than to A", ".0%"),
    "across_nearer_a": ("nearer to A than to B in identity", ".0%"),
    "across_yaw_kept": ("correlation of yaw with the true picture's", ".2f"),
}
FILMS = {
    "rebuilt": "rebuilt as encoded",
    "part": "the mean face with the expression part alone",
    "own": "the clip's own mean face, driven with the gain",
    "cross": "another person driven, with the mean expression",
    "relative": "another person driven by changes alone",
}
"""Rows of the table of the suite `clips`."""
MOVEMENTS = ("mouth_opening", "mouth_width", "brow_height", "eye_opening", "yaw", "pitch")
"""Its columns."""
BY_GROUP = {
    "photos": ("photos", "d"),
    "people": ("people", "d"),
    "n": ("frames", "d"),
    "side": ("SIDE", ".4f"),
    "mad_deg": ("MAD, degrees", ".1f"),
    "reconstruction_l1_head": ("L1 of the head", ".4f"),
    "reconstruction_l1": ("L1", ".4f"),
    "identity_distance": ("identity distance", ".3f"),
    "identity_distance_others": ("to others of the group", ".3f"),
    "identity_share": ("share of that", ".3f"),
    "identity_share_error": ("its standard error over people", ".3f"),
    "identity_top1": ("right person nearest", ".0%"),
    "smile_told_on_reconstructions": ("smile told, reconstructions", ".0%"),
    "across_smile_told": ("smile told, swaps across people", ".0%"),
    "across_nearer_a": ("swap nearer to A", ".0%"),
}
"""Columns of a table by group of people: key -> heading and format."""
SETS = (
    ("swaps_london.json", "Real photos: London development photos", LONDON),
    ("detail_london.json", "Pictures at 256 px: the same photos", DETAIL),
    ("depth_test.json", "Depth, pose and light: parametric people of the truth set's test part", DEPTH),
    ("swaps_test.json", "Swaps across people, against the true pictures: the same people", TRUE_SWAPS),
)
SUMMARY = (
    (
        "swaps_london.json",
        "real photos: {photos} of the Face Research Lab London Set, {pairs} people neutral and smiling",
        (
            ("reconstruction at 128 px, L1 of [0, 1] / PSNR", "{reconstruction_l1:.4f} / {reconstruction_psnr:.1f} dB"),
            (
                "identity cosine (dlib), photo and reconstruction",
                "{identity_cosine:.3f} (other people's photo: {identity_cosine_other_people:.3f})",
            ),
            ("identity distance (dlib takes less than 0.6 for one person)", "{identity_distance:.2f}"),
            ("right person nearest among {pairs}", "{identity_top1:.0%}"),
            (
                "smile or neutral read off photos / reconstructions",
                "{smile_judge_on_photos:.0%} / {smile_judge_on_reconstructions:.0%}",
            ),
            (
                "... off swaps within a person / across people / 1.5 times as strong (chance 50 %)",
                "{within_expression_recognised:.0%} / {across_expression_recognised:.0%} / "
                "{strong_expression_recognised:.0%}",
            ),
            (
                "of two pictures of a person, the one that is to smile found to smile more: photos / reconstructions",
                "{smile_told_on_photos:.0%} / {smile_told_on_reconstructions:.0%}",
            ),
            (
                "... swaps within a person / across people / 1.5 times as strong (chance 50 %)",
                "{within_smile_told:.0%} / {across_smile_told:.0%} / {strong_smile_told:.0%}",
            ),
            (
                "share of the smile that they carry over",
                "{within_smile_moved:.2f} / {across_smile_moved:.2f} / {strong_smile_moved:.2f}",
            ),
            (
                "swap across people nearer to A than to B in identity / 1.5 times as strong",
                "{across_nearer_a:.0%} / {strong_nearer_a:.0%}",
            ),
        ),
    ),
    (
        "depth_test.json",
        "parametric people with exact truth: {people} nobody trained on, {n:,} frames",
        (
            (
                "depth: SIDE / mean angle of normals (a flat plate)",
                "{side:.4f} / {mad_deg:.1f} degrees ({side_flat:.4f} / {mad_flat_deg:.1f})",
            ),
            ("... at 64 px, the size of published figures", "{side_64:.4f} / {mad_64_deg:.1f} degrees"),
            ("concave faces", "{concave:.1%}"),
            ("yaw error / slope over the true yaw", "{yaw_deg:.1f} degrees / {yaw_slope:.2f}"),
            (
                "pitch: correlation / slope; roll",
                "{pitch_corr:.2f} / {pitch_slope:.2f}; {roll_corr:.2f} / {roll_slope:.2f}",
            ),
        ),
    ),
    (
        "leakage_test.json",
        "the same people: what each part tells, by linear probes",
        (
            (
                "who it is, read off the identity part / the expression part (chance {identity_chance:.4f})",
                "{identity_from_identity:.2f} / {identity_from_expression:.2f}",
            ),
            (
                "expression, read off all codes / the expression part / the identity part "
                "(chance {expression_chance:.2f})",
                "{expression_from_full:.2f} / {expression_from_expression:.2f} / {expression_from_identity:.2f}",
            ),
            ("yaw, R2, read off the expression part", "{yaw_from_expression:.2f}"),
        ),
    ),
    (
        "swaps_test.json",
        "the same people: swaps across people, beside the true pictures",
        (
            (
                "SSIM with the true picture (A left as it is / the picture's own reconstruction)",
                "{across_ssim_swap:.3f} ({across_ssim_unchanged:.3f} / {across_ssim_reconstructed:.3f})",
            ),
            ("share of the wished change of the landmarks", "{across_expression_carried:.2f}"),
            ("nearer to A than to B in identity", "{across_nearer_a:.0%}"),
        ),
    ),
)
"""Result file beside the checkpoint, heading of its table, and rows, filled with its numbers."""
