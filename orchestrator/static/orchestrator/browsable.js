// Sends the forms of the API's pages as JSON, and shows the answer where the person is.
"use strict";

const result = document.getElementById("result");

for (const form of document.querySelectorAll("form.send")) {
  form.began = JSON.stringify(values(form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
  form.querySelector(".tag")?.addEventListener("change", () => chooseVariant(form));
  form.querySelector(".as-json")?.addEventListener("click", () => editAsJson(form));
}
for (const form of document.querySelectorAll(".filters form")) {
  // An empty parameter is no filter, and for some a mistake.
  form.addEventListener("submit", () => {
    for (const input of form.elements) input.disabled = input.value === "";
  });
}

// What the fields say, by name; empty ones are left out.
function values(form) {
  const body = {};
  const tag = form.querySelector(".tag");
  if (tag) body[tag.name] = tag.value;
  for (const field of form.querySelectorAll("[data-name]")) {
    if (field.closest("fieldset[data-variant]").disabled) continue;
    const value = read(field);
    if (value !== undefined) body[field.dataset.name] = value;
  }
  return body;
}

function read(field) {
  const kind = field.dataset.json;
  if (kind === "choices") {
    const chosen = [...field.querySelectorAll("input:checked")].map((input) => input.value);
    return chosen.length ? chosen : undefined;
  }
  const text = field.querySelector("input, select, textarea").value;
  if (text === "") return undefined;
  if (kind === "integer" || kind === "number") return Number(text);
  if (kind === "boolean") return text === "true";
  if (kind === "json") return JSON.parse(text);
  return text;
}

// A change sends only what was changed.
function body(form) {
  const raw = form.querySelector(".raw");
  if (raw && !raw.hidden) return JSON.parse(raw.querySelector("textarea").value);
  const now = values(form);
  if (form.dataset.method !== "PATCH") return now;
  const before = JSON.parse(form.began);
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}

async function send(form) {
  if (form.dataset.ask && !window.confirm(form.dataset.ask)) return;
  clearFaults(form);
  const headers = { Accept: "application/json", "X-CSRFToken": document.body.dataset.csrf };
  const request = { method: form.dataset.method, headers, credentials: "same-origin" };
  if (form.querySelector(".raw")) {
    try {
      request.body = JSON.stringify(body(form));
    } catch (fault) {
      show(`That is not JSON: ${fault.message}`);
      return;
    }
    headers["Content-Type"] = "application/json";
  }
  try {
    const answer = await fetch(form.dataset.url, request);
    const text = await answer.text();
    told(form, answer, text ? JSON.parse(text) : null);
  } catch (fault) {
    show(`No answer: ${fault.message}`);
  }
}

function told(form, answer, found) {
  if (!answer.ok) {
    markFaults(form, found?.details?.fields ?? {});
    show(`${answer.status} ${found?.error ?? ""}`, found, { bad: true });
    return;
  }
  if (form.dataset.method === "DELETE" && answer.status === 204) {
    window.location.assign(window.location.pathname.replace(/\/[^/]+$/, "") + window.location.search);
    return;
  }
  show(`${answer.status} ${answer.statusText}`, found, { link: addressOf(form, answer, found) });
}

// Where the row that was made or changed can be read.
function addressOf(form, answer, found) {
  const [path, query] = form.dataset.url.split("?");
  const made = answer.headers.get("Location") ?? (answer.status === 201 && found?.id ? `${path}/${found.id}` : null);
  const address = made ?? window.location.pathname;
  return query ? `${address}?${query}` : address;
}

function show(title, found = null, { link = null, bad = false } = {}) {
  const line = document.createElement("p");
  line.className = bad ? "fault" : "";
  line.append(title, " ");
  if (link) line.append(Object.assign(document.createElement("a"), { href: link, textContent: "Open", className: "open" }));
  result.replaceChildren(line);
  if (found?.image?.base64) {
    const source = `data:image/${found.image.format};base64,${found.image.base64}`;
    result.append(Object.assign(document.createElement("img"), { src: source, alt: "The picture" }));
    found = { ...found, image: { ...found.image, base64: "…" } };
  }
  if (found) result.append(Object.assign(document.createElement("pre"), { textContent: JSON.stringify(found, null, 2) }));
  result.hidden = false;
  result.scrollIntoView({ block: "nearest" });
}

function markFaults(form, fields) {
  for (const [name, problems] of Object.entries(fields)) {
    const place = form.querySelector(`[data-name="${CSS.escape(name)}"] .fault`);
    if (place) place.textContent = [problems].flat().map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(" ");
  }
}

function clearFaults(form) {
  for (const place of form.querySelectorAll(".fault")) place.textContent = "";
}

function chooseVariant(form) {
  for (const fieldset of form.querySelectorAll("fieldset[data-variant]")) {
    fieldset.hidden = fieldset.disabled = fieldset.dataset.variant !== form.querySelector(".tag").value;
  }
}

function editAsJson(form) {
  const raw = form.querySelector(".raw");
  raw.querySelector("textarea").value = JSON.stringify(values(form), null, 2);
  raw.hidden = !raw.hidden;
  form.noValidate = !raw.hidden; // fields that nobody sees cannot be filled in
  for (const part of form.querySelectorAll("fieldset[data-variant], .field:has(.tag)")) part.hidden = !raw.hidden;
  if (raw.hidden && form.querySelector(".tag")) chooseVariant(form);
  form.querySelector(".as-json").textContent = raw.hidden ? "Edit as JSON" : "Back to the fields";
}
