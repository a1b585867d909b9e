"""Pictures: every pixel as it was, opaque whatever lay in the unused byte."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from guest.desktop import encode

SIZES = [(1, 1), (7, 3), (1, 300), (333, 217), (1280, 800), (16_000, 3)]


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(width * height).integers(0, 2**32, (height, width), dtype=np.uint32)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_png_has_every_pixel_and_no_transparency(width: int, height: int) -> None:
    words = noise(width, height)
    picture = Image.open(io.BytesIO(encode.png(memoryview(words.tobytes()), width, height)))
    got = np.asarray(picture)
    assert picture.mode == "RGBA"
    assert (got[..., 3] == 255).all()
    assert (got[..., :3] == words.view(np.uint8).reshape(height, width, 4)[..., 2::-1]).all()


def test_a_jpeg_looks_like_the_screen() -> None:
    words = np.full((80, 120), 0x00_30_60_C0, np.uint32)
    picture = Image.open(io.BytesIO(encode.jpeg(memoryview(words.tobytes()), 120, 80, 90)))
    assert picture.size == (120, 80)
    assert np.abs(np.asarray(picture).astype(int) - (0x30, 0x60, 0xC0)).max() < 8


def test_a_better_jpeg_is_larger() -> None:
    pixels = memoryview(noise(200, 100).tobytes())
    assert len(encode.jpeg(pixels, 200, 100, 20)) < len(encode.jpeg(pixels, 200, 100, 95))
