// The composer's few liberties: merge tags where one wrote last, focus that follows a moved block, a frame that keeps
// its width. Writing, saving and moving work without this file.
const $ = (selector, root = document) => root.querySelector(selector);
const on = (type, listen) => document.addEventListener(type, listen);

/* Merge tags go where the caret was. */
const takesTags = "#compose [data-tags], #id_subject, #id_preview_text, #id_html";
let last = null;

on("focusin", (event) => event.target.matches(takesTags) && (last = event.target.id));
on("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (!button) return;
  const field = (last && document.getElementById(last)) || $("#id_subject");
  button.closest("details").open = false;
  field.focus();
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

/* What was typed and is not saved yet says so. */
on("input", (event) => event.target.closest("#compose") && $("#saved")?.setAttribute("data-dirty", ""));

/* A block that moved keeps the focus on the button that moved it. */
let pressed = "";
on("click", (event) => {
  const button = event.target.closest("#mailbody button[name]");
  if (button) pressed = button.name;
});
on("htmx:afterSettle", () => {
  const body = $("#mailbody[data-focus-block]");
  if (!body) return;
  const block = document.getElementById(body.dataset.focusBlock);
  delete body.dataset.focusBlock;
  const mover = pressed === "add" || pressed === "remove" ? null : $(`button[name="${pressed}"]:not(:disabled)`, block);
  const place =
    mover ?? $("textarea, input:not([type=hidden]), select", block) ?? $("button:not(:disabled, [tabindex])", block);
  place?.focus({ preventScroll: false });
  pressed = "";
});

/* The preview is drawn anew after each save; its width stays. */
let device = "desktop";
on("click", (event) => (device = event.target.closest("[data-device]")?.dataset.device ?? device));
on("htmx:afterSettle", () => {
  const preview = $("#preview");
  if (preview && preview.dataset.showing !== device) $(`[data-device="${device}"]`, preview)?.click();
});

/* "Go there" puts the focus into the field, not beside it. */
on("click", (event) => {
  const link = event.target.closest(".finding a[href^='#']");
  const place = link && document.getElementById(link.hash.slice(1));
  if (!place) return;
  event.preventDefault();
  const field = place.matches("input, select, textarea") ? place : $("input:not([type=hidden]), select, textarea, button", place);
  place.scrollIntoView({ block: "center" });
  (field ?? place).focus({ preventScroll: true });
});
