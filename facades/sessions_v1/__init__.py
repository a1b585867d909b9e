"""The sessions' API of Scrapybara, version 1: `/v1/start`, `/v1/instance…`. See README.md in this folder."""

from facades.dialect import Dialect
from facades.sessions_v1.errors import may_take_long, owns, rephrase

DIALECT = Dialect(owns=owns, rephrase=rephrase, may_take_long=may_take_long)
