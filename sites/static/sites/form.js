// A form whose answer is JSON; the token behind the address' # goes along in the body.
const form = document.querySelector("form");
const say = (kind, text) => {
  for (const line of form.querySelectorAll("[role]")) line.hidden = !line.classList.contains(kind);
  form.querySelector("." + kind).textContent = text;
};
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
  if (location.hash) body.token = location.hash.slice(1);
  try {
    const answer = await fetch(form.dataset.action, {
      method: "POST",
      headers: {"Content-Type": "application/json", "Accept": "application/json"},
      body: JSON.stringify(body),
    });
    if (!answer.ok) return say("fault", (await answer.json()).error);
    say("done", form.dataset.done);
    form.querySelector("button").disabled = true;
    history.replaceState(null, "", location.pathname);
  } catch {
    say("fault", "We cannot be reached just now; try again.");
  }
});
