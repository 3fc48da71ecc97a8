// Prints a workflow of this folder with its gateway and agent in place, under a name of its own.
//
//   node place.mjs <file> <id and name> <gateway url> <agent>
import { readFileSync } from 'node:fs';

const [file, name, gateway, agent] = process.argv.slice(2);
const workflow = JSON.parse(readFileSync(file, 'utf8'));
workflow.id = workflow.name = name;
for (const node of workflow.nodes) {
  if (node.webhookId) node.webhookId = `${name}-${node.id}`;
  if (node.parameters.path) node.parameters.path = name;
  if (node.parameters.url) node.parameters.url = `${gateway}/v1/hooks/${encodeURIComponent(agent)}`;
}
console.log(JSON.stringify(workflow));
