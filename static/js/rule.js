// The rule builder's few liberties: what was typed while an answer was on its way stays, the focus goes where the server
// says, and Enter means what one expects of the field it is pressed in. All moves are the server's.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (type, listen) => document.addEventListener(type, listen);
const fields = "#rule input:not([type=hidden])";
let sent = new Map();
let typed = new Map();

on("htmx:beforeRequest", (event) => {
  if (event.detail.target.id === "rule") sent = new Map($$(fields).map((field) => [field.id, field.value]));
});

on("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "rule") return;
  const isNew = (field) => sent.has(field.id) && field.value !== sent.get(field.id);
  typed = new Map($$(fields).filter(isNew).map((field) => [field.id, field.value]));
});

// At once, before the next key; the count is told of it when the new fields listen.
on("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "rule") return;
  for (const [id, value] of typed) {
    const field = document.getElementById(id);
    if (field) field.value = value;
  }
});

on("htmx:afterSettle", (event) => {
  if (event.detail.elt.id !== "rule") return;
  for (const id of typed.keys()) document.getElementById(id)?.dispatchEvent(new Event("input", { bubbles: true }));
  const place = document.getElementById($("#rule").dataset.goesTo ?? "");
  const isElsewhere = document.activeElement !== document.body && !document.activeElement.closest("#rule");
  if (!place || place === document.activeElement || isElsewhere || typed.size) return;
  place.focus();
  if (place.matches("input")) place.select();
});

// Enter takes the first offer, or saves from the name; in a value it does nothing: the count has followed already.
on("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches("#builder input") || event.target.id === "find") return;
  event.preventDefault();
  if (event.target.name === "name") $("#builder [name=save]").click();
});

// What is not saved yet is kept for this tab, brought back when the page is opened again, and let go of when it was saved or
// discarded. A page that comes back refused holds it already; app.js hears that it was saved.
const builder = $("#builder");
const place = `unsaved ${document.body.dataset.user} ${location.pathname}${location.search}`;
const passing = ["csrfmiddlewaretoken", "find", "who", "showing", "save"];
let isLeft = false;

const told = () => JSON.stringify([...new FormData(builder)].filter(([name]) => !passing.includes(name)));
function keep() {
  isLeft = false;
  sessionStorage.setItem(place, told());
}

async function restore(values) {
  for (const name of ["name", "description", "version"]) builder.elements[name].value = values.get(name) ?? "";
  const posted = { csrfmiddlewaretoken: builder.elements.csrfmiddlewaretoken.value };
  for (const name of new Set(values.keys())) posted[name] = values.getAll(name);
  $(".builder__more").open ||= Boolean(values.get("description"));
  await htmx.ajax("POST", location.href, { source: "body", target: "#rule", swap: "outerHTML", values: posted });
  $("#restored").hidden = false;
  $("#restored").scrollIntoView({ block: "center" });
}

on("input", (event) => event.target.type !== "search" && event.target.closest("#builder") && keep());
on("redrawn", keep);
on("click", (event) => {
  if (event.target.closest("[data-discard]")) {
    builder.dataset.unsaved = "";
    sessionStorage.removeItem(place);
    location.assign(location.href);
  }
  isLeft = Boolean(event.target.closest("[data-cancel]"));
});
addEventListener("pagehide", () => isLeft && sessionStorage.removeItem(place));

// A second press of Save is none, until it may be meant: the load was stopped, and nobody tells of that.
const AGAIN = 1000;
let sentAt = -AGAIN;
on("submit", (event) => {
  if (event.target !== builder) return;
  if (event.timeStamp - sentAt < AGAIN) return event.preventDefault();
  sentAt = event.timeStamp;
  sessionStorage.setItem("sent", place);
});
addEventListener("pageshow", () => (sentAt = -AGAIN));

const kept = sessionStorage.getItem(place);
if (builder.dataset.unsaved === "yes") keep();
else if (kept && kept !== told()) restore(new URLSearchParams(JSON.parse(kept)));
