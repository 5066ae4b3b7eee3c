/** `npm run demo`. */
import { demo } from '@airlock/demo/main';
import { buildAll } from './build.ts';

process.exit(await demo(process.argv.slice(2), buildAll));
