import { createServer } from 'node:net';

const HOST = '127.0.0.1';
/** Below the range that systems give to outgoing connections. */
const LOWEST = 15_000;
const HIGHEST = 32_000;
const ATTEMPTS = 100;

/** Whether `port` and the ports at these distances can be listened on now. */
export async function portsFree(port: number, neighbours: readonly number[]): Promise<boolean> {
  for (const distance of neighbours) {
    if (!(await isFree(port + distance))) {
      return false;
    }
  }
  return true;
}

/** A port that is free together with its neighbours. */
export async function freePorts(neighbours: readonly number[], randomInt: (bound: number) => number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + randomInt(HIGHEST - LOWEST);
    if (await portsFree(port, neighbours)) {
      return port;
    }
  }
  throw new Error(`no free ports between ${LOWEST} and ${HIGHEST}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
