// Who am I, by `@makehq/sdk` of npm; see check.sh. Its zone is a host, and a host may have a path.
import { Make } from '@makehq/sdk';

const make = new Make(process.env.SWITCHYARD_KEY, `${process.argv[2]}/proxy/make`);
make.protocol = 'http';
const me = await make.users.me();
if (me.id !== 7) throw new Error(JSON.stringify(me));
console.log('makehq: me');
