
"use strict";
// Reads how the gateway is doing and shows it. What comes from the gateway is only ever set as
// text; nothing is asked of anybody but the gateway itself.

const WHERE = "/admin/status";
const KEPT = "switchyard-status-key";
// It is told every two seconds: three of them were missed.
const STALE = 7000;
// A connection that says nothing for so long is given up.
const SILENT = 12000;
const LONGEST_WAIT = 30000;
// As the alert on the audit has it.
const ALL_SIGNED = 60000;
const el = (id) => document.getElementById(id);

let key = "";
// What ends the connection, and the timer of the next try.
let asking = null;
let again = 0;
let wait = 1000;
// The newest snapshot, when it came, and how far our clock is off.
let newest = null;
let cameAt = 0;
let skew = 0;
// One of LINKS, and why it is lost.
let link = "";
let lost = "";
let retryAt = 0;
let announced = "";

// Making things. A part is a text, or { tag, text, parts, class, ... }.

function make(part) {
  if (typeof part === "string" || typeof part === "number") return document.createTextNode(String(part));
  const made = document.createElement(part.tag || "span");
  if (part.class) made.className = part.class;
  if (part.hidden) made.setAttribute("aria-hidden", "true");
  if (part.href) made.setAttribute("href", part.href);
  if (part.used !== undefined) made.style.setProperty("--used", String(part.used));
  if (part.at) {
    made.dateTime = part.at;
    made.title = new Date(part.at).toLocaleString();
    made.dataset.how = part.how || "ago";
    made.textContent = relative(part.at, made.dataset.how);
  }
  if (part.text !== undefined) made.textContent = String(part.text);
  for (const inner of part.parts || []) made.append(make(inner));
  return made;
}

// Sets what stands in a node, unless it stands there already.
function set(node, parts) {
  const written = JSON.stringify(parts);
  if (node.written === written) return;
  node.written = written;
  node.replaceChildren(...parts.map(make));
}

function say(node, text) { if (node.textContent !== text) node.textContent = text; }
function toggle(node, hidden) { if (node.hidden !== hidden) node.hidden = hidden; }
const sub = (...parts) => ({ class: "sub", parts });
const mono = (text) => ({ class: "mono", text });
const time = (at, how) => ({ tag: "time", at, how });
const state = (how, ...parts) => ({ class: "state " + how, parts: [{ class: "mark", hidden: true }, { parts }] });
const words = (code) => code.replaceAll("_", " ");
const title = (code) => code.charAt(0).toUpperCase() + words(code.slice(1));
const many = (count, one, more) => number(count) + " " + (count === 1 ? one : more);
const number = (count) => count.toLocaleString("en");

// Times, by the gateway's clock.

const now = () => Date.now() - skew;

function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return seconds + " s";
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes + " min" + (minutes < 5 && seconds % 60 ? " " + (seconds % 60) + " s" : "");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return hours + " h" + (minutes % 60 ? " " + (minutes % 60) + " min" : "");
  return Math.floor(hours / 24) + " days";
}

function relative(at, how) {
  const passed = now() - Date.parse(at);
  if (how === "for") return span(passed);
  if (how === "until") return passed < 0 ? "in " + span(-passed) : "now";
  return passed < 2500 ? "just now" : span(passed) + " ago";
}

function took(ms) {
  if (ms === null) return "–";
  return ms < 1000 ? ms + " ms" : ms < 60000 ? (ms / 1000).toFixed(1) + " s" : span(ms);
}

// Tables: rows are kept by their key, so that nothing moves under a reader's eyes.

function table(id, columns) {
  const table = el(id);
  table.setAttribute("role", "table");
  const head = table.createTHead().insertRow();
  table.tHead.setAttribute("role", "rowgroup");
  head.setAttribute("role", "row");
  for (const [title] of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.setAttribute("role", "columnheader");
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  body.setAttribute("role", "rowgroup");
  const rows = new Map();
  const empty = table.parentElement.querySelector(".empty");
  return (items, keyOf) => {
    const seen = new Set();
    items.forEach((item, at) => {
      const name = keyOf(item);
      seen.add(name);
      let row = rows.get(name);
      if (!row) {
        row = document.createElement("tr");
        row.setAttribute("role", "row");
        columns.forEach(([title, , style], place) => {
          const cell = document.createElement(place === 0 ? "th" : "td");
          cell.setAttribute("role", place === 0 ? "rowheader" : "cell");
          if (place === 0) cell.scope = "row"; else cell.dataset.label = title;
          if (style) cell.className = style;
          // One box, so that a narrow screen can put the label beside it.
          cell.append(document.createElement("div"));
          row.append(cell);
        });
        rows.set(name, row);
      }
      columns.forEach(([, parts], place) => set(row.cells[place].firstChild, parts(item)));
      if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] || null);
    });
    for (const [name, row] of rows) if (!seen.has(name)) { row.remove(); rows.delete(name); }
    toggle(table, items.length === 0);
    if (empty) toggle(empty, items.length > 0);
  };
}

function used(share) {
  const percent = Math.min(100, Math.floor(share * 100 + 1e-6));
  const how = percent >= 100 ? "bad" : percent >= 80 ? "warn" : "ok";
  return { class: "used " + how, parts: [
    { class: "track", hidden: true, parts: [{ used: percent }] },
    { class: "figure", text: percent + " %" }] };
}

function health(one) {
  if (one.health === "unavailable") return ["bad", "Not called", one.rests_until ? ["tried again ", time(one.rests_until, "until")] : []];
  if (one.paused_until) return ["warn", "Paused", ["by the platform; called again ", time(one.paused_until, "until")]];
  if (one.health === "probing") return ["warn", "Being tried", ["after failures, one call at a time"]];
  return ["ok", "Healthy", []];
}

function checked(check) {
  if (!check) return ["–"];
  const good = check.status !== null && check.status < 500;
  const came = check.status !== null ? "answered " + check.status : words(check.code || "no answer");
  return [state(good ? "ok" : "bad", good ? "There" : "Failed"), sub(came + ", ", time(check.at))];
}

const ENDS = { completed: "ok", incomplete: "warn", failed: "bad", cancelled: "idle" };
const KINDS = { limit: "Limit", budget: "Budget" };

const showUpstreams = table("upstreams-table", [
  ["Upstream", (one) => [one.name, sub(one.kind)]],
  ["Health", (one) => {
    const [how, word, why] = health(one);
    return [state(how, word), ...(why.length ? [sub(...why)] : [])];
  }],
  ["Calls", (one) => [
    number(one.calls) + " of " + number(one.most_calls),
    ...(one.waiting ? [sub(number(one.waiting) + " waiting")] : [])], "short"],
  ["Last check", (one) => checked(one.check)],
]);
const showBounds = table("bounds-table", [
  ["Name", (one) => [one.name]],
  ["What", (one) => [KINDS[one.kind] + (one.unit ? ", " + one.unit : "")], "short"],
  ["Used", (one) => [used(one.used)]],
]);
const showRunning = table("running-table", [
  ["Agent", (one) => [one.agent, sub(mono(one.id))]],
  ["State", (one) => [state(one.status === "queued" ? "idle" : "ok", title(one.status))], "short"],
  ["For", (one) => [time(one.since, "for")], "short"],
  ["Upstream", (one) => [one.upstream]],
  ["Workspace", (one) => [one.workspace]],
]);
const showEnded = table("ended-table", [
  ["Agent", (one) => [
    one.agent,
    sub(...(one.target && one.target !== one.agent ? [one.target + ", "] : []), mono(one.id || "–"))]],
  ["Ended", (one) => [
    state(ENDS[one.status] || "idle", title(one.status || "not_known")),
    ...(one.code ? [sub(words(one.code))] : [])]],
  ["When", (one) => [time(one.at)], "short"],
  ["Took", (one) => [took(one.duration_ms)], "short"],
  ["Workspace", (one) => [one.workspace || "–"]],
]);
const showRefusals = table("refusals-table", [
  ["Reason", (one) => [
    (one.reason || words(one.code)) + (one.count > 1 ? ", " + number(one.count) + " times" : ""),
    sub(mono(one.code), ...(one.rules.length ? [" by " + one.rules.join(", ")] : []))]],
  ["When", (one) => [time(one.at)], "short"],
  ["Asked for", (one) => [
    one.operation ? title(one.operation) : "–",
    ...(one.target ? [sub(one.target)] : [])]],
  ["By", (one) => [one.caller || "Nobody known", ...(one.workspace ? [sub(one.workspace)] : [])]],
  ["From", (one) => [one.address || "–"], "short"],
]);

function facts(id, list) {
  set(el(id), list.map(([title, ...parts]) => (
    { tag: "div", parts: [{ tag: "dt", text: title }, { tag: "dd", parts }] })));
}

// What somebody should look at, the worst first.
function concerns(it) {
  const found = [];
  const add = (how, where, ...parts) => found.push({ how, where, parts });
  const { gateway, audit } = it;
  if (audit.failing_since) add("bad", "#audit", "Records cannot be written, and runs are refused, for ", time(audit.failing_since, "for"));
  for (const one of it.upstreams) {
    const [how, word] = health(one);
    const bad = one.check && (one.check.status === null || one.check.status >= 500);
    if (how !== "ok") add(how, "#upstreams", "Upstream " + one.name + ": " + word.toLowerCase());
    else if (bad) add("warn", "#upstreams", "Upstream " + one.name + ": its last check failed");
    if (one.waiting || (one.most_calls && one.calls >= one.most_calls)) add("warn", "#upstreams", "Upstream " + one.name + ": as many calls as it may have");
  }
  if (it.left_out.length) add("warn", "#upstreams", many(it.left_out.length, "agent is", "agents are") + " left out");
  for (const one of it.bounds.near) {
    const of = KINDS[one.kind] + " " + one.name + (one.unit ? " (" + one.unit + ")" : "");
    if (one.used >= 1) add("bad", "#bounds", of + ": used up");
    else add("warn", "#bounds", of + ": " + Math.floor(one.used * 100 + 1e-6) + " % used");
  }
  if (audit.owed) add("warn", "#audit", many(audit.owed, "end of a run waits", "ends of runs wait") + " to be written");
  if (audit.covered_at && Date.parse(it.at) - Date.parse(audit.covered_at) > ALL_SIGNED) add("warn", "#audit", "Records wait for a signature");
  if (audit.lost_reads) add("warn", "#audit", many(audit.lost_reads, "record of a read was", "records of reads were") + " dropped");
  if (!audit.read_at || Date.parse(it.at) - Date.parse(audit.read_at) > 10000) add("warn", "#audit", "The store cannot be read: runs, refusals and budgets are as they last were");
  if (gateway.requests >= gateway.most_requests * 0.8) add("warn", "#gateway-title", "Nearly as many requests as there may be");
  if (gateway.draining) add("warn", "#gateway-title", "The gateway is shutting down: new requests are refused");
  return found.sort((a, b) => (a.how === "bad" ? 0 : 1) - (b.how === "bad" ? 0 : 1));
}

function show() {
  const it = newest;
  const { gateway, audit } = it;
  const list = concerns(it);
  const how = list.some((one) => one.how === "bad") ? "bad" : list.length ? "warn" : "ok";
  const verdict = list.length ? many(list.length, "thing needs", "things need") + " a look" : "All is well";
  el("verdict").className = "card " + how;
  el("verdict-title").className = "state " + how;
  set(el("verdict-text"), [verdict]);
  set(el("concerns"), list.map((one) => (
    { tag: "li", parts: [{ class: "state " + one.how, parts: [{ class: "mark", hidden: true }, { tag: "a", href: one.where, parts: one.parts }] }] })));
  document.title = verdict + " – Switchyard status";

  facts("gateway", [
    ["State", gateway.draining ? state("warn", "Shutting down") : state("ok", "Serving")],
    ["Up", time(gateway.started_at, "for")],
    ["Version", gateway.build],
    ["Configuration", mono(gateway.configuration.replace("sha256:", "").slice(0, 12))],
    ["Requests in flight", number(gateway.requests), sub("of " + number(gateway.most_requests))],
    ["Runs in flight", number(it.runs.in_flight)],
  ]);
  showUpstreams(it.upstreams, (one) => one.name);
  toggle(el("left-out"), it.left_out.length === 0);
  set(el("left-out-list"), it.left_out.map((one) => (
    { tag: "li", parts: [one.target + ", of " + one.name + ", tried again ", time(one.until, "until")] })));

  const { limits, budgets, near } = it.bounds;
  showBounds(near, (one) => [one.kind, one.name, one.unit].join(" "));
  say(el("bounds").querySelector(".empty"), limits + budgets
    ? "None is: " + many(limits, "limit", "limits") + " and " + many(budgets, "budget", "budgets") + " are watched."
    : "No limit on requests in a time and no budget is configured.");

  const behind = audit.records - audit.signed;
  facts("audit-facts", [
    ["New records", audit.failing_since ? state("bad", "Cannot be written") : state("ok", "Written"),
      ...(audit.failing_since ? [sub("for ", time(audit.failing_since, "for"))] : [])],
    ["Under the tree", number(audit.records), sub(behind > 0 ? number(behind) + " not signed yet" : audit.records ? "all signed" : "none yet")],
    ["All signed as of", audit.covered_at ? time(audit.covered_at) : "Not yet"],
    ["Newest checkpoint", audit.checkpoint_at ? time(audit.checkpoint_at) : "None yet"],
    ["Owed to the store", number(audit.owed)],
    ["Reads not recorded", number(audit.lost_reads)],
  ]);

  const { in_flight, oldest, recent } = it.runs;
  say(el("running-table").caption, in_flight > oldest.length
    ? "The " + oldest.length + " oldest of " + number(in_flight) + " that this process drives"
    : "Those that this process drives, the oldest first");
  showRunning(oldest, (one) => one.id);
  showEnded(recent, (one) => one.seq);
  showRefusals(it.refusals, (one) => one.seq);

  // Said aloud only when it is another than before.
  const told = verdict + (list.length ? ": " + list.map((one) => one.parts.filter((part) => typeof part === "string").join("")).join("; ") : "");
  const steady = told.replace(/\d+ %/g, "");
  if (steady !== announced) { announced = steady; announce(told); }
}

function announce(text) { el("announce").textContent = text; }

// The connection.

const LINKS = {
  connecting: ["idle", () => "Connecting"],
  live: ["ok", () => "Live"],
  stale: ["warn", () => "No news for " + span(Date.now() - cameAt)],
  lost: ["bad", () => lost + (retryAt > Date.now() ? " Tried again in " + span(retryAt - Date.now()) + "." : "")],
  paused: ["idle", () => "Paused"],
};

function linked(to) {
  if (link !== to) {
    const before = link;
    link = to;
    if (to === "stale" || to === "lost") announce("The figures are no longer live.");
    else if (to === "live" && (before === "stale" || before === "lost" || before === "paused")) announce("The figures are live again.");
  }
  const [how, text] = LINKS[to];
  el("link").className = "state " + how;
  const of = newest && to !== "connecting" ? new Date(Date.parse(newest.at)).toLocaleTimeString() : "";
  say(el("link-text"), text() + (of && (to === "lost" ? " The figures are of " + of + "." : ", as of " + of)));
  toggle(el("link"), false);
  say(el("pause"), to === "paused" ? "Go on" : "Pause");
}

async function connect() {
  clearTimeout(again);
  if (asking) asking.abort();
  const mine = asking = new AbortController();
  let heard = Date.now();
  const watch = setInterval(() => { if (Date.now() - heard > SILENT) mine.abort(); }, 1000);
  try {
    const headers = { Authorization: "Bearer " + key, Accept: "text/event-stream" };
    const answer = await fetch(WHERE, { headers, cache: "no-store", credentials: "omit", redirect: "error", signal: mine.signal });
    if (!answer.ok) return await refused(answer);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      heard = Date.now();
      text += value;
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) {
        const data = event.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
        if (data) came(JSON.parse(data));
      }
    }
    if (mine === asking) retry(newest && newest.gateway.draining ? "The gateway is shutting down." : "The connection has ended.");
  } catch {
    if (mine === asking) retry("The gateway cannot be reached.");
  } finally {
    clearInterval(watch);
  }
}

function came(snapshot) {
  newest = snapshot;
  cameAt = Date.now();
  skew = cameAt - Date.parse(snapshot.at);
  wait = 1000;
  if (!el("enter").hidden) {
    el("key").value = "";
    toggle(el("enter"), true);
    toggle(el("figures"), false);
    toggle(el("controls"), false);
    el("main").focus();
  }
  show();
  linked("live");
}

function retry(why, after) {
  lost = why;
  // Not all pages at once, after a restart.
  const pause = after || wait * (0.75 + Math.random() / 2);
  wait = Math.min(wait * 2, LONGEST_WAIT);
  retryAt = Date.now() + pause;
  clearTimeout(again);
  again = setTimeout(connect, pause);
  if (el("figures").hidden) problem(why + " It is tried again.");
  linked("lost");
}

async function refused(answer) {
  const after = Number(answer.headers.get("retry-after")) * 1000;
  let said = "";
  try { said = (await answer.json()).detail || ""; } catch { /* It said nothing that can be read. */ }
  if (answer.status === 401) return leave("The gateway does not know this key: it may be mistyped, expired or revoked.");
  if (answer.status === 403) return leave("This key may not administer: it needs the scope admin, and the access policies must allow it.");
  if (answer.status === 429) return retry("This key asks too often.", Math.max(after, 1000));
  if (answer.status === 503) return retry("The gateway has no room for this, or is shutting down.", Math.max(after, 1000));
  retry("The gateway answered " + answer.status + (said ? ": " + said : "") + ".");
}

function problem(text) {
  say(el("problem"), text);
  if (text) el("key").setAttribute("aria-invalid", "true"); else el("key").removeAttribute("aria-invalid");
}

// Forgets the key and all that was read with it.
function leave(why) {
  clearTimeout(again);
  if (asking) asking.abort();
  asking = null;
  key = "";
  newest = null;
  link = announced = "";
  try { sessionStorage.removeItem(KEPT); } catch { /* It may be forbidden, and then nothing is kept. */ }
  for (const one of [showUpstreams, showBounds, showRunning, showEnded, showRefusals]) one([], () => "");
  for (const id of ["gateway", "audit-facts", "concerns", "left-out-list", "verdict-text"]) set(el(id), []);
  for (const id of ["figures", "controls", "link"]) toggle(el(id), true);
  toggle(el("enter"), false);
  document.title = "Switchyard status";
  announce("");
  problem(why);
  el("key").focus();
  el("key").select();
}

el("form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = el("key").value.trim();
  if (!/^[\x21-\x7e]+$/.test(key)) return problem("A key has visible characters of ASCII only.");
  problem("");
  try {
    if (el("keep").checked) sessionStorage.setItem(KEPT, key); else sessionStorage.removeItem(KEPT);
  } catch { /* As above. */ }
  wait = 1000;
  linked("connecting");
  connect();
});
el("forget").addEventListener("click", () => leave(""));
el("pause").addEventListener("click", () => {
  if (link === "paused") { linked("connecting"); connect(); return; }
  clearTimeout(again);
  if (asking) asking.abort();
  asking = null;
  linked("paused");
});
// Times go on, and so does the time since the last news.
setInterval(() => {
  for (const one of document.querySelectorAll("time")) say(one, relative(one.dateTime, one.dataset.how));
  if ((link === "live" || link === "stale") && Date.now() - cameAt > STALE) linked("stale");
  else if (link) linked(link);
}, 1000);

toggle(el("enter"), false);
try { key = sessionStorage.getItem(KEPT) || ""; } catch { /* As above. */ }
if (key) { el("keep").checked = true; linked("connecting"); connect(); } else el("key").focus();
