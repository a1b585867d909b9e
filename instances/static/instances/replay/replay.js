// The replay's page: the clock, the picture of its moment, the actions along it, and its buttons.
import { Ended, Reel } from "./reel.js";

const RENEW_MS = 60000;
const LIVE_MS = 5000;
const PAUSE_MS = 3000;
const MARK_MS = 1200;
const $ = (id) => document.getElementById(id);
const REFUSED = {
  401: ["This link opens nothing", "It is not whole, or no longer good. Ask for a new one."],
  403: ["This recording is not for you", "Whoever gave the link may not read it any more."],
  404: ["Ended", "This recording is gone."],
};
const reel = new Reel(location.hash.slice(1));
let duration = 0;
let now = 0;
let plays = false;
let shown = null;
let wanted = null;
let rows = [];
let ticked = 0;

function show(state, headline = "", sentence = "") {
  document.body.dataset.state = state;
  $("headline").textContent = headline;
  $("sentence").textContent = sentence;
}

function failed(error) {
  plays = false;
  const [headline, sentence] = REFUSED[error instanceof Ended ? error.status : 0] ?? ["The platform does not answer", "Load the page again."];
  $("status").textContent = "Ended";
  show("ended", headline, sentence);
}

function timed(ms) {
  const seconds = Math.floor(ms / 1000);
  const pad = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours ? `${hours}:${pad(minutes)}` : minutes}:${pad(seconds % 60)}`;
}

function stand(found) {
  const recording = found.recording;
  document.title = `${found.name} · Replay`;
  $("name").textContent = found.name;
  $("status").textContent = recording.status;
  const begun = recording.started_at ? new Date(recording.started_at).toLocaleString() : "";
  $("driver").textContent = [begun, recording.reason, recording.gaps ? `${recording.gaps} ${recording.gaps === 1 ? "gap" : "gaps"}` : ""].filter(Boolean).join(" · ");
  const last = Math.max(reel.frames.at(-1)?.at ?? 0, reel.actions.at(-1)?.at_ms ?? 0);
  duration = Math.max(recording.duration_ms ?? 0, last, 1);
  return recording.status === "recording" || recording.status === "waiting";
}

function place(element, at) {
  element.style.left = `${(100 * at) / duration}%`;
}

function list() {
  $("seek").max = duration;
  $("count").textContent = reel.actions.length ? `(${reel.actions.length})` : "";
  $("none").hidden = reel.actions.length > 0;
  $("marks").replaceChildren(...reel.actions.map((action) => {
    const mark = document.createElement("i");
    mark.className = action.is_error ? "failed" : "";
    place(mark, action.at_ms);
    return mark;
  }));
  rows = reel.actions.map((action) => {
    const row = document.createElement("li");
    row.className = action.is_error ? "failed" : "";
    const button = document.createElement("button");
    const moment = document.createElement("time");
    const said = document.createElement("span");
    moment.textContent = timed(action.at_ms);
    said.className = "said";
    said.textContent = action.message;
    button.append(moment, said);
    button.addEventListener("click", () => go(action.at_ms));
    row.append(button);
    return row;
  });
  $("actions").replaceChildren(...rows);
}

async function draw() {
  const frame = reel.frames[reel.frameAt(now)];
  if (!frame || frame === wanted) return;
  wanted = frame;
  try {
    const picture = await reel.picture(frame);
    if (wanted !== frame) return;
    const url = URL.createObjectURL(picture);
    const image = $("picture");
    image.src = url;
    await image.decode().catch(() => {});
    if (shown) URL.revokeObjectURL(shown);
    shown = url;
    image.hidden = false;
    point();
    reel.frames[reel.frameAt(now) + 40]?.part !== frame.part && reel.frames.some((next) => next.part === frame.part + 1) && reel.part(frame.part + 1);
  } catch (error) {
    failed(error);
  }
}

// Where the pointer was sent just before, on the picture.
function point() {
  const image = $("picture");
  const near = reel.actions.findLast((action) => action.at_ms <= now && "x" in action.arguments && "y" in action.arguments);
  const visible = near && now - near.at_ms <= MARK_MS && image.naturalWidth > 0;
  $("cursor").hidden = !visible;
  if (!visible) return;
  const box = image.getBoundingClientRect();
  const stage = image.parentElement.getBoundingClientRect();
  $("cursor").style.left = `${box.left - stage.left + (near.arguments.x * box.width) / image.naturalWidth}px`;
  $("cursor").style.top = `${box.top - stage.top + (near.arguments.y * box.height) / image.naturalHeight}px`;
}

function go(at) {
  now = Math.min(Math.max(0, at), duration);
  $("seek").value = now;
  $("clock").textContent = `${timed(now)} / ${timed(duration)}`;
  const current = reel.actions.findLastIndex((action) => action.at_ms <= now);
  rows.forEach((row, number) => row.setAttribute("aria-current", number === current));
  if (plays) rows[current]?.scrollIntoView({ block: "nearest" });
  draw();
  point();
}

// Over a pause, to where something happens again.
function skipped(at) {
  if (!$("skip").checked) return at;
  const next = Math.min(reel.frames[reel.frameAt(at) + 1]?.at ?? duration, reel.actions.find((action) => action.at_ms > at)?.at_ms ?? duration);
  return next - at > PAUSE_MS && next < duration ? next - 500 : at;
}

function tick(moment) {
  if (!plays) return;
  go(skipped(now + (moment - ticked) * Number($("speed").value)));
  ticked = moment;
  if (now >= duration) return toggle();
  requestAnimationFrame(tick);
}

function toggle() {
  if (document.body.dataset.state === "ended") return;
  plays = !plays;
  if (plays && now >= duration) go(0);
  $("play").textContent = plays ? "Pause" : "Play";
  show(plays ? "playing" : "paused");
  ticked = performance.now();
  if (plays) requestAnimationFrame(tick);
}

function step(by) {
  const frame = reel.frames[reel.frameAt(now) + by];
  if (frame) go(frame.at);
}

const KEYS = { " ": toggle, ArrowLeft: () => go(now - 5000), ArrowRight: () => go(now + 5000), ",": () => step(-1), ".": () => step(1) };
document.addEventListener("keydown", (event) => {
  const does = KEYS[event.key];
  if (!does || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, button")) return;
  event.preventDefault();
  does();
});
$("play").addEventListener("click", toggle);
$("seek").addEventListener("input", () => go(Number($("seek").value)));
addEventListener("resize", point);

async function load() {
  while (await reel.more());
  const live = stand(await reel.renew());
  list();
  if (reel.frames.length === 0) show("resting", live ? "Nothing to see yet" : "Nothing to see", live ? "The first pictures are on their way." : "This recording has no pictures.");
  else if (document.body.dataset.state !== "playing") show("paused");
  $("play").disabled = $("seek").disabled = reel.frames.length === 0;
  go(now);
  return live;
}

async function begin() {
  try {
    await reel.renew();
    const live = await load();
    setTimeout(again, live ? LIVE_MS : RENEW_MS);
  } catch (error) {
    failed(error);
  }
}

async function again() {
  try {
    const live = await load();
    setTimeout(again, live ? LIVE_MS : RENEW_MS);
  } catch (error) {
    if (error instanceof Ended) failed(error);
    else setTimeout(again, LIVE_MS);
  }
}

begin();
