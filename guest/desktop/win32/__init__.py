"""Hands on a real Windows desktop: SendInput, GDI, the clipboard, by ctypes. Imports on every system, works on one."""
