"""Where bytes lie that are too many for a row: the seam, and the store that this deployment is set up with."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from common.objects.base import NoSuchObject, ObjectStore, StoreAway, Stored, StoreFull
from common.objects.folder import FolderStore
from common.objects.s3 import S3Store

__all__ = ["NoSuchObject", "ObjectStore", "StoreAway", "StoreFull", "Stored", "opened"]


@lru_cache(maxsize=1)
def opened() -> ObjectStore:
    """The process's store: a bucket where one is named, else a folder. It connects when it is first used."""
    if settings.OBJECTS_S3_BUCKET:
        return S3Store(
            settings.OBJECTS_S3_BUCKET,
            prefix=settings.OBJECTS_S3_PREFIX,
            region=settings.OBJECTS_S3_REGION,
            endpoint_url=settings.OBJECTS_S3_ENDPOINT,
        )
    return FolderStore(settings.OBJECTS_DIR, min_free_bytes=settings.OBJECTS_MIN_FREE_MIB * 1024 * 1024)
