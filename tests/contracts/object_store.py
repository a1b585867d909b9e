"""What every object store must do: subclass `ObjectStoreContract` where its test makes one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from common.objects import NoSuchObject, ObjectStore


class ObjectStoreContract:
    """Give the subclass a `store` fixture: an empty one for each test."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        raise NotImplementedError("the store's test makes it here")

    def test_what_was_put_is_read_whole_and_in_parts(self, store: ObjectStore) -> None:
        store.put("a/b/000001", bytes(range(256)))
        assert store.read("a/b/000001") == bytes(range(256))
        assert store.read("a/b/000001", start=250) == bytes(range(250, 256))
        assert store.read("a/b/000001", start=3, length=2) == b"\3\4"
        assert store.read("a/b/000001", start=254, length=90) == b"\xfe\xff"
        assert store.read("a/b/000001", start=256) == store.read("a/b/000001", length=0) == b""

    def test_what_lay_there_is_replaced(self, store: ObjectStore) -> None:
        store.put("a/one", b"long before")
        store.put("a/one", b"now")
        assert store.read("a/one") == b"now"

    def test_nothing_is_read_where_nothing_lies(self, store: ObjectStore) -> None:
        store.put("a/one", b"x")
        for key in ("a/two", "b/one", "a"):
            with pytest.raises(NoSuchObject):
                store.read(key)

    def test_a_folder_is_listed_with_what_lies_deeper_and_nothing_else(self, store: ObjectStore) -> None:
        for key in ("a/one", "a/deep/two", "ab/three"):
            store.put(key, key.encode())
        found = {stored.key: stored for stored in store.listed("a/")}
        assert {key: stored.size for key, stored in found.items()} == {"a/one": 5, "a/deep/two": 10}
        assert abs(found["a/one"].modified_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert list(store.folders("a/")) == ["a/deep/"]
        assert list(store.listed("none/")) == list(store.folders("none/")) == []

    def test_a_folder_goes_whole_and_twice_is_success(self, store: ObjectStore) -> None:
        for number in range(5):
            store.put(f"a/gone/{number}", b"x")
        store.put("a/gone-not", b"x")
        store.delete("a/gone/")
        store.delete("a/gone/")
        assert [stored.key for stored in store.listed("a/")] == ["a/gone-not"]

    @pytest.mark.parametrize("key", ["", "/a", "a/../b", "a//b", ".hidden", "a/", "a/\0", "ä", "a" * 501])
    def test_no_key_leads_astray(self, store: ObjectStore, key: str) -> None:
        with pytest.raises(ValueError, match="not a key"):
            store.put(key, b"x")
        with pytest.raises(ValueError, match="not a"):
            store.delete(key if key != "a/" else "a")
