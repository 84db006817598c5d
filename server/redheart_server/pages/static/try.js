// The page on which a text is tried. The text leaves it in the body of a request alone, never in an address.
"use strict";

const form = document.getElementById("ask");
const words = form.dataset;
const field = (id) => document.getElementById(id);
const acts = field("acts");
const LETTERS = "ABCDEFGHIJKLMNOPQRST";
const SWITCHES = { reasons: true, details: false };
const CHOICES = ["written", "country", "model"];
const IN_WORDS = { 413: words.long, 422: words.unfit, 429: words.often, 503: words.busy };
let asked = null;

/** The settings in the address, which is the link to them. */
function settings() {
  const found = new URLSearchParams();
  found.set("lang", document.documentElement.lang);
  if (mode() === "acts") found.set("mode", "acts");
  for (const id of CHOICES) if (field(id).value) found.set(id, field(id).value);
  for (const [id, usual] of Object.entries(SWITCHES)) {
    if (field(id).checked !== usual) found.set(id, field(id).checked ? "1" : "0");
  }
  return found;
}

function readSettings() {
  const given = new URLSearchParams(location.search);
  for (const id of CHOICES) {
    const wanted = given.get(id);
    if (wanted && [...field(id).options].some((one) => one.value === wanted)) field(id).value = wanted;
  }
  for (const id of Object.keys(SWITCHES)) if (given.has(id)) field(id).checked = given.get(id) === "1";
  if (given.get("mode") === "acts") form.elements.mode.value = "acts";
  if ([...CHOICES, ...Object.keys(SWITCHES)].some((id) => given.has(id))) field("settings").open = true;
}

/** The models that there are to choose from, as soon as the server may be asked for them. */
async function readModels() {
  const response = await fetch("/v1/models", { headers: withKey({}) });
  if (!response.ok) return; // this key may not read them: the first model answers
  const names = (await response.json()).map((one) => one.name);
  const options = names.map((name, place) =>
    node("option", place ? name : words.first.replace("{name}", name), { value: place ? name : "" }),
  );
  field("model").replaceChildren(...options);
  const wanted = new URLSearchParams(location.search).get("model");
  if (names.indexOf(wanted) > 0) field("model").value = wanted;
  field("model-field").hidden = names.length < 2;
}

function mode() {
  return form.elements.mode.value;
}

function showMode() {
  field("one").hidden = mode() === "acts";
  field("many").hidden = mode() !== "acts";
  field("send").textContent = mode() === "acts" ? words.compare : words.analyze;
}

function settingsChanged() {
  showMode();
  history.replaceState(null, "", `?${settings()}`);
}

function addAct(text = "") {
  const box = document.createElement("div");
  box.className = "field act-field";
  const area = node("textarea", "", { rows: 2, maxLength: 100000, value: text });
  const remove = node("button", "×", { type: "button", className: "quiet remove" });
  remove.addEventListener("click", () => {
    box.remove();
    nameActs();
    field("add").focus();
  });
  box.append(document.createElement("label"), area, remove);
  acts.append(box);
  nameActs();
  return area;
}

function nameActs() {
  nothingWrong();
  [...acts.children].forEach((box, number) => {
    const [label, area, remove] = box.children;
    const letter = LETTERS[number] ?? number + 1;
    area.id = `act-${number}`;
    label.htmlFor = area.id;
    label.textContent = words.act.replace("{letter}", letter);
    remove.ariaLabel = words.remove.replace("{letter}", letter);
    remove.hidden = acts.children.length <= 2;
  });
  field("add").hidden = acts.children.length >= LETTERS.length;
}

const texts = () => [...acts.querySelectorAll("textarea")].map((area) => area.value);

/** What is asked for; null where a field is wrong, which it then says. */
function question() {
  const language = field("written").value ? { language: field("written").value } : {};
  if (mode() === "text") {
    const text = field("text").value;
    return { path: "/v1/analyze/page", body: { text, ...language } };
  }
  const situation = field("situation").value.trim() ? field("situation").value : "";
  const body = dilemma(situation, texts(), language);
  return body && { path: "/v1/decide/page", body };
}

/** Whether something has to be written before anything can be asked. */
function nothingWritten() {
  const given = mode() === "text" ? [field("text").value] : texts();
  return given.filter((text) => text.trim()).length < (mode() === "text" ? 1 : 2);
}

/** Fields of acts that are empty go, so that acts of the answer and fields are the same. */
function dropEmptyActs() {
  for (const box of [...acts.children]) if (!box.children[1].value.trim()) box.remove();
  nameActs();
}

function trouble(title, sentences, help) {
  const box = node("section", "", { className: "box error" });
  box.append(node("h2", title), ...sentences.map(([text, lang]) => node("p", text, { lang })));
  field("trouble").replaceChildren(...helpFirst(help), box);
  field("status").textContent = "";
}

/** Help for a person in crisis, as far as there is any. */
function helpFirst(help) {
  if (!help) return [];
  const section = node("section", "", { className: "box help", lang: help.language });
  section.append(node("h2", words.help, { lang: document.documentElement.lang }));
  section.append(...help.text.split("\n").map((line) => node("p", line)));
  return [section];
}

/** A refusal in words: the server says what was expected, what came and how to fix it. */
async function refused(response) {
  const lang = document.documentElement.lang;
  const json = (response.headers.get("content-type") ?? "").includes("json");
  const problem = json ? await response.json() : { detail: response.statusText };
  const said = [];
  if (response.status === 401 || response.status === 403) {
    said.push([words.key, lang]);
    field("settings").open = true;
  } else if (mode() === "acts" && response.status === 422) {
    const { some, others } = wrongPlaces(problem);
    if (some && !others.length) {
      field("trouble").replaceChildren(...helpFirst(problem.help));
      field("status").textContent = words.wrong;
      return;
    }
    said.push([IN_WORDS[422], lang], ...(some ? others : [problem.detail]).map((text) => [text, "en"]));
  } else {
    said.push([IN_WORDS[response.status] ?? words.failed, lang], [problem.detail, "en"]);
  }
  const seconds = response.headers.get("retry-after");
  if (seconds) said.push([words.retry.replace("{seconds}", seconds), lang]);
  trouble(words.refused, said, problem.help);
}

async function ask(event) {
  event.preventDefault();
  const lang = document.documentElement.lang;
  field("trouble").replaceChildren();
  nothingWrong();
  if (nothingWritten()) {
    trouble(words.refused, [[mode() === "text" ? words.empty : words.few, lang]]);
    (mode() === "text" ? field("text") : acts.querySelector("textarea")).focus();
    return;
  }
  if (mode() === "acts") dropEmptyActs();
  const wanted = question();
  if (!wanted) {
    field("answer").replaceChildren();
    field("status").textContent = words.wrong;
    field("known").focus();
    return;
  }
  asked?.abort();
  const own = (asked = new AbortController());
  field("answer").replaceChildren();
  field("status").textContent = words.working;
  form.ariaBusy = "true";
  const query = new URLSearchParams({ lang, reasons: field("reasons").checked, details: field("details").checked });
  for (const id of ["country", "model"]) if (field(id).value) query.set(id, field(id).value);
  try {
    const response = await fetch(`${wanted.path}?${query}`, {
      method: "POST",
      headers: withKey({ "content-type": "application/json" }),
      body: JSON.stringify(wanted.body),
      signal: own.signal,
    });
    if (!response.ok) return await refused(response);
    place(field("answer"), await response.text());
    field("status").textContent = words.answered;
    field("result-title").focus({ preventScroll: true });
    field("result-title").scrollIntoView(); // to the top, so that what is doubtful below it is seen at once
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof TypeError)) throw error;
    trouble(words.refused, [[words.gone, lang]]); // fetch rejects with a TypeError where no server answers
  } finally {
    if (asked === own) form.ariaBusy = "false";
  }
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    field("status").textContent = words.copied;
  } catch {
    field("status").textContent = words.notCopied; // the reader or the browser refused
  }
}

/** Another language is another page: what was written goes along in this tab, and is removed from it at once. */
function keepForNextPage() {
  const kept = { text: field("text").value, situation: field("situation").value, acts: texts(), known: field("known").value };
  sessionStorage.setItem("redheart-written", JSON.stringify(kept));
}

function takeFromLastPage() {
  const kept = JSON.parse(sessionStorage.getItem("redheart-written") ?? "{}");
  sessionStorage.removeItem("redheart-written");
  field("text").value = kept.text ?? "";
  field("situation").value = kept.situation ?? "";
  field("known").value = kept.known ?? "";
  field("known-box").open = Boolean(kept.known);
  for (const text of kept.acts ?? ["", ""]) addAct(text);
}

takeFromLastPage();
readSettings();
showMode();
if (field("key")) field("key").addEventListener("change", readModels);
else readModels();
form.addEventListener("submit", ask);
field("link").addEventListener("click", copyLink);
field("add").addEventListener("click", () => addAct().focus());
field("known-file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  await takeFile(file, (situation, given) => {
    field("situation").value = situation;
    acts.replaceChildren();
    for (const text of [...given, "", ""].slice(0, Math.max(given.length, 2))) addAct(text);
  });
  event.target.value = ""; // so that the same file can be taken again
});
for (const id of [...CHOICES, ...Object.keys(SWITCHES)]) field(id).addEventListener("change", settingsChanged);
form.elements.mode.forEach((radio) => radio.addEventListener("change", settingsChanged));
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
for (const one of document.querySelectorAll("[data-language]")) {
  one.addEventListener("click", () => {
    keepForNextPage();
    const next = settings();
    next.set("lang", one.dataset.language);
    one.href = `?${next}`;
  });
}
