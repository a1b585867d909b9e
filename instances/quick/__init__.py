"""Single actions on the event loop itself: no thread, no REST framework, and next to no waiting but for the machine.

What is unusual about a request sends it the ordinary way (`instances.api.acting`), before anything was done for it;
both answer the same.
"""
