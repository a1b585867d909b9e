"""POST to running to click, type, screenshot, bash to stop to start to delete: ubuntu, browser, windows."""

from __future__ import annotations

import pytest

from infra.embedded.processes import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.machine]

TEXT = "héllo wörld 你好 €😀"


def painted(desk) -> bool:
    """Whether the screen shows something: more than a few colours."""
    colours = desk.screen().getcolors(maxcolors=1_000_000)
    return colours is not None and len(colours) > 8


@pytest.mark.parametrize("instance_type", ["ubuntu", "browser", "windows"])
def test_a_whole_life(ask, instance_type):
    desk = ask(instance_type, environment_variables={"GREETING": "hello there"})
    assert desk.made["status"] == "pending"
    desk.wait("running")
    wait_until(lambda: painted(desk), timeout_s=30, what="a painted desktop", every_s=0.2)
    assert desk.screen().size == desk.screen("jpeg").size == (1280, 800)

    desk.act(type="move", x=111, y=222)
    assert desk.act(type="cursor_position")["cursor"] == {"x": 111, "y": 222}
    desk.act(type="click", x=640, y=400)
    assert desk.act(type="cursor_position")["cursor"] == {"x": 640, "y": 400}
    desk.act(type="scroll", direction="down", amount=2)
    desk.act(type="drag", path=[{"x": 700, "y": 500}, {"x": 720, "y": 520}])

    variable = "%GREETING%" if instance_type == "windows" else '"$GREETING"'
    shell = desk.shell(f"echo {variable}")
    assert (shell["stdout"].strip(), shell["exit_code"]) == ("hello there", 0)
    assert desk.shell("exit 3")["exit_code"] == 3
    assert desk.act(type="bash", command=_endless(instance_type), timeout_s=0.5)["shell"]["timed_out"]
    desk.shell("echo kept> kept.txt")
    _files_and_variables(desk, instance_type)

    desk.order("stop")
    desk.wait("stopped")
    assert desk.http.post(f"/api/instances/{desk.id}/actions", json={"type": "click"}).status_code == 409
    desk.order("start")
    desk.wait("running")
    assert "kept" in desk.shell("type kept.txt" if instance_type == "windows" else "cat kept.txt")["stdout"]
    assert desk.read()["incarnation"] == 1

    desk.delete()
    desk.wait("deleted", timeout_s=60) if desk.http.get(f"/api/instances/{desk.id}").status_code == 200 else None
    assert desk.http.get(f"/api/instances/{desk.id}").status_code == 404


def test_typing_arrives_letter_by_letter_in_a_terminal(ask):
    desk = ask("ubuntu")
    desk.wait("running")
    wait_until(lambda: painted(desk), timeout_s=30, what="a painted terminal", every_s=0.2)
    desk.act(type="click", x=400, y=300)
    desk.act(type="type", text=f"echo '{TEXT}' > typed.txt\n")
    wait_until(lambda: "typed.txt" in desk.shell("ls")["stdout"], timeout_s=10, what="the file", every_s=0.1)
    assert desk.shell("cat typed.txt")["stdout"] == TEXT + "\n"


def test_windows_shows_letters_of_the_east_each_with_a_glyph_of_its_own(ask):
    desk = ask("windows")
    desk.wait("running")
    wait_until(lambda: painted(desk), timeout_s=30, what="a painted desktop", every_s=0.2)
    desk.act(type="click", x=300, y=300)
    blank = _first_line(desk)
    shown = set()
    for letter in "你日語한ж":
        desk.act(type="type", text=f"{letter}\n")
        wait_until(lambda: _first_line(desk) != blank, timeout_s=15, what=letter, every_s=0.1)
        shown.add(_first_line(desk))
        desk.act(type="press", keys=["ctrl", "a"])
        desk.act(type="press", keys=["Delete"])
        wait_until(lambda: _first_line(desk) == blank, timeout_s=15, what="an empty page", every_s=0.1)
    assert len(shown) == 5, "the box for a letter without a glyph is the same for all"


def _first_line(desk) -> bytes:
    """Of notepad's text, but for its beginning, where the caret blinks when there is none."""
    return desk.screen().crop((14, 46, 200, 60)).tobytes()


def test_clicking_and_typing_change_what_the_browser_shows(ask):
    desk = ask("browser")
    desk.wait("running")
    wait_until(lambda: painted(desk), timeout_s=30, what="a painted browser", every_s=0.2)
    blank = desk.screen().crop((0, 120, 1280, 780))
    desk.act(type="press", keys=["ctrl", "l"])
    desk.act(type="type", text="data:text/html,<body style='background:rgb(0,128,0)'>")
    desk.act(type="press", keys=["Return"])

    def is_green() -> bool:
        return desk.screen().getpixel((640, 500)) == (0, 128, 0)

    wait_until(is_green, timeout_s=15, what="the page", every_s=0.2)
    assert desk.screen().crop((0, 120, 1280, 780)).tobytes() != blank.tobytes()


def test_the_browser_is_asked_where_it_is_and_sent_elsewhere(ask):
    desk = ask("browser")
    desk.wait("running")
    assert desk.act(type="navigate", url="data:text/html,<title>there</title>")["url"].startswith("data:text/html")
    assert desk.act(type="current_url")["url"] == "data:text/html,<title>there</title>"
    refused = desk.http.post(f"/api/instances/{desk.id}/actions", json={"type": "navigate", "url": "no address"})
    assert refused.status_code == 400, refused.text


def test_a_click_outside_the_screen_is_a_400_that_names_its_size(ask):
    desk = ask("ubuntu", configuration={"width": 800, "height": 600})
    desk.wait("running")
    assert desk.screen().size == (800, 600)
    answer = desk.http.post(f"/api/instances/{desk.id}/actions", json={"type": "click", "x": 5000, "y": 10})
    assert (answer.status_code, "800" in answer.json()["error"]) == (400, True)


def test_a_long_command_holds_up_no_screenshot(ask):
    """The command is still under way when the screenshot comes back."""
    desk = ask("ubuntu")
    desk.wait("running")
    desk.shell("(sleep 3; touch done) >/dev/null 2>&1 &")
    desk.screen()
    assert "done" not in desk.shell("ls")["stdout"]


def _files_and_variables(desk, instance_type):
    content = bytes(range(256)) * 4096
    sent = desk.http.put(f"/api/instances/{desk.id}/files?path=sub/blob.bin", content=content)
    assert sent.status_code == 200, sent.text
    got = desk.http.get(f"/api/instances/{desk.id}/files?path=~/sub/blob.bin")
    assert got.content == content and got.headers["X-File-Size"] == str(len(content))
    desk.act(type="edit", command="create", path="a.txt", file_text="one\ntwo\n")
    batch = [
        {"type": "edit", "command": "str_replace", "path": "a.txt", "old_str": "two", "new_str": "zwei"},
        {"type": "read_file", "path": "a.txt"},
        {"type": "set_environment", "variables": {"LATER": "set"}},
        {"type": "bash", "command": "echo %LATER%" if instance_type == "windows" else "echo $LATER"},
        {"type": "edit", "command": "undo_edit", "path": "a.txt"},
        {"type": "edit", "command": "view", "path": "absent.txt"},
    ]
    answer = desk.http.post(f"/api/instances/{desk.id}/actions", json={"actions": batch}).json()
    assert answer["results"][1]["file"]["text"] == "one\nzwei\n"
    assert answer["results"][3]["shell"]["stdout"].strip() == "set"
    assert "No such file" in answer["results"][5]["error"]["error"]
    assert {"name": "a.txt", "kind": "file", "size": 8} in desk.act(type="list_files")["entries"]


def test_a_paused_desktop_holds_still_and_goes_on(ask):
    desk = ask("ubuntu")
    desk.wait("running")
    desk.shell("(for i in $(seq 600); do echo $i > tick; sleep 0.05; done) >/dev/null 2>&1 &")
    wait_until(lambda: desk.shell("cat tick")["exit_code"] == 0, timeout_s=10, what="a tick", every_s=0.1)
    desk.order("pause")
    wait_until(lambda: desk.read()["status"] in {"paused", "stopped"}, timeout_s=60, what="its rest", every_s=0.1)
    if desk.read()["status"] == "stopped":
        pytest.skip("this host cannot freeze machines")
    refused = desk.http.post(f"/api/instances/{desk.id}/actions", json={"type": "click"})
    assert (refused.status_code, refused.json()["details"]["status"]) == (409, "paused")
    desk.order("resume")
    desk.wait("running")
    before = int(desk.shell("cat tick")["stdout"])
    wait_until(lambda: int(desk.shell("cat tick")["stdout"] or 0) > before, timeout_s=10, what="it to go on")
    assert desk.read()["incarnation"] == 1


def _endless(instance_type: str) -> str:
    return "for /l %i in (0,0,1) do @rem" if instance_type == "windows" else "sleep 60"
