// What is known of several acts beside their texts: JSON in a field, or a file; and errors at the field that they are of.
"use strict";

const MOST_BYTES = 1000000;
const knownField = () => document.getElementById("known");

/** Say at a field what is wrong with it: sentences with their language. */
function wrong(area, sentences) {
  const error = node("div", "", { className: "wrong", id: `${area.id}-wrong` });
  error.append(...sentences.map(([text, lang]) => node("p", text, { lang })));
  document.getElementById(error.id)?.remove();
  area.after(error);
  area.ariaInvalid = "true";
  const others = (area.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== error.id);
  area.setAttribute("aria-describedby", [error.id, ...others].join(" "));
  const box = area.closest("details");
  if (box) box.open = true;
}

function nothingWrong() {
  for (const area of document.querySelectorAll("[aria-invalid]")) {
    const error = document.getElementById(`${area.id}-wrong`);
    const others = area.getAttribute("aria-describedby").split(" ").filter((id) => id !== error.id);
    if (others.length) area.setAttribute("aria-describedby", others.join(" "));
    else area.removeAttribute("aria-describedby");
    area.removeAttribute("aria-invalid");
    error.remove();
  }
}

/** The JSON object of a text; null where it is none, which the field then says. */
function readObject(text) {
  const area = knownField();
  const lang = document.documentElement.lang;
  const said = document.getElementById("ask").dataset;
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    wrong(area, [[said.noJson, lang], [error.message, "en"]]);
    return null;
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject && (value.acts === undefined || Array.isArray(value.acts))) return value;
  wrong(area, [[said.noObject, lang]]);
  return null;
}

/** An act with its text; what is no act stays as it is, for the server to say so. */
function withText(known, text) {
  if (known === undefined || typeof known === "string") return { text };
  return typeof known === "object" && known !== null ? { ...known, text } : known;
}

/** The body of a question about acts; null where the field with what is known is wrong. */
function dilemma(situation, acts, language) {
  const text = knownField().value;
  const known = text.trim() ? readObject(text) : {};
  if (!known) return null;
  const given = known.acts ?? [];
  if (given.length && given.length !== acts.length) {
    const said = document.getElementById("ask").dataset.actsDiffer;
    const counts = said.replace("{given}", given.length).replace("{acts}", acts.length);
    wrong(knownField(), [[counts, document.documentElement.lang]]);
    return null;
  }
  const whole = acts.map((one, number) => withText(given[number], one));
  return { ...known, ...(situation ? { situation } : {}), ...language, acts: whole };
}

/** Say errors of the server at the fields that they are of; those that are of no field are given back. */
function wrongPlaces(problem) {
  const lang = document.documentElement.lang;
  const title = document.getElementById("ask").dataset.wrong;
  const areas = new Map();
  const others = [];
  for (const { pointer, detail } of problem.errors ?? []) {
    const act = pointer.match(/^\/acts\/(\d+)\/text$/);
    let area = act ? document.getElementById(`act-${act[1]}`) : null;
    if (pointer === "/situation") area = document.getElementById("situation");
    else if (!act && knownField().value.trim()) area = knownField();
    if (area) areas.set(area, [...(areas.get(area) ?? []), [detail, "en"]]);
    else others.push(detail);
  }
  for (const [area, sentences] of areas) wrong(area, [[title, lang], ...sentences]);
  [...areas.keys()][0]?.focus();
  return { some: areas.size > 0, others };
}

/** Spread a file over the fields: its texts, and what else it holds. */
async function takeFile(file, fill) {
  nothingWrong();
  if (file.size > MOST_BYTES) {
    wrong(knownField(), [[document.getElementById("ask").dataset.long, document.documentElement.lang]]);
    return;
  }
  const text = await file.text();
  const value = readObject(text);
  if (!value) {
    knownField().value = text;
    knownField().focus();
    return;
  }
  const { situation = "", acts = [], ...rest } = value;
  const texts = acts.map((act) => (typeof act === "string" ? act : (act?.text ?? "")));
  const more = acts.map((act) => (typeof act === "string" ? {} : { ...act, text: undefined }));
  const known = more.some((act) => Object.keys(act).some((key) => key !== "text")) ? { ...rest, acts: more } : rest;
  knownField().value = Object.keys(known).length ? JSON.stringify(known, null, 1) : "";
  fill(String(situation), texts.map(String));
}
