import { execFileSync } from 'node:child_process';

/** What the peers need on this machine, and what of it is missing. */
export interface PeersAvailability {
  /** JDK 17 and Maven are here: Apache's servers, tools and Java clients can run. */
  java: boolean;
  /** Go is here as well: client-go can run. */
  go: boolean;
  /** Names of what is missing, for the skip message. */
  missing: string[];
  /** One sentence for a skipped suite; empty when nothing is missing. */
  reason: string;
}

let cached: PeersAvailability | undefined;

/** Looks for JDK 17, Maven and Go; the answer is kept for the life of the process. */
export function peersAvailable(): PeersAvailability {
  cached ??= probe();
  return cached;
}

/** True when MQKIT_INTEROP=require: what is missing must fail instead of skipping. */
export function peersRequired(): boolean {
  return process.env.MQKIT_INTEROP === 'require';
}

function probe(): PeersAvailability {
  const javac = outputOf('javac', ['-version']);
  const major = Number(/javac (\d+)/.exec(javac ?? '')?.[1] ?? 0);
  const missing: string[] = [];
  if (major < 17) missing.push('JDK 17');
  if (outputOf('mvn', ['-version']) === null) missing.push('Maven');
  const java = missing.length === 0;
  const go = outputOf('go', ['version']) !== null;
  if (!go) missing.push('Go');
  return { java, go, missing, reason: missing.length === 0 ? '' : `missing on this machine: ${missing.join(', ')}` };
}

function outputOf(command: string, args: string[]): string | null {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
  } catch {
    return null;
  }
}
