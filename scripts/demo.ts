/** `npm run demo`. */
import { demo } from '@airlock/demo/main';

process.exit(await demo(process.argv.slice(2)));
