// Asks the browser for a passkey where a page has a button for it. The one script of these pages.
"use strict";

const say = (button, text) => {
  const place = button.closest("section, form, main").querySelector("[data-said]");
  if (place) place.textContent = text;
};

const send = async (path, body) => {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail || "This did not work.");
  return said;
};

const asked = async (button) => {
  const form = button.closest("form");
  const given = form ? Object.fromEntries(new FormData(form)) : {};
  const { ceremony, options } = await send(button.dataset.ask, given);
  const create = button.dataset.passkey === "create";
  const publicKey = create
    ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
    : PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await (create ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
  return send(button.dataset.answer, { ...given, ceremony, answer: credential.toJSON() });
};

for (const button of document.querySelectorAll("button[data-passkey]")) {
  button.hidden = !window.PublicKeyCredential;
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say(button, "Waiting for your passkey …");
    try {
      const { next } = await asked(button);
      location.assign(next);
    } catch (error) {
      const refused = error.name === "NotAllowedError" || error.name === "AbortError";
      say(button, refused ? "The passkey was not used. Try again." : error.message);
      button.disabled = false;
    }
  });
}
