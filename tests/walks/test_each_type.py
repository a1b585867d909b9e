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


def _endless(instance_type: str) -> str:
    return "for /l %i in (0,0,1) do @rem" if instance_type == "windows" else "sleep 60"
