"""Materials of the drawn triangles."""

SKIN, MOUTH, TEETH, TONGUE, EYE, HAIR, SOLID = range(7)
"""The first four are those of the mesh; solids are glasses."""
