"""The virtual desktops' API of Cyberdesk, version 1: `/v1/desktop…`. See README.md in this folder."""

from facades.desktop_v1.errors import owns, rephrase
from facades.dialect import Dialect

DIALECT = Dialect(owns=owns, rephrase=rephrase)
