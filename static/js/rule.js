// The rule builder's two liberties: what was typed while an answer was on its way stays, and the focus goes where the
// server says. All moves are the server's; without this file they work by full loads.
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
  typed = new Map($$(fields).filter((field) => field.value !== sent.get(field.id)).map((field) => [field.id, field.value]));
});

on("htmx:afterSettle", (event) => {
  if (event.detail.elt.id !== "rule") return;
  for (const [id, value] of typed) {
    const field = document.getElementById(id);
    if (field) field.value = value;
  }
  typed = new Map();
  const place = document.getElementById($("#rule").dataset.goesTo ?? "");
  // A value to fill in, or the menu of what was moved.
  place?.focus();
  if (place?.matches("input")) place.select();
});
