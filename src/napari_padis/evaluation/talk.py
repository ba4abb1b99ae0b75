"""Figures of the talk, for comparison.

J. A. Fessler, "Efficient generative models for imaging inverse problems", Stanford EE,
2025-10-17; published in Hu et al., "Learning image priors through patch-based diffusion models
for solving inverse problems", NeurIPS 2024 (arXiv 2406.02462). CT of 20 views, AAPM data,
256 x 256, a network of full size trained for hours on GPUs: PSNR in dB and SSIM.
"""

from __future__ import annotations

#: Side of the largest training patches; 256 is the whole image.
PATCH_SIZE = {
    8: (32.57, 0.844),
    16: (32.57, 0.829),
    32: (32.72, 0.853),
    56: (33.57, 0.854),
    96: (33.36, 0.854),
    256: (32.84, 0.835),
}

#: Patches of 56 with and without the position channels.
POSITION = {False: (23.25, 0.459), True: (33.57, 0.854)}

#: Number of training slices, for patches of 56.
SLICES_PATCHES = {
    144: (32.28, 0.841),
    288: (32.43, 0.837),
    576: (33.03, 0.846),
    1152: (33.01, 0.849),
    2304: (33.57, 0.854),
}

#: Number of training slices, for the whole image.
SLICES_WHOLE = {
    144: (29.12, 0.804),
    288: (31.09, 0.829),
    576: (31.81, 0.835),
    1152: (31.36, 0.834),
    2304: (32.84, 0.835),
}
