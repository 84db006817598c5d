// What both pages share: colours, the key, and asking the server.
"use strict";

const theme = document.getElementById("theme");
theme.value = document.documentElement.dataset.theme;
theme.addEventListener("change", () => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem("redheart-theme", theme.value);
});

/** Headers of a request; the key stays in its field, which is there where the server asks for one. */
function withKey(headers) {
  const key = document.getElementById("key")?.value.trim();
  return key ? { ...headers, authorization: `Bearer ${key}` } : headers;
}

/** A part of a page that the server has written. It escapes every value, and the policy of the page runs no script. */
function place(target, html) {
  target.replaceChildren(document.createRange().createContextualFragment(html));
}

function node(name, text, properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.textContent = text;
  return made;
}
