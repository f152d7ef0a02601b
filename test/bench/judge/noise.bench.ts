/**
 * `tsx test/bench/judge/noise.bench.ts [runs] [in flight]`
 *
 * Records what noise.json holds: runs of 10 s of the built producer on one broker, one after the other, printed as the rates and the p99
 * latencies of their seconds.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ProducerResult } from '../../../src/bench/result.js';
import { spawnBroker, spawnNamesrv } from '../../sandbox.js';

const BIN = resolve(import.meta.dirname, '../../../bin/mqbench.js');
const SECONDS = 10;
const [runs = '8', inFlight = '8'] = process.argv.slice(2);

const dir = mkdtempSync(join(tmpdir(), 'mqkit-noise-'));
const namesrv = await spawnNamesrv(dir);
const broker = await spawnBroker(dir, { settings: { namesrvAddr: namesrv.address, brokerIP1: '127.0.0.1' } });

function run(seconds: number): ProducerResult {
  const args = [
    '-n',
    namesrv.address,
    '-t',
    'TBW102',
    '-w',
    inFlight,
    '-s',
    '128',
    '--warmup',
    '2s',
    '--duration',
    `${seconds}s`,
    '--json',
  ];
  return JSON.parse(execFileSync(process.execPath, [BIN, 'producer', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

try {
  // The first seconds of a broker's life are not what is to be recorded.
  run(SECONDS);
  const recorded = Array.from({ length: Number(runs) }, () => {
    const series = run(SECONDS).send.series?.slice(0, SECONDS) ?? [];
    return { rate: series.map(({ rate }) => Math.round(rate)), p99Ms: series.map(({ p99Ms }) => p99Ms) };
  });
  process.stdout.write(`${JSON.stringify(recorded)}\n`);
} finally {
  await broker.stop();
  await namesrv.stop();
  rmSync(dir, { recursive: true, force: true });
}
