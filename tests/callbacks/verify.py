"""Verifies signed callbacks with `standardwebhooks` of PyPI; see libraries.sh."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def is_accepted(secret, headers, body):
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
        return True
    except WebhookVerificationError:
        return False


def damaged(secret, headers, body):
    """Copies with one part changed, each with its name."""
    second = int(headers["webhook-timestamp"])
    signature = headers["webhook-signature"]
    # The first digit of each signature: the last ones hold bits that are not part of it.
    turned = " ".join(
        entry[:3] + ("B" if entry[3] == "A" else "A") + entry[4:] for entry in signature.split(" ")
    )
    yield "body", secret, headers, body + " "
    yield "id", secret, {**headers, "webhook-id": headers["webhook-id"] + "x"}, body
    yield "second", secret, {**headers, "webhook-timestamp": str(second + 1)}, body
    yield "hour", secret, {**headers, "webhook-timestamp": str(second - 3600)}, body
    yield "signature", secret, {**headers, "webhook-signature": turned}, body
    yield "secret", "whsec_" + "AAAA" * 8, headers, body


accepted = refused = wrong = 0
for line in sys.stdin:
    case = json.loads(line)
    whole = case["secret"], case["headers"], case["body"]
    if is_accepted(*whole):
        accepted += 1
    else:
        wrong += 1
        print("python: refused", case["headers"], file=sys.stderr)
    for name, *copy in damaged(*whole):
        if is_accepted(*copy):
            wrong += 1
            print("python: accepted with another", name, case["headers"], file=sys.stderr)
        else:
            refused += 1
print(f"python: {accepted} accepted, {refused} damaged copies refused, {wrong} wrong")
sys.exit(0 if accepted and not wrong else 1)
