// The few things HTML and htmx do not do by themselves. Every page works without this file.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (type, listen, options) => document.addEventListener(type, listen, options);

/* Toasts: Django's messages are in the page already; htmx answers send
   HX-Trigger: {"toast": {"text": "…", "tone": "good", "link": "…", "url": "…"}}. A bad one stays until it is closed. */
const TOAST_MS = 8000;

function expire(toast) {
  if (toast.dataset.tone === "bad") return;
  let timer;
  const start = () => (timer = setTimeout(() => toast.remove(), TOAST_MS));
  const hold = () => clearTimeout(timer);
  toast.addEventListener("mouseenter", hold);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("mouseleave", start);
  toast.addEventListener("focusout", start);
  start();
}

function say(text, tone = "info", link = "", url = "") {
  const stack = $(".toasts");
  if (!stack || $$(".toast__text", stack).some((shown) => shown.textContent === text)) return;
  const toast = $("#toast").content.firstElementChild.cloneNode(true);
  toast.dataset.tone = tone;
  $(".toast__text", toast).textContent = text;
  if (url) {
    const more = document.createElement("a");
    more.href = url;
    more.textContent = link;
    $(".toast__text", toast).append(" ", more);
  }
  $$("[data-for-tone]", toast).forEach((icon) => icon.dataset.forTone === tone || icon.remove());
  stack.append(toast);
  expire(toast);
}

$$(".toast").forEach(expire);
on("toast", ({ detail }) => say(detail.text ?? detail.value, detail.tone, detail.link, detail.url));

on("htmx:sendError", () => say("No answer from Campanile. What is on the page may be old; try again in a moment.", "bad"));
on("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 403) say("You may not do this any more. Load the page again.", "bad");
  else if (status === 404) say("This is no longer there. Load the page again.", "bad");
  else if (status === 429) say("Too many tries. Wait a minute.", "warn");
  else say("This did not work. Load the page again to see what was kept.", "bad");
});

/* After the end of a session every answer is the log-in page: never put it into a piece of this one. */
let loggedOut = false;
on("htmx:beforeSwap", (event) => {
  const isLogin = new URL(event.detail.xhr.responseURL || location.href).pathname.startsWith("/accounts/login/");
  if (isLogin) {
    event.detail.shouldSwap = false;
    if (!loggedOut) say("You are logged out. Copy what is not saved yet, then load the page again.", "bad");
  }
  loggedOut = isLogin;
});

/* Dialogs: the browser holds focus inside and gives it back; we open and close. What is to be filled in comes first. */
function open(dialog) {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  land($("[data-focus]", dialog) ?? $(".dialog__body :is(input:not([type=hidden]), select, textarea):enabled", dialog));
}

on("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    event.preventDefault();
    open(document.getElementById(opener.dataset.dialog));
    return;
  }
  const shell = event.target.closest("[data-close]")?.closest("dialog, .toast, [popover]");
  if (shell?.matches("dialog")) shell.close();
  else if (shell?.matches(".toast")) shell.remove();
  else shell?.hidePopover();
});

on("close-dialog", () => $$("dialog[open]").forEach((dialog) => dialog.close()));

/* A dangerous button wakes when the name is typed exactly. */
on("input", (event) => {
  const wanted = event.target.dataset.confirm;
  if (wanted === undefined) return;
  const button = $("[data-confirm-button]", event.target.form);
  if (button) button.disabled = event.target.value.trim() !== wanted;
});

/* Menus and help: Esc and a click elsewhere close them. */
const folding = "details.menu[open], details.help[open]";

on("click", (event) => $$(folding).forEach((menu) => menu.contains(event.target) || (menu.open = false)));
on("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = event.target.closest?.(folding) ?? $(folding);
    if (menu) {
      menu.open = false;
      $("summary", menu).focus();
    } else if (event.target.matches?.(".bar__search input")) event.target.blur();
  }
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = $(".bar__search input") ?? $(".filters input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

/* The focus goes to what changed, if the page or the answer marks it. */
function land(place) {
  if (!place || document.activeElement.matches(".filters *")) return;
  if (!place.matches("a[href], button, input, select, textarea, [tabindex]")) place.tabIndex = -1;
  place.focus({ preventScroll: false });
}

/* A form that came back with errors says so first. */
land($(".errors[data-focus]") ?? $("[data-focus]"));
$$("dialog[data-open]").forEach(open);

on("htmx:afterSettle", (event) => {
  const root = event.detail.elt;
  land(root.matches?.("[data-focus]") ? root : $("[data-focus]", root));
  $$("dialog[data-open]", root).forEach(open);
  [root.closest?.("[data-selection]"), ...$$("[data-selection]", root)].forEach(selection);
  $$("[data-most]", root).forEach(fill);
});

/* Filters replace the page's query instead of adding to it; one left empty stays out of the address. */
on("htmx:configRequest", (event) => {
  if (!event.detail.elt.matches(".filters")) return;
  event.detail.path = event.detail.path.split("?")[0];
  for (const [name, value] of [...event.detail.formData]) if (value === "") event.detail.formData.delete(name);
});

/* Ticked rows: <form data-selection> holds the table and the bulk bar. */
function selection(form) {
  if (!form) return;
  const boxes = $$(".select input[name]", form);
  const ticked = boxes.filter((box) => box.checked).length;
  const all = $("[data-select-all]", form);
  if (all) {
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  /* All that match, on every page: offered once the whole page is ticked; over as soon as a tick changes. */
  const every = $("[data-all]", form);
  const isWhole = ticked > 0 && ticked === boxes.length;
  if (every && !isWhole) every.value = "";
  const isEvery = Boolean(every?.value);
  keep({ every: isEvery, ids: boxes.filter((box) => box.checked).map((box) => box.value) });
  $$("[data-page-chosen]", form).forEach((line) => (line.hidden = !isWhole || isEvery));
  $$("[data-all-chosen]", form).forEach((line) => (line.hidden = !isEvery));
  $$(".bulk-bar, [data-to-bar]", form).forEach((place) => (place.hidden = ticked === 0));
  $$("[data-selected-count]", form).forEach(
    (place) => (place.textContent = isEvery ? $("[data-all-number]", form).textContent : ticked),
  );
}

/* How many match may come after the page: then it stands wherever the page says it. */
on("htmx:afterSwap", (event) => {
  const number = $("[data-number]", event.detail.target)?.dataset.number;
  if (!number) return;
  $$("[data-all-number]").forEach((place) => (place.textContent = number));
  selection($("[data-selection]"));
});

on("click", (event) => {
  const button = event.target.closest("[data-choose-all], [data-choose-page]");
  const form = button?.closest("[data-selection]");
  if (!form) return;
  $("[data-all]", form).value = button.matches("[data-choose-all]") ? "1" : "";
  selection(form);
  $(".bulk-bar__all:not([hidden]) button", form)?.focus();
});

on("change", (event) => {
  const form = event.target.closest("[data-selection]");
  if (event.target.matches("[data-select-all]"))
    $$(".select input[name]", form).forEach((box) => (box.checked = event.target.checked));
  selection(form);
  /* By keyboard, the bar is the next stop after the tick, however long the table is. */
  const skip = form && $("[data-to-bar]", form);
  if (skip && event.target.matches(".select input")) event.target.closest(".select").append(skip);
});
on("click", (event) => {
  if (!event.target.matches("[data-to-bar]")) return;
  $(".bulk-bar button:not([hidden] *)", event.target.form).focus();
});
/* What is chosen stays with the page's place in the history: by itself, a browser brings ticks back by their place in the
   table, where other people may stand now, and forgets that all were meant. */
function keep(chosen) {
  if (chosen.ids.length || history.state?.chosen)
    history.replaceState({ ...history.state, chosen: chosen.ids.length ? chosen : null }, "");
}

/* All that match go along to the other pages of them, and nowhere else. */
on("click", (event) => {
  const link = event.target.closest(".pager a[href]");
  const isEvery = link && $$("[data-all]").some((every) => every.value);
  if (isEvery) sessionStorage.setItem("every", link.href);
});

function bringBack() {
  const goesOn = sessionStorage.getItem("every") === location.href;
  sessionStorage.removeItem("every");
  const chosen = history.state?.chosen ?? (goesOn ? { every: true, ids: [] } : null);
  $$("[data-selection]").forEach((form) => {
    const every = $("[data-all]", form);
    if (every) every.value = chosen?.every ? "1" : "";
    $$(".select input[name]", form).forEach(
      (box) => (box.checked = Boolean(chosen) && ((chosen.every && every) || chosen.ids.includes(box.value))),
    );
    selection(form);
  });
}
addEventListener("pageshow", bringBack);
on("click", (event) => {
  const form = event.target.closest("[data-select-none]")?.closest("[data-selection]");
  if (!form) return;
  $$(".select input", form).forEach((box) => (box.checked = false));
  selection(form);
});

/* No more ticks than there is room for: <fieldset data-most="12">; [data-most-count] says how many there are. */
function fill(set) {
  const boxes = $$("input[type=checkbox]", set);
  const ticked = boxes.filter((box) => box.checked).length;
  boxes.forEach((box) => (box.disabled = !box.checked && ticked >= Number(set.dataset.most)));
  $$("[data-most-count]", set).forEach((place) => (place.textContent = ticked));
}

on("change", (event) => {
  const set = event.target.closest("[data-most]");
  if (set) fill(set);
});
$$("[data-most]").forEach(fill);

/* Needed once a box is ticked: <input type="checkbox" data-needs="names of other fields of its form">. */
function need(box) {
  for (const name of box.dataset.needs.split(" ")) {
    const field = box.form.elements[name];
    if (!field) continue;
    field.required = box.checked;
    $$(".field__optional", field.closest(".field")).forEach((word) => (word.hidden = box.checked));
  }
}

on("change", (event) => event.target.matches("[data-needs]") && need(event.target));
$$("[data-needs]").forEach(need);

/* What is typed and not saved: <form data-unsaved>; "yes" from the start where it comes back refused. The search in it is no
   change, and a rule drawn anew is one. */
const changed = "form[data-unsaved=yes]";
const change = (form) => form && (form.dataset.unsaved = "yes");

on("input", (event) => event.target.type !== "search" && change(event.target.closest?.("form[data-unsaved]")));
on("redrawn", () => change($("form[data-unsaved]")));
on("submit", (event) => event.target.matches(changed) && (event.target.dataset.unsaved = ""));
addEventListener("beforeunload", (event) => $(changed) && event.preventDefault());

/* A form that is kept says in `sent` where, as it is sent; it goes if the next page says that it is saved. A page where it
   was refused keeps it again. */
const sent = sessionStorage.getItem("sent");
sessionStorage.removeItem("sent");
if (sent && $$(".toast[data-tone=good] .toast__text").some((shown) => shown.textContent.startsWith("Saved")))
  sessionStorage.removeItem(sent);

/* What is kept is for who typed it: it goes as they log out, or as somebody else is logged in. */
function forget(but) {
  for (const place of Object.keys(sessionStorage))
    if (place.startsWith("unsaved ") && !place.startsWith(`unsaved ${but} `)) sessionStorage.removeItem(place);
}
on("submit", (event) => event.target.matches("form[action$='/logout/']") && forget());
if (document.body.dataset.user) forget(document.body.dataset.user);

/* Copy: <button data-copy="id of the element">. */
on("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    say("Copied.", "good");
  } catch {
    source.select?.();
    say("The browser did not allow copying; press Ctrl C.", "warn");
  }
});

/* Letters left: <output data-count-for="id" data-limit="…">. */
function count(output) {
  const field = document.getElementById(output.dataset.countFor);
  if (!field) return;
  const length = [...field.value].length;
  output.textContent = output.dataset.limit ? `${length} of ${output.dataset.limit}` : length;
  output.toggleAttribute("data-over", Boolean(output.dataset.limit) && length > Number(output.dataset.limit));
}

on("input", (event) => event.target.id && $$(`[data-count-for="${CSS.escape(event.target.id)}"]`).forEach(count));
$$("[data-count-for]").forEach(count);

/* Light, dark, or as the system says; kept in a cookie so that the server draws the first paint right. */
function theme(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
  $$("[data-theme-choice]").forEach((button) => (button.ariaPressed = String(button.dataset.themeChoice === choice)));
}

on("click", (event) => {
  const choice = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
  if (choice === undefined) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${choice}; path=/; max-age=${choice ? 31536000 : 0}; samesite=lax${secure}`;
  theme(choice);
});
theme(document.documentElement.dataset.theme ?? "");

/* A preview's width: <button data-device="phone" aria-controls="id of .mail-preview">. */
on("click", (event) => {
  const button = event.target.closest("[data-device]");
  if (!button) return;
  const preview = document.getElementById(button.getAttribute("aria-controls"));
  preview.dataset.showing = button.dataset.device;
  $$(`[aria-controls="${preview.id}"]`).forEach((other) => (other.ariaPressed = String(other === button)));
});
on("click", (event) => event.target.closest("[data-print]") && window.print());

/* A chosen or dropped file goes off at once; the button stays for whoever has no script. */
on("change", (event) => {
  const form = event.target.matches("input[type=file]") && event.target.closest("form[data-drop]");
  if (form && event.target.files.length) form.requestSubmit();
});
for (const [type, over] of [["dragenter", true], ["dragleave", false], ["drop", false]])
  on(type, (event) => event.target.closest?.(".drop")?.toggleAttribute("data-over", over));

/* A button that says what it is busy with; a page that comes back from the browser's memory is fresh again. */
on("submit", (event) => {
  const button = $("[data-busy]", event.target);
  if (!button) return;
  button.dataset.idle = button.textContent;
  button.textContent = button.dataset.busy;
  button.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () =>
  $$("[data-idle]").forEach((button) => {
    button.textContent = button.dataset.idle;
    button.removeAttribute("aria-disabled");
  }),
);
