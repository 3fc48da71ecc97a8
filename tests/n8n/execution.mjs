// Waits until the newest execution of a workflow has one of some statuses and prints it as JSON:
// {id, status, error, nodes: {name: what the node put out}}. It reads n8n's own database, since n8n's
// API wants an owner with a password first.
//
//   node execution.mjs <folder with n8n> <database> <workflow id> <status,status> <seconds>
import { createRequire } from 'node:module';
import { DatabaseSync } from 'node:sqlite';

const [folder, database, workflow, wanted, seconds] = process.argv.slice(2);
// n8n stores the data of an execution in the format of this package, which comes with it.
const { parse } = createRequire(`${folder}/node_modules/n8n/package.json`)('flatted');
const db = new DatabaseSync(database, { readOnly: true });
const newest = db.prepare(
  `select e.id, e.status, d.data from execution_entity e
   left join execution_data d on d.executionId = e.id
   where e.workflowId = ? order by e.id desc limit 1`,
);

const read = (row) => {
  const result = row.data ? (parse(row.data).resultData ?? {}) : {};
  const nodes = {};
  for (const [name, runs] of Object.entries(result.runData ?? {})) {
    // A node with two ways out has nothing on one of them.
    const items = (runs.at(-1).data?.main ?? []).flatMap((way) => way ?? []);
    nodes[name] = items[0]?.json ?? null;
  }
  return { id: row.id, status: row.status, error: result.error?.message, nodes };
};

const end = Date.now() + Number(seconds) * 1000;
let row;
for (;;) {
  try {
    row = newest.get(workflow);
  } catch (error) {
    // n8n is writing; it is asked again.
    if (!/locked|busy/.test(error.message)) throw error;
  }
  if (row && wanted.split(',').includes(row.status)) break;
  if (Date.now() > end) {
    console.error(`no execution of ${workflow} became ${wanted}; the newest is ${row?.status ?? 'missing'}`);
    process.exit(1);
  }
  await new Promise((done) => setTimeout(done, 100));
}
console.log(JSON.stringify(read(row)));
