"""A machine's files and its editor, on a real disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from guest.desktop.base import ActionFailed
from guest.editor import Editor
from guest.files import Files, told
from guest.protocol import actions
from tests.guest.desk import config_for


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(config_for(tmp_path))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return Path(config_for(tmp_path).home)


@pytest.fixture
def edit(files: Files) -> Any:
    editor = Editor(files)
    return lambda command, path="notes.txt", **fields: editor.edit(actions.Edit(command=command, path=path, **fields))


def _refused(call: Any, *arguments: Any, **fields: Any) -> str:
    with pytest.raises(ActionFailed) as refusal:
        call(*arguments, **fields)
    return refusal.value.failure.message


def test_what_is_written_is_read_byte_by_byte(files: Files, home: Path) -> None:
    content = bytes(range(256)) * 40
    result, _ = files.act(actions.WriteFile(path="deep/er/blob.bin", data=content))
    assert result.file is not None and result.file.size == len(content)
    result, found = files.act(actions.ReadFile(path=str(home / "deep/er/blob.bin")))
    assert (found, result.file and result.file.size) == (content, len(content))
    _, part = files.act(actions.ReadFile(path="~/deep/er/blob.bin", offset=250, length=10))
    assert part == content[250:260]
    files.act(actions.WriteFile(path="deep/er/blob.bin", content="é", append=True))
    assert (home / "deep/er/blob.bin").read_bytes() == content + "é".encode()


def test_a_file_is_replaced_in_one_step_and_keeps_its_rights(files: Files, home: Path) -> None:
    script = home / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    (home / "link").symlink_to("run.sh")
    with script.open() as reading:
        files.act(actions.WriteFile(path="link", content="new"))
        assert reading.read() == "old"
    assert (script.read_text(), script.stat().st_mode & 0o777) == ("new", 0o750)
    assert (home / "link").is_symlink() and sorted(path.name for path in home.iterdir()) == ["link", "run.sh"]


def test_what_is_no_ordinary_file_is_refused_at_once(files: Files, home: Path) -> None:
    os.mkfifo(home / "pipe")
    (home / "loop").symlink_to("loop")
    assert "no ordinary file" in _refused(files.act, actions.ReadFile(path="pipe"))
    assert "folder" in _refused(files.act, actions.ReadFile(path="~"))
    assert "folder" in _refused(files.act, actions.WriteFile(path="~", content=""))
    assert _refused(files.act, actions.ReadFile(path="loop"))
    assert "No such file" in _refused(files.act, actions.ReadFile(path="absent"))
    assert "NUL" in _refused(files.act, actions.ReadFile(path="a\0b"))
    assert "either" in _refused(files.act, actions.WriteFile(path="a"))
    assert _refused(files.act, actions.WriteFile(path="a\ud800", content=""))
    assert _refused(files.act, actions.WriteFile(path="pipe/a", content=""))


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EROFS, "bad_action"), (errno.ENAMETOOLONG, "bad_action"), (errno.ENOSPC, "failed")]
)
def test_a_path_that_cannot_be_meant_is_the_callers_and_a_full_disk_the_machines(number: int, code: str) -> None:
    with pytest.raises(ActionFailed) as refusal, told("/usr/x"):
        raise OSError(number, os.strerror(number))
    assert (refusal.value.failure.code, refusal.value.failure.message) == (code, f"/usr/x: {os.strerror(number)}")


def test_links_in_a_circle_are_the_callers_mistake(files: Files, home: Path) -> None:
    (home / "loop").symlink_to("loop")
    with pytest.raises(ActionFailed) as refusal:
        files.act(actions.ReadFile(path="loop"))
    assert refusal.value.failure.code == "bad_action"


def test_a_folder_is_listed_by_name(files: Files, home: Path) -> None:
    (home / "b.txt").write_text("12345")
    (home / "a").mkdir()
    (home / "gone").symlink_to("nowhere")
    result, _ = files.act(actions.ListFiles())
    assert result.entries is not None
    found = [(entry.name, entry.kind, entry.size) for entry in result.entries]
    assert [each for each in found if each[0] != "gone"] == [("a", "folder", 0), ("b.txt", "file", 5)]
    assert ("gone", "other", 0) in found
    assert "Not a directory" in _refused(files.act, actions.ListFiles(path="b.txt"))


def test_windows_paths_lead_into_the_prefix(tmp_path: Path) -> None:
    config = config_for(tmp_path, flavour="windows")
    place = Files(config).place(r"C:\users\me\a.txt")
    assert place == Path(config.home).resolve() / ".wine/drive_c/users/me/a.txt"


def test_a_text_is_made_looked_at_and_changed(edit: Any, home: Path) -> None:
    edit("create", file_text="one\ntwo\nthree\n")
    assert edit("view").splitlines()[1] == "     2\ttwo"
    assert edit("view", view_range=[2, 3]) == "     2\ttwo\n     3\tthree"
    assert "zwei" in edit("str_replace", old_str="two", new_str="zwei")
    edit("insert", insert_line=1, new_str="between\n")
    assert (home / "notes.txt").read_text() == "one\nbetween\nzwei\nthree\n"
    assert edit("view", path="~").endswith("notes.txt")


def test_each_change_is_undone_the_last_one_first(edit: Any, home: Path) -> None:
    edit("create", file_text="a")
    edit("str_replace", old_str="a", new_str="b")
    edit("undo_edit")
    assert (home / "notes.txt").read_text() == "a"
    edit("undo_edit")
    assert not (home / "notes.txt").exists()
    assert "undo" in _refused(edit, "undo_edit")


def test_a_change_that_fails_is_no_step_of_undoing(edit: Any, home: Path) -> None:
    edit("create", file_text="one")
    edit("create", file_text="two")
    assert "surrogate" in _refused(edit, "create", file_text="half \ud800")
    edit("undo_edit")
    assert (home / "notes.txt").read_text() == "one"


def test_what_the_disk_refuses_is_told_by_every_command(edit: Any, home: Path) -> None:
    for command, fields in (("view", {}), ("create", {"file_text": ""})):
        assert "too long" in _refused(edit, command, path="n" * 300, **fields)
    edit("create", path="new", file_text="")
    (home / "new").unlink()
    (home / "new").mkdir()
    assert "directory" in _refused(edit, "undo_edit", path="new").lower()
    (home / "new").rmdir()
    assert "gone again" in edit("undo_edit", path="new")


def test_a_change_that_cannot_be_meant_changes_nothing(edit: Any, home: Path) -> None:
    edit("create", file_text="same\nother\nsame\n")
    assert "2 times" in _refused(edit, "str_replace", old_str="same", new_str="x")
    assert "lines 1, 3" in _refused(edit, "str_replace", old_str="same", new_str="x")
    assert "0 times" in _refused(edit, "str_replace", old_str="none", new_str="x")
    assert "4 lines" in _refused(edit, "insert", insert_line=9, new_str="x")
    assert "lines 1 to 4" in _refused(edit, "view", view_range=[5, 2])
    for command in ("create", "insert", "str_replace"):
        assert "needs" in _refused(edit, command)
    (home / "blob").write_bytes(b"\xff\xfe")
    assert "UTF-8" in _refused(edit, "view", path="blob")
    assert (home / "notes.txt").read_text() == "same\nother\nsame\n"
