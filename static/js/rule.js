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
