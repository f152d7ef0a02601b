/* Ports for the nodes that tests start. Tests run in several processes, and a JVM listens only seconds after its port was chosen. */
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const LOWEST_PORT = 12_000;
/** Below the range from which Linux takes ports for outgoing connections. */
const HIGHEST_PORT = 32_000;
const BLOCK_SIZE = 4;
const ATTEMPTS = 200;
/** A file for each block that a test process has taken, with its pid; it is gone with the process. */
const CLAIMS = join(tmpdir(), 'mqkit-test-ports');

const claimed: string[] = [];

/** A port that is free now together with port - 2 (VIP) and port + 1 (HA), and that no other test process gets while this one lives. */
export async function freePortBlock(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const first = LOWEST_PORT + BLOCK_SIZE * randomInt((HIGHEST_PORT - LOWEST_PORT) / BLOCK_SIZE);
    if (claim(first)) {
      const port = first + 2;
      const free = await Promise.all([port - 2, port, port + 1].map(isFree));
      if (free.every(Boolean)) return port;
    }
  }
  throw new Error(`no free block of ports between ${LOWEST_PORT} and ${HIGHEST_PORT}`);
}

/** How long another test may have a port that this one takes. */
const HELD_BY_ANOTHER_MS = 60_000;

/** Takes a port of 127.0.0.1, waiting while another test has it; one that somebody keeps is taken as well, and theirs (null). */
export async function takePort(port: number): Promise<Server | null> {
  for (const deadline = performance.now() + HELD_BY_ANOTHER_MS; performance.now() < deadline; await delay(100)) {
    const server = createServer();
    const isOurs = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(true));
    });
    if (isOurs) return server;
  }
  return null;
}

/** The right to start nodes on the usual ports, or to take those; one test at a time has it. Answers what gives it back. */
export async function holdUsualPorts(): Promise<() => void> {
  mkdirSync(CLAIMS, { recursive: true });
  const file = join(CLAIMS, 'usual');
  while (!claimFile(file)) {
    await delay(200);
  }
  return () => rmSync(file, { force: true });
}

function claim(block: number): boolean {
  mkdirSync(CLAIMS, { recursive: true });
  return claimFile(join(CLAIMS, String(block)));
}

function claimFile(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // What a killed process left is free for the next that comes by.
    if (isAbandoned(file)) rmSync(file, { force: true });
    return false;
  }
  if (claimed.length === 0) {
    process.once('exit', () => {
      for (const own of claimed) {
        if (ownerOf(own) === process.pid) rmSync(own, { force: true });
      }
    });
  }
  claimed.push(file);
  return true;
}

function ownerOf(file: string): number {
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

function isAbandoned(file: string): boolean {
  try {
    const pid = ownerOf(file);
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
