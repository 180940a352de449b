import copy
from concurrent.futures import ThreadPoolExecutor

from workbench._lru import LRU


def _kept(store, keys):
    """Return which of `keys` are kept, without a use that would change the order."""
    return [key for key in keys if key in store._held]


def test_the_least_recently_used_go_first():
    store = LRU(2)
    store.put("a", 1)
    store.put("b", 2)
    assert store.get("a") == 1
    store.put("c", 3)
    assert (store.get("a"), store.get("b"), store.get("c"), len(store)) == (1, None, 3, 2)


def test_sizes_count_and_what_is_too_large_pushes_nothing_out():
    store = LRU(10, len)
    store.put("a", "xxxx")
    store.put("b", "xxxxxx")
    store.put("c", "x" * 11)
    assert _kept(store, "abc") == ["a", "b"]
    store.put("d", "xxxxx")
    assert _kept(store, "abcd") == ["d"], "6 + 5 is more than 10 still"
    store.put("e", "xxxxx")
    assert _kept(store, "de") == ["d", "e"]


def test_a_key_that_is_given_again_counts_once():
    store = LRU(10, len)
    for _ in range(5):
        store.put("a", "xxxx")
    store.put("b", "xxxxxx")
    assert _kept(store, "ab") == ["a", "b"]
    store.put("a", "x" * 11)
    assert _kept(store, "ab") == ["b"], "the earlier value is no longer that of the key"
    store.put("c", "xxxx")
    assert _kept(store, "bc") == ["b", "c"]


def test_nothing_fits_a_limit_of_nothing_but_what_has_no_size():
    store = LRU(0, len)
    store.put("a", "x")
    store.put("b", "")
    assert _kept(store, "ab") == ["b"]


def test_many_threads_never_hold_more_than_the_limit():
    store = LRU(50, lambda value: value)

    def use(number):
        key = number % 23
        if store.get(key) is None:
            store.put(key, 1 + key)
        return store._total <= 50

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(5000)))
    assert store._total == sum(size for _, size in store._held.values())


def test_a_copy_begins_empty_with_the_same_limit():
    store = LRU(10, len)
    store.put("a", "xxxx")
    other = copy.deepcopy(store)
    assert (len(store), len(other)) == (1, 0)
    other.put("a", "x" * 11)
    other.put("b", "x" * 10)
    assert _kept(other, "ab") == ["b"]
