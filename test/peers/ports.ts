import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const LOWEST_PORT = 20_000;
/** Below the range from which Linux takes ports for outgoing connections. */
const HIGHEST_PORT = 32_000;
const ATTEMPTS = 200;

/** A port that is free now, together with port - 2 (VIP) and port + 1 (HA). */
export async function freePortBlock(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    const free = await Promise.all([port - 2, port, port + 1].map(isFree));
    if (free.every(Boolean)) return port;
  }
  throw new Error(`no free block of ports between ${LOWEST_PORT} and ${HIGHEST_PORT}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
