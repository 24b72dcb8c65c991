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


def test_what_was_hidden_is_found_again_after_an_error():
    with pytest.raises(ZeroDivisionError), importing_without("colorsys"):
        raise ZeroDivisionError
    assert sys.modules.get("colorsys", "forgotten") is not None


def test_what_is_imported_is_left_out_of_searches_for_garbage():
    with importing_without():
        assert not gc.isenabled()
        imported = [[]]
    assert gc.isenabled()
    gc.disable()
    try:
        with importing_without():
            pass
        assert not gc.isenabled()  # as it was
    finally:
        gc.enable()
    assert not any(found is imported for found in gc.get_objects())
