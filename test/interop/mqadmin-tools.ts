/* Runs the same commands with Apache's tool and with ours, and keeps what may be compared. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Apache's tool or ours. */
export type Tool = (args: string[]) => Promise<{ stdout: string; stderr: string }>;

/** What one command printed and wrote, without what varies. */
export interface Outcome {
  readonly lines: string[];
  readonly failed: boolean;
  readonly files: Record<string, unknown>;
}

/** Fields of exports that say how long a cluster has been up, what it runs on, and what it has done. */
const VARYING = new Set([
  'exportTime',
  'dataVersion',
  'counter',
  'timestamp',
  'commitLogDiskRatio',
  'consumeQueueDiskRatio',
  'messageAverageSize',
]);

/** Runs commands in order; `%addr` is the broker, `%namesrv` the name server, `%dir` a folder, `%mark` differs from tool to tool. */
export async function runAll(
  tool: Tool,
  steps: readonly string[],
  place: { target: { namesrvAddr: string; broker: { address: string } }; mark: string },
): Promise<Outcome[]> {
  const { target, mark } = place;
  const outcomes: Outcome[] = [];
  for (const step of steps) {
    const dir = mkdtempSync(join(tmpdir(), 'mqkit-others-'));
    try {
      const fill = (word: string): string =>
        word.replace('%addr', target.broker.address).replace('%namesrv', target.namesrvAddr).replace('%dir', dir).replace('%mark', mark);
      const { stdout, stderr } = await tool(step.split(' ').map(fill));
      const files = readdirSync(dir).map((name) => [name, plainOf(JSON.parse(readFileSync(join(dir, name), 'utf8')))] as const);
      const text = stdout.replaceAll(dir, 'DIR').replaceAll(mark, '').replaceAll(target.broker.address, 'ADDR');
      outcomes.push({ lines: linesOf(text), failed: hasFailed(stderr), files: Object.fromEntries(files) });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return outcomes;
}

/** Stack frames, and what a JVM and its network library say of themselves, as when a client is closed while an answer comes in. */
const NOISE = /^\s+at |^OpenJDK|^\[|io\.netty\.|RejectedExecutionException|^(SEVERE|WARNING):/;

/** Whether a tool told of a failure. */
function hasFailed(stderr: string): boolean {
  return stderr.split(/\r?\n/).some((line) => line.trim() !== '' && !NOISE.test(line));
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/ +/g, ' ').trimEnd().replace(/,$/, ''));
  return lines
    .filter((line) => line !== '')
    .map((line) => line.replace(/^(#MasterCommitLogMaxOffset\t)\d+$/, '$1N'))
    .sort();
}

/** Without what varies from run to run. */
function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([key]) => !VARYING.has(key));
  return Object.fromEntries(fields.map(([key, field]) => [key, plainOf(field)]));
}
