/** The process that holds js-redis-server: `redis-child.ts PORT`. Ends on SIGTERM or SIGINT. */
import { createRedisServer } from 'js-redis-server';

const { server } = await createRedisServer();
// As Redis does: an answer in two writes would otherwise wait 40 ms for the client's delayed acknowledgement.
server.server.on('connection', (socket) => socket.setNoDelay(true));
// The package listens on every interface and cannot be told otherwise: that socket is closed before anybody could
// know its port, and the same server listens again where only this machine reaches it.
server.server.close(() => {
  server.server.listen(Number(process.argv[2]), '127.0.0.1');
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
