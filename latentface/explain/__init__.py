"""How both methods work on one face: pictures and numbers of every step, of the loaded networks.

`way.py` is the way of one photo through stage 1, `loss.py` what stage 1 is trained by, `diffusion.py` stage 2,
`branches.py` PCL, `blocks.py` the layers with their shapes. tests/latentface/explain recompute all of it another way.
"""
