// The live view's page: what it shows in every state, who drives, and its buttons.
import RFB from "../../novnc/core/rfb.js";
import { FOR_GOOD, Link } from "./link.js";
import { Typing } from "./typing.js";

const RENEW_MS = 60000;
const LOOK_MS = 2500;
const $ = (id) => document.getElementById(id);
const WORDS = {
  connecting: ["Connecting", "Looking for the desktop."],
  pending: ["Waiting for a machine", "The instance is about to get one."],
  provisioning: ["Making the machine", "This takes a few seconds."],
  starting: ["Starting", "The desktop will be here in a moment."],
  running: ["Connecting", "The desktop runs; the line to it is being opened."],
  paused: ["Paused", "The instance is frozen. It shows again when somebody resumes it."],
  stopping: ["Stopping", "The instance is being stopped."],
  stopped: ["Stopped", "The instance rests, its disk as it was left. It shows again when somebody starts it."],
  error: ["Something went wrong", "The instance is in error."],
  deleting: ["Being deleted", "The instance and its disk are being destroyed."],
  gone: ["Ended", "This instance is gone."],
  expired: ["This view has expired", "Ask for a new one where you got the link."],
  refused: ["This link opens nothing", "It is not whole, or no longer good. Ask for a new one."],
  elsewhere: ["Opened elsewhere", "This page is open in another window."],
  unreachable: ["The platform does not answer", "Trying again."],
};
const RESTING = new Set(["stopped", "error", "paused"]);
const viewer = sessionStorage.viewer ?? (sessionStorage.viewer = newNumber());
let token = location.hash.slice(1);
let rfb = null;
let mode = "watch";
let drives = false;
let wantsWheel = false;
let other = "";

const link = new Link(document.body.dataset.socket || location.origin.replace(/^http/, "ws") + "/view/socket", viewer, {
  ready(channel, words) {
    mode = words.mode;
    show("connected");
    begin(channel);
  },
  said(words) { if (words.kind === "driver") steered(words); },
  lost(code) {
    drives = false;
    other = "";
    $("driver").textContent = "";
    if (FOR_GOOD[code]) return end(FOR_GOOD[code]);
    if (document.body.dataset.state !== "ended") show("running");
    look();
  },
});
const typing = new Typing($("typing"), $("keys-panel"), () => (drives ? rfb : null));

function newNumber() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function begin(channel) {
  $("screen").replaceChildren();
  rfb = new RFB($("screen"), channel, { shared: true });
  rfb.viewOnly = true;
  rfb.background = "transparent";
  rfb.scaleViewport = pressed("fit");
  rfb.clipViewport = false;
  rfb.showDotCursor = true;
  rfb.qualityLevel = 7;
  rfb.addEventListener("clipboard", (event) => { $("clipboard-text").value = event.detail.text; });
  rfb.addEventListener("disconnect", () => { rfb = null; });
  buttons();
}

// Where the instance is, and a token to go on with; asked often while there is no picture, seldom while there is one.
let looking = 0;
async function look() {
  clearTimeout(looking);
  let next = LOOK_MS;
  try {
    const { status, body } = await ask("session", {});
    if (status === 401 || status === 403) return end("expired");
    if (status === 404) return end("gone");
    if (status === 200) next = seen(body);
    else if (!link.channel) show("unreachable");
  } catch {
    if (!link.channel) show("unreachable");
  }
  looking = setTimeout(look, next);
}

function seen(body) {
  $("name").textContent = body.name;
  document.title = `${body.name} · Live view`;
  token = body.token;
  history.replaceState(null, "", `#${token}`);
  if (link.channel) { link.renewed(token); return RENEW_MS; }
  show(body.status, body.status_reason);
  if (body.status === "running") link.again(token);
  return LOOK_MS;
}

async function ask(what, more) {
  const answer = await fetch(`/view/${what}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, credentials: "omit",
    body: JSON.stringify({ token, viewer, ...more }), signal: AbortSignal.timeout(10000),
  });
  return { status: answer.status, body: await answer.json() };
}

async function steer(wish) {
  try {
    const { status, body } = await ask("wheel", { wish });
    if (status === 200) { wantsWheel = wish !== "release"; return; }
    if (body.code === "DRIVEN" && wish === "take") {
      if (confirm(`${body.details.driver || "Somebody"} drives this desktop. Take over anyway?`)) await steer("force");
      return;
    }
    $("driver").textContent = body.error;
  } catch {
    $("driver").textContent = "The platform does not answer; try again.";
  }
}

function steered({ label, yours }) {
  const lost = drives && !yours;
  drives = yours;
  other = yours ? "" : label ?? "";
  if (yours) wantsWheel = true;
  else if (label !== null) wantsWheel = false;
  if (rfb) {
    rfb.viewOnly = !drives;
    rfb.resizeSession = drives && pressed("resize");
    if (drives) rfb.focus();
  }
  $("driver").textContent = drives ? "You drive this desktop. Agents wait meanwhile."
    : other ? `${other} drives this desktop.` : lost ? "You no longer drive." : mode === "drive" ? "You are watching." : "You are watching; this link is for that alone.";
  buttons();
  if (!drives && label === null && wantsWheel && !lost) steer("take"); // after a lost line: ours again if nobody took it
  else if (lost) wantsWheel = false;
}

function show(state, reason = "") {
  const [headline, sentence] = WORDS[state] ?? WORDS.connecting;
  const kind = state === "connected" ? "connected" : RESTING.has(state) ? "resting" : "waiting";
  document.body.dataset.state = kind;
  $("status").textContent = state === "connected" ? "Live" : headline;
  if ($("headline").textContent !== headline) $("headline").textContent = headline;
  $("sentence").textContent = state === "error" && reason ? reason : sentence;
  $("again").hidden = true;
  buttons();
}

function end(state) {
  clearTimeout(looking);
  link.close();
  show(state);
  document.body.dataset.state = "ended";
  $("again").hidden = state !== "elsewhere";
}

function buttons() {
  const live = Boolean(link.channel);
  $("drive").disabled = !live || mode !== "drive";
  $("drive").textContent = drives ? "Give back" : "Take control";
  for (const id of ["picture", "fit", "whole"]) $(id).disabled = !live;
  for (const id of ["resize", "clipboard-send", "keyboard"]) $(id).disabled = !live || !drives;
  if ($("keyboard").disabled) open("keyboard", "keys-panel", false);
}

const pressed = (id) => $(id).getAttribute("aria-pressed") === "true";
function open(button, panel, wish = $(panel).hidden) {
  $(panel).hidden = !wish;
  $(button).setAttribute("aria-expanded", String(wish));
}
function toggle(id) { $(id).setAttribute("aria-pressed", String(!pressed(id))); return pressed(id); }

$("drive").onclick = () => steer(drives ? "release" : "take");
$("fit").onclick = () => { const fits = toggle("fit"); if (rfb) { rfb.scaleViewport = fits; rfb.clipViewport = !fits; rfb.dragViewport = !fits && !drives; } };
$("resize").onclick = () => { const follows = toggle("resize"); if (rfb) rfb.resizeSession = follows && drives; };
$("whole").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
$("clipboard").onclick = () => { open("clipboard", "clipboard-panel"); open("keyboard", "keys-panel", false); };
$("keyboard").onclick = () => { open("keyboard", "keys-panel"); open("clipboard", "clipboard-panel", false); if (!$("keys-panel").hidden && matchMedia("(pointer: coarse)").matches) typing.show(); };
$("clipboard-send").onclick = () => rfb?.clipboardPasteFrom($("clipboard-text").value);
$("clipboard-copy").onclick = async () => {
  try { await navigator.clipboard.writeText($("clipboard-text").value); } catch { $("clipboard-text").select(); }
};
$("picture").onclick = () => rfb?.toBlob((blob) => {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = `${$("name").textContent.replace(/[^\w.-]+/g, "-")}-${new Date().toISOString().replace(/[:.]/g, "-")}.png`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10000);
}, "image/png");
$("again").onclick = () => { show("running"); look(); };
window.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.shiftKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  rfb?.blur();
  $("drive").focus();
}, true);
window.addEventListener("hashchange", () => location.reload());
window.addEventListener("online", look);
document.addEventListener("visibilitychange", () => { if (!document.hidden && !link.channel) look(); });

if (token) look();
else end("refused");
