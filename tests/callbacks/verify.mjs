// Verifies signed callbacks with `standardwebhooks` of npm; see libraries.sh.

import { readFileSync } from "node:fs";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

function isAccepted({ secret, headers, body }) {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

/** Copies with one part changed, each with its name. */
function damaged(whole) {
  const { headers, body } = whole;
  const second = Number(headers["webhook-timestamp"]);
  const withHeader = (name, value) => ({ ...whole, headers: { ...headers, [name]: value } });
  // The first digit of each signature: the last ones hold bits that are not part of it.
  const turn = (entry) => entry.slice(0, 3) + (entry[3] === "A" ? "B" : "A") + entry.slice(4);
  const turned = headers["webhook-signature"].split(" ").map(turn).join(" ");
  return {
    body: { ...whole, body: body + " " },
    id: withHeader("webhook-id", headers["webhook-id"] + "x"),
    second: withHeader("webhook-timestamp", String(second + 1)),
    hour: withHeader("webhook-timestamp", String(second - 3600)),
    signature: withHeader("webhook-signature", turned),
    secret: { ...whole, secret: "whsec_" + "AAAA".repeat(8) },
  };
}

let [accepted, refused, wrong] = [0, 0, 0];
for (const line of readFileSync(0, "utf8").split("\n").filter((line) => line !== "")) {
  const whole = JSON.parse(line);
  if (isAccepted(whole)) accepted += 1;
  else {
    wrong += 1;
    console.error("npm: refused", whole.headers);
  }
  for (const [name, copy] of Object.entries(damaged(whole))) {
    if (!isAccepted(copy)) refused += 1;
    else {
      wrong += 1;
      console.error("npm: accepted with another", name, whole.headers);
    }
  }
}
console.log(`npm: ${accepted} accepted, ${refused} damaged copies refused, ${wrong} wrong`);
process.exit(accepted > 0 && wrong === 0 ? 0 : 1);
