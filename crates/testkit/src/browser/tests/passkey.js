const show = (what) => { document.getElementById("result").textContent = what; };
const challenge = "AAECAwQFBgcICQoLDA0ODw";
const make = async () => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON({
    challenge, rp: { id: location.hostname, name: "Site" }, user: { id: "dXNlcg", name: "user", displayName: "User" },
    pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  });
  return navigator.credentials.create({ publicKey });
};
const use = async () => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({
    challenge, rpId: location.hostname, userVerification: "required",
  });
  return navigator.credentials.get({ publicKey });
};
for (const [id, deed] of [["make", make], ["use", use]])
  document.getElementById(id).addEventListener("click", () => {
    show("");
    deed().then((made) => show(JSON.stringify(made.toJSON())), (error) => show("refused: " + error.name));
  });
