// Keys for hands without a keyboard: what a phone writes into a hidden field, and buttons for keys it does not have.
import keysyms from "../../novnc/core/input/keysymdef.js";

const BACKSPACE = 0xff08;
const RETURN = 0xff0d;
const ROOM = "_".repeat(40); // so that there is always something to delete

export class Typing {
  constructor(field, panel, rfb) {
    Object.assign(this, { field, panel, rfb, held: new Set(), before: ROOM });
    field.value = ROOM;
    field.addEventListener("input", () => this.changed());
    panel.addEventListener("click", (event) => this.pressed(event.target.closest("button")));
  }

  show() { this.field.focus({ preventScroll: true }); this.field.setSelectionRange(ROOM.length, ROOM.length); }

  changed() {
    const now = this.field.value;
    let same = 0;
    while (same < now.length && same < this.before.length && now[same] === this.before[same]) same += 1;
    for (let count = this.before.length - same; count > 0; count -= 1) this.press(BACKSPACE);
    for (const sign of now.slice(same)) this.press(sign === "\n" ? RETURN : keysyms.lookup(sign.codePointAt(0)));
    if (now.length < 20 || now.length > 200) this.field.value = ROOM;
    this.before = this.field.value;
  }

  pressed(button) {
    if (!button) return;
    if (button.dataset.key) this.press(Number(button.dataset.key));
    if (button.dataset.hold) this.hold(Number(button.dataset.hold), button);
    if (button.id === "cad") this.rfb()?.sendCtrlAltDel();
    if (button.id === "soft") this.show();
  }

  press(keysym) {
    this.rfb()?.sendKey(keysym, null);
    for (const button of this.panel.querySelectorAll("[data-hold][aria-pressed=true]")) this.hold(Number(button.dataset.hold), button);
  }

  hold(keysym, button) {
    const down = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(down));
    this.rfb()?.sendKey(keysym, null, down);
  }
}
