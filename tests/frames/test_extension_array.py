"""The dtype "json" is a pandas dtype like any other: pandas' own suite for extension arrays says so."""

import numpy as np
import pandas as pd
import pytest
from pandas.tests.extension import base

from bucketsnb.frames import JSONArray, JSONDtype

PANDAS_2 = pd.__version__ < "3"
if PANDAS_2:  # its suite takes any message for an error's, and a newer pytest warns of that
    pytestmark = pytest.mark.filterwarnings("ignore:matching against an empty string")
COUNT = 100 if PANDAS_2 else 10


@pytest.fixture
def dtype():
    return JSONDtype()


@pytest.fixture
def data():
    return JSONArray._from_sequence([f"text {n:03}" for n in range(COUNT)])


@pytest.fixture
def data_missing():
    return JSONArray._from_sequence([None, "a"])


@pytest.fixture
def data_for_twos(data):
    return JSONArray._from_sequence(["two"] * COUNT)


@pytest.fixture
def data_repeated(data):
    return lambda count: (data for _ in range(count))


@pytest.fixture
def data_for_sorting():
    return JSONArray._from_sequence(["b", "c", "a"])


@pytest.fixture
def data_missing_for_sorting():
    return JSONArray._from_sequence(["b", None, "a"])


@pytest.fixture
def data_for_grouping():
    a, b, c = "abc"
    return JSONArray._from_sequence([b, b, None, None, a, a, b, c])


@pytest.fixture
def na_value():
    return None


@pytest.fixture
def na_cmp():
    return lambda left, right: left is None and right is None


@pytest.fixture(params=[True, False])
def box_in_series(request):
    return request.param


@pytest.fixture(params=[True, False])
def as_frame(request):
    return request.param


@pytest.fixture(params=[True, False])
def as_series(request):
    return request.param


@pytest.fixture(params=[True, False])
def as_array(request):
    return request.param


@pytest.fixture(params=[True, False])
def use_numpy(request):
    return request.param


@pytest.fixture(params=["ffill", "bfill"])
def fillna_method(request):
    return request.param


@pytest.fixture(params=[None, lambda values: values], ids=["plain", "by key"])
def sort_by_key(request):
    return request.param


class TestCasting(base.BaseCastingTests):
    # as text a cell is its JSON, with the quotes
    test_astype_str = test_astype_string = test_astype_object_series = test_astype_object_frame = None


class TestConstructors(base.BaseConstructorsTests):
    pass


class TestDtype(base.BaseDtypeTests):
    pass


class TestGetitem(base.BaseGetitemTests):
    test_getitem_series_integer_with_missing_raises = None  # pandas expects it to fail for every array


class TestGroupby(base.BaseGroupbyTests):
    test_groupby_extension_apply = None  # wants a fixture of pandas' own

    if PANDAS_2:
        # It asks the array in the same words about the first of each group, and about what any function made of each;
        # so that lengths of lists are numbers, plain values get a dtype of their own, and nested ones stay JSON.
        def test_groupby_agg_extension(self, data_for_grouping):
            nested = [None if value is None else [value] for value in data_for_grouping]
            super().test_groupby_agg_extension(JSONArray._from_sequence(nested))


class TestIndex(base.BaseIndexTests):
    pass


class TestInterface(base.BaseInterfaceTests):
    test_contains = None  # null is None and nothing else

    if PANDAS_2:
        # It wants a warning where numpy 2 and pandas 3 want an error.
        def test_array_interface_copy(self, data):
            assert not np.may_share_memory(np.array(data, copy=True), np.array(data, copy=True))
            with pytest.raises(ValueError, match="without a copy"):
                data.__array__(copy=False)


class TestMethods(base.BaseMethodsTests):
    # results of functions are JSON only where they are lists or mappings
    test_map = test_combine_add = None
    test_diff = test_value_counts = test_insert_invalid = None
    if PANDAS_2:
        _combine_le_expected_dtype = JSONDtype()  # it puts what a combination gave into the old dtype if that takes it


class TestMissing(base.BaseMissingTests):
    pass


class TestPrinting(base.BasePrintingTests):
    pass


class TestReshaping(base.BaseReshapingTests):
    test_unstack = None  # fills with None where pandas' own test expects NaN


class TestSetitem(base.BaseSetitemTests):
    test_setitem_scalar_key_sequence_raise = None  # a list is one value here
    test_setitem_invalid = None
    # a plain value added to a column of JSON makes it a column of plain values
    test_loc_setitem_with_expansion_preserves_ea_index_dtype = test_loc_setitem_with_expansion_retains_ea_dtype = None
    test_readonly_propagates_to_numpy_array_method = None  # an array of decoded values is the caller's own
