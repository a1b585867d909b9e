// Keeps the picture of an instance's admin page fresh while somebody looks at it, and the page true to the status.
"use strict";

const EVERY_MS = 2000;
const screen_ = document.getElementById("screen");

async function look() {
  if (document.hidden) return;
  const answer = await fetch(screen_.dataset.url, { credentials: "same-origin" });
  const status = answer.headers.get("X-Instance-Status");
  if (status && status !== screen_.dataset.status) {
    window.location.reload();
    return;
  }
  if (answer.status === 200) show(await answer.blob());
  else if (answer.status !== 204) say(await answer.text());
}

function show(picture) {
  const image = screen_.querySelector("img");
  const old = image.src;
  image.src = URL.createObjectURL(picture);
  image.hidden = false;
  if (old) URL.revokeObjectURL(old);
  say(`As of ${new Date().toLocaleTimeString()}`);
}

function say(text) {
  screen_.querySelector("[role=status]").textContent = text;
}

async function keepLooking() {
  try {
    await look();
  } catch {
    say("The platform does not answer just now.");
  }
  setTimeout(keepLooking, EVERY_MS);
}

if (screen_) keepLooking();
