// The page of runs: what the server says, drawn anew whenever the log of the shown run grows.
"use strict";

const said = document.getElementById("runs").dataset;
const lang = document.documentElement.lang;
const REDRAW_MS = 1000;
const LIST_MS = 3000;
const RETRY_MS = 3000;
let following = null;
let listing = false;

/** What read makes of an answer of the server; null where it was refused, which the page then says, or given up. */
async function fetched(path, read, options = {}) {
  try {
    const response = await fetch(path, { ...options, headers: withKey(options.headers ?? {}) });
    if (response.ok) {
      document.getElementById("trouble").replaceChildren();
      return await read(response);
    }
    const locked = response.status === 401 || response.status === 403;
    trouble(locked ? said.key : (await response.json()).detail, locked ? lang : "en");
  } catch (error) {
    if (error.name === "AbortError") return null;
    if (!(error instanceof TypeError)) throw error;
    trouble(said.gone, lang); // fetch rejects with a TypeError where no server answers
  }
  return null;
}

function trouble(text, language) {
  const box = node("section", "", { className: "box error" });
  box.append(node("h2", said.refused), node("p", text, { lang: language }));
  document.getElementById("trouble").replaceChildren(box);
}

/** Draw a part anew; where the reader is, and how far a table is scrolled, stays. */
async function draw(id, path, signal) {
  const html = await fetched(`${path}?lang=${lang}`, (response) => response.text(), { signal });
  if (html === null || signal?.aborted) return false;
  const target = document.getElementById(id);
  const focused = document.activeElement?.id;
  const scrolled = [...target.querySelectorAll(".scroll[id]")].map((one) => [one.id, one.scrollLeft]);
  place(target, html);
  for (const [name, left] of scrolled) {
    const one = document.getElementById(name);
    if (one) one.scrollLeft = left;
  }
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  return true;
}

async function show(name) {
  following?.abort();
  const own = (following = new AbortController());
  const live = document.getElementById("live");
  live.textContent = "";
  const path = `/v1/runs/${encodeURIComponent(name)}`;
  if (!(await draw("run", `${path}/page`, own.signal))) return;
  document.getElementById("run-title").focus({ preventScroll: false });
  let last = 0;
  while (!own.signal.aborted) {
    const options = { headers: { "last-event-id": String(last) }, signal: own.signal };
    const response = await fetched(`${path}/events`, (stream) => stream, options);
    if (response) {
      live.textContent = said.live;
      last = await follow(response, path, last, own.signal);
      if (last === null) {
        live.textContent = said.over;
        return;
      }
    }
    if (own.signal.aborted) return;
    live.textContent = said.lost;
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

/** Read a stream of server-sent events to its end; the number of the last one, or null when the training is over. */
async function follow(response, path, last, signal) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const redraw = throttled(() => Promise.all([draw("run", `${path}/page`, signal), drawList(signal)]));
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return last;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s)));
        if (!fields.event) continue;
        last = Number(fields.id);
        redraw();
        if (fields.event === "over") return null;
      }
    }
  } catch (error) {
    if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
    return last; // the connection was lost, or another run is shown
  }
}

/** At most one call at a time and one in REDRAW_MS; the last request is never dropped. */
function throttled(work) {
  let busy = false;
  let again = false;
  return async function run() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    await work();
    await new Promise((done) => setTimeout(done, REDRAW_MS));
    busy = false;
    if (again) {
      again = false;
      run();
    }
  };
}

const drawList = (signal) => draw("list-body", "/v1/page/runs", signal);

/** A training that begins, or goes on, comes into the list by itself. */
async function keepListed() {
  await new Promise((done) => setTimeout(done, LIST_MS));
  if (!document.hidden) await drawList();
  keepListed();
}

async function start() {
  await Promise.all([drawList(), draw("plugins-body", "/v1/plugins/page")]);
  const wanted = new URLSearchParams(location.search).get("run");
  if (!listing) keepListed();
  listing = true;
  if (wanted) await show(wanted);
}

document.getElementById("list").addEventListener("click", (event) => {
  const link = event.target.closest("[data-run]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  show(link.dataset.run);
});
addEventListener("popstate", () => {
  const wanted = new URLSearchParams(location.search).get("run");
  if (wanted) show(wanted);
  else {
    following?.abort();
    document.getElementById("run").replaceChildren();
    document.getElementById("live").textContent = "";
  }
});
document.getElementById("unlock")?.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
for (const one of document.querySelectorAll("[data-language]")) {
  one.addEventListener("click", () => {
    const next = new URLSearchParams(location.search);
    next.set("lang", one.dataset.language);
    one.href = `?${next}`;
  });
}
if (!document.getElementById("unlock")) start();
