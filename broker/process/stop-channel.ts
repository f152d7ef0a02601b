import { timingSafeEqual } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** A request is one short line; whoever sends more is none of ours. */
const MAX_LINE_BYTES = 1024;
const ANSWER_TIMEOUT_MS = 2000;
/** Longest path of a Unix socket on macOS; Linux allows a little more. */
const MAX_SOCKET_PATH = 103;

/**
 * Where a node of this process listens for a stop request: a named pipe on Windows, where there are no signals to send, else a socket
 * beside the run file. Null when the folder's path is too long for a socket; signals remain.
 */
export function channelPath(state: string, pid: number, platform: NodeJS.Platform = process.platform): string | null {
  if (platform === 'win32') return `\\\\.\\pipe\\mqkit-${pid}`;
  const path = join(state, 'run', `${pid}.sock`);
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH ? path : null;
}

/** Takes stop requests that carry the token; each is answered, and then `onStop` is called. */
export async function openStopChannel(path: string, token: string, onStop: () => void): Promise<{ close(): void }> {
  const server = createServer((socket) => serve(socket, token, onStop));
  await listen(server, path);
  if (process.platform !== 'win32') chmodSync(path, 0o600);
  // The channel alone must not keep a node alive that has nothing else to do.
  server.unref();
  return { close: () => server.close() };
}

function listen(server: Server, path: string): Promise<void> {
  // A node that was killed leaves its socket behind, and its id may come again.
  if (process.platform !== 'win32') rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function serve(socket: Socket, token: string, onStop: () => void): void {
  let line = '';
  socket.setEncoding('utf8').setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    line += text;
    const end = line.indexOf('\n');
    if (end < 0) {
      if (line.length > MAX_LINE_BYTES) socket.destroy();
      return;
    }
    const isStop = sameWord(line.slice(0, end), `stop ${token}`);
    socket.end(isStop ? 'stopping\n' : 'refused\n');
    if (isStop) onStop();
  });
}

function sameWord(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Asks the node behind a channel to stop; false when nobody answers there or the token is not its. */
export function requestStop(path: string, token: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = '';
    socket.setEncoding('utf8').setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on('connect', () => socket.write(`stop ${token}\n`));
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer.startsWith('stopping')));
  });
}
