/**
 * `npm run bench:scale [-- --runs 3 --report-only]`: mqadmin as a process against a scripted cluster of 300 brokers, 2,000 topics, and 2,000 groups
 * on 4 brokers each; first with all brokers well, then with ten in trouble (dead, silent, slow, denying). The nodes are in this process, and
 * share the machine's cores with what is measured. The exit code is 1 when a target is missed with all brokers well.
 */
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BrokerMood, LargeCluster } from '../commands/mqadmin/large-cluster.js';
import { median } from '../peers/bench/measure.js';
import { type ProcessUsage, runNode } from './process-usage.js';

const SIZE = { brokers: 300, topics: 2000, groups: 2000 };
const MAX_RSS_MIB = 300;
const MAX_IN_FLIGHT = 16;
const MOODS: readonly BrokerMood[] = ['dead', 'silent', 'slow', 'denying'];

interface Row {
  readonly argv: readonly string[];
  readonly maxMs: number;
}

const ROWS: readonly Row[] = [
  { argv: ['topicList', '--json'], maxMs: 1_000 },
  { argv: ['consumerProgress', '--json'], maxMs: 60_000 },
  { argv: ['doctor', '--json'], maxMs: 60_000 },
];

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs one command several times; answers whether it kept within its bounds. */
async function measure({ argv, maxMs }: Row, mood: (index: number) => BrokerMood, runs: number): Promise<boolean> {
  const usages: ProcessUsage[] = [];
  let mostInFlight = 0;
  let requests = 0;
  for (let run = 0; run < runs; run++) {
    const cluster = await LargeCluster.start({ ...SIZE, mood });
    try {
      usages.push(await runNode([join(import.meta.dirname, '..', '..', 'bin', 'mqadmin.js'), ...argv, '-n', cluster.namesrvAddr]));
      mostInFlight = Math.max(mostInFlight, cluster.mostInFlight);
      requests = cluster.requests;
    } finally {
      await cluster.stop();
    }
  }
  const wallMs = median(usages.map((usage) => usage.wallMs));
  const rss = Math.max(...usages.map(({ maxRssMiB }) => maxRssMiB));
  const reached = wallMs <= maxMs && rss <= MAX_RSS_MIB && mostInFlight <= MAX_IN_FLIGHT;
  const cpuMs = median(usages.map((usage) => usage.cpuMs));
  const last = usages.at(-1);
  say(
    `  ${argv.join(' ')}: ${Math.round(wallMs)} ms (target ${maxMs}), CPU ${Math.round(cpuMs)} ms, ${Math.round(rss)} MiB (${MAX_RSS_MIB}), ` +
      `${requests} requests, at most ${mostInFlight} in flight at a node (${MAX_IN_FLIGHT}), exit code ${last?.exitCode}: ${reached ? 'reached' : 'NOT REACHED'}`,
  );
  if (last !== undefined && last.stderr.trim() !== '') {
    say(`    ${last.stderr.trim().slice(0, 300)}`);
  }
  return reached;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, 'report-only': { type: 'boolean', default: false } } });
  const runs = Number(values.runs);
  say(`${os.cpus().length} x ${os.cpus()[0]?.model}, Node ${process.version}, load ${os.loadavg()[0]?.toFixed(2)}`);
  let reached = true;
  say('all brokers well:');
  for (const row of ROWS) {
    reached = (await measure(row, () => 'well', runs)) && reached;
  }
  say('ten brokers dead, silent, slow or denying:');
  for (const row of ROWS) {
    await measure(row, (index) => (index % 30 === 7 ? (MOODS[Math.floor(index / 30) % MOODS.length] ?? 'well') : 'well'), 1);
  }
  return reached || values['report-only'] ? 0 : 1;
}

process.exitCode = await main();
