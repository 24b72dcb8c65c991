import gc
import sys

import pytest

from common.imports import importing_without


def test_a_package_is_hidden_only_within_the_block():
    sys.modules.pop("colorsys", None)
    with importing_without("colorsys"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 0) == (0, 0, 0)


def test_a_package_in_use_stays_as_it_is():
    import json

    with importing_without("json"):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json


def test_garbage_is_collected_again_afterwards_even_after_an_error():
    with pytest.raises(ZeroDivisionError), importing_without("colorsys"):
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()
    assert sys.modules.get("colorsys", "forgotten") is not None


def test_what_is_imported_is_left_out_of_later_searches_for_garbage():
    made = []
    with importing_without():
        made.append({"a cycle": made})
    assert not any(item is made[0] for item in gc.get_objects())  # which does not list what is frozen
