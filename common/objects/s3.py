"""An object store in a bucket of S3, or of a service that speaks its language. Knows no Django."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from common.objects.base import NoSuchObject, StoreAway, Stored, StoreFull, checked_folder, checked_key

_NOT_THERE = frozenset({"NoSuchKey", "404"})
_NOTHING_MORE = frozenset({"InvalidRange", "416"})
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507"})
_PATIENCE = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
    user_agent_extra="orchestrator",
)


class S3Store:
    """Objects of `bucket`, below `prefix`. Credentials come from where boto3 looks for them."""

    def __init__(self, bucket: str, *, prefix: str = "", region: str = "", endpoint_url: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._s3: Any = boto3.client(
            "s3", region_name=region or None, endpoint_url=endpoint_url or None, config=_PATIENCE
        )

    def put(self, key: str, content: bytes) -> None:
        with _told():
            self._s3.put_object(Bucket=self._bucket, Key=self._prefix + checked_key(key), Body=content)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        if length == 0:
            return b""
        upto = "" if length is None else start + length - 1
        wanted = {"Range": f"bytes={start}-{upto}"} if start or length is not None else {}
        with _told():
            try:
                found = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + checked_key(key), **wanted)
                content: bytes = found["Body"].read()
            except ClientError as error:
                if _code(error) in _NOTHING_MORE:
                    return b""
                raise
        return content

    def delete(self, folder: str) -> None:
        checked_folder(folder)
        with _told():
            for page in self._pages(folder):
                keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
                if keys:
                    answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
                    if answer.get("Errors"):
                        raise StoreAway(f"{len(answer['Errors'])} objects could not be deleted")

    def listed(self, folder: str) -> Iterator[Stored]:
        with _told():
            for page in self._pages(checked_folder(folder)):
                for found in page.get("Contents", ()):
                    yield Stored(found["Key"].removeprefix(self._prefix), found["Size"], found["LastModified"])

    def folders(self, folder: str) -> Iterator[str]:
        with _told():
            for page in self._pages(checked_folder(folder), Delimiter="/"):
                yield from (found["Prefix"].removeprefix(self._prefix) for found in page.get("CommonPrefixes", ()))

    def _pages(self, folder: str, **options: str) -> Iterator[dict[str, Any]]:
        """Up to a thousand each, which is what one deletion takes."""
        pages = self._s3.get_paginator("list_objects_v2")
        yield from pages.paginate(Bucket=self._bucket, Prefix=self._prefix + folder, **options)


@contextmanager
def _told() -> Iterator[None]:
    """S3's errors in the seam's words."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in _NOT_THERE:
            raise NoSuchObject("nothing lies there") from error
        if code in _FULL:
            raise StoreFull("the bucket takes no more") from error
        raise StoreAway(f"S3 says {code}") from error
    except BotoCoreError as error:
        raise StoreAway(f"S3 cannot be asked: {type(error).__name__}") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
