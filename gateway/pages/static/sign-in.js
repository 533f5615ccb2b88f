// Three conveniences of the sign-in page, which works without any of them: a hint at caps lock, a look at what was
// typed, and one answer to a double click. Nothing is read here but keys pressed, nothing is kept, nothing is sent.
"use strict";
(() => {
  const form = document.getElementById("sign-in");
  const password = document.getElementById("password");
  const caps = document.getElementById("caps");
  const show = document.getElementById("show");
  if (!form || !password || !caps || !show) return;

  const look = (event) => {
    // A password manager that fills in sends events without modifiers.
    if (!event.getModifierState) return;
    caps.textContent = event.getModifierState("CapsLock") ? caps.dataset.text : "";
  };
  password.addEventListener("keydown", look);
  password.addEventListener("keyup", look);
  password.addEventListener("blur", () => { caps.textContent = ""; });

  const reveal = (shown) => {
    password.type = shown ? "text" : "password";
    show.setAttribute("aria-pressed", String(shown));
  };
  show.hidden = false;
  show.addEventListener("click", () => { reveal(password.type === "password"); });

  // A second click would be a second try, of which a directory takes only so many.
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
    // What is shown while it is sent would be kept among the words that a browser proposes.
    reveal(false);
    setTimeout(() => { sent = false; }, 10000);
  });
  addEventListener("pageshow", () => { sent = false; });
})();
