// Applies the colours that the reader chose before anything is drawn. Nothing else is kept in the browser.
"use strict";
document.documentElement.dataset.theme = localStorage.getItem("redheart-theme") || "auto";
