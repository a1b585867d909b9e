"""Texts that are hard to type, and the ways to type them."""

MIXED = "héllo wörld 你好 €😀"
SIGNS = "<>|(){}[]~`^?@#\"'\\/$%&*+=_-;:,. aZ09"
MANY_SCRIPTS = "ελληνικά русский עברית العربية हिन्दी ไทย 日本語 한국어 🏳️‍🌈 é"
METHODS = ("auto", "keys", "paste")
