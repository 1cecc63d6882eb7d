// Passkeys: shows the forms that need one, asks the device, and sends what it answers.
// Where this does not run they stay hidden; every page has another way.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const named = (keys = []) => keys.map((key) => ({ ...key, id: bytes(key.id) }));

const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

async function ask(how, options) {
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  if (how === "create") {
    publicKey.user = { ...options.user, id: bytes(options.user.id) };
    publicKey.excludeCredentials = named(options.excludeCredentials);
  }
  const made = await navigator.credentials[how]({ publicKey });
  const response = {};
  for (const part of PARTS) {
    if (made.response[part]) response[part] = text(made.response[part]);
  }
  return { id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} };
}

for (const excuse of document.querySelectorAll("[data-without-passkey]")) {
  excuse.hidden = Boolean(window.PublicKeyCredential);
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) break;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    const field = form.elements.response;
    if (field.value) return;
    event.preventDefault();
    try {
      const made = await ask(form.dataset.passkey, JSON.parse(form.dataset.options));
      field.value = JSON.stringify(made);
      form.requestSubmit();
    } catch {
      form.querySelector("[data-failed]").hidden = false;
    }
  });
}
