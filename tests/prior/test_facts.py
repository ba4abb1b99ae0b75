"""What a card says in words."""

import pytest

from napari_padis.prior.facts import spacing


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (None, ""),
        ((1.0, 0.9989409446716309), "1 mm"),  # the card of 'mr'
        ((1.7, 1.5), "1.5 to 1.7 mm"),
        ((1.578125, 1.578125), "1.58 mm"),
    ],
)
def test_lengths_that_are_one_are_said_once_and_the_smaller_first(values, text):
    assert spacing(values) == text
