"""Object stores: a folder of this host, and S3 as moto's server plays it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from common import objects
from common.objects import ObjectStore, StoreAway, StoreFull
from common.objects.folder import FolderStore
from common.objects.s3 import S3Store
from tests.contracts.object_store import ObjectStoreContract

REGION = "eu-central-1"


class TestFolder(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return FolderStore(tmp_path / "objects")

    @pytest.mark.parametrize(
        ("number", "kind"), [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EIO, StoreAway)]
    )
    def test_a_disk_that_fails_in_the_middle_leaves_nothing_behind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
    ) -> None:
        store = FolderStore(tmp_path)
        store.put("a/one", b"before")

        def fail(_: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(kind):
            store.put("a/one", b"after")
        assert store.read("a/one") == b"before"
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["one"]

    def test_the_last_of_the_disk_is_left_to_others(self, tmp_path: Path) -> None:
        with pytest.raises(StoreFull):
            FolderStore(tmp_path, min_free_bytes=1 << 60).put("a/one", b"x")
        assert list(FolderStore(tmp_path).listed("a/")) == []

    def test_nobody_else_on_the_host_reads_an_object(self, tmp_path: Path) -> None:
        FolderStore(tmp_path / "objects").put("a/one", b"x")
        modes = [(tmp_path / name).stat().st_mode & 0o077 for name in ("objects/a", "objects/a/one")]
        assert modes == [0, 0]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class TestS3(ObjectStoreContract):
    @pytest.fixture
    def store(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        client = boto3.client("s3", region_name=REGION, endpoint_url=endpoint)
        client.create_bucket(Bucket="films", CreateBucketConfiguration={"LocationConstraint": REGION})
        store = S3Store("films", prefix="desks", region=REGION, endpoint_url=endpoint)
        yield store
        for folder in ("a/", "ab/"):
            store.delete(folder)
        client.delete_bucket(Bucket="films")

    def test_the_prefix_keeps_it_apart(self, store: ObjectStore, endpoint: str) -> None:
        store.put("a/one", b"x")
        client = boto3.client("s3", region_name=REGION, endpoint_url=endpoint)
        assert [found["Key"] for found in client.list_objects_v2(Bucket="films")["Contents"]] == ["desks/a/one"]

    def test_a_bucket_that_is_not_there_is_worth_another_try(self, store: ObjectStore, endpoint: str) -> None:
        nowhere = S3Store("no-such-bucket", region=REGION, endpoint_url=endpoint)
        with pytest.raises(StoreAway, match="NoSuchBucket"):
            nowhere.put("a/one", b"x")


@pytest.mark.parametrize(("bucket", "kind"), [("", FolderStore), ("films", S3Store)])
def test_the_settings_say_which(bucket: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.OBJECTS_S3_BUCKET", bucket)
    monkeypatch.setattr("django.conf.settings.OBJECTS_S3_REGION", REGION)
    objects.opened.cache_clear()
    try:
        assert isinstance(objects.opened(), kind)
    finally:
        objects.opened.cache_clear()
