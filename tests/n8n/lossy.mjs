// A bad line between n8n and the gateway. The first request is cut while the agent is at work, the
// answer of the second is lost, all others pass. Each try is a line of JSON on standard output;
// the first line is the port.
//
//   node lossy.mjs <gateway url>
import http from 'node:http';
import https from 'node:https';

const gateway = new URL(process.argv[2]);
const { request } = gateway.protocol === 'https:' ? https : http;
// Long enough that the gateway has read the request, short enough that it has not answered.
const CUT_AFTER_MS = 400;
let tries = 0;

const server = http.createServer(async (from, to) => {
  const nth = ++tries;
  const say = (more) => {
    const key = from.headers['idempotency-key'] ?? null;
    console.log(JSON.stringify({ try: nth, key, ...more }));
  };
  const parts = [];
  for await (const part of from) parts.push(part);
  const headers = { ...from.headers, host: gateway.host, connection: 'close' };
  const sent = request(new URL(from.url, gateway), { method: from.method, headers }, async (answer) => {
    clearTimeout(cutting);
    const body = [];
    for await (const part of answer) body.push(part);
    say({
      fate: nth === 2 ? 'lost' : 'passed',
      status: answer.statusCode,
      replayed: answer.headers['idempotent-replayed'] ?? null,
    });
    if (nth === 2) return to.socket.destroy();
    to.writeHead(answer.statusCode, answer.headers);
    to.end(Buffer.concat(body));
  });
  let cut = false;
  let cutting;
  sent.on('error', (error) => {
    if (!cut) say({ fate: error.message });
    to.socket?.destroy();
  });
  sent.end(Buffer.concat(parts));
  if (nth === 1) {
    cutting = setTimeout(() => {
      cut = true;
      say({ fate: 'cut' });
      sent.destroy();
      to.socket?.destroy();
    }, CUT_AFTER_MS);
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
