/*
 * What recording costs: `npm run bench:recording` (needs a build). Each record by itself, what is done once a second, and both as a share
 * of the CPU that a real run of 5 s on throw-away nodes takes. The share must stay below 3 %.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bench, group, run } from 'mitata';
import { loadHistograms } from './latency-histogram.js';
import { Recorder } from './recorder.js';
import type { ProducerResult } from './result.js';

const RECORDS = 4096;
const latenciesUs = Array.from({ length: RECORDS }, (_, i) => 150 + ((i * 7919) % 4000) + (i % 97 === 0 ? 20_000 : 0));
/** Seconds end when the bench says so. */
const clock = { ms: 0, now: () => clock.ms };

await loadHistograms();
const recorder = new Recorder(clock);
recorder.reset();

function success(): void {
  for (let i = 0; i < RECORDS; i++) {
    recorder.success(latenciesUs[i] ?? 0, 128);
  }
}

function bothLatencies(): void {
  for (let i = 0; i < RECORDS; i++) {
    recorder.success(latenciesUs[i] ?? 0, 128);
    recorder.uncorrected(latenciesUs[i] ?? 0);
  }
}

function endSecond(): void {
  clock.ms += 1000;
  recorder.snapshot();
  recorder.tick();
}

group(`${RECORDS} messages`, () => {
  bench('a closed loop', success);
  bench('with a rate: corrected and uncorrected', bothLatencies);
});
group('once a second', () => {
  bench('a snapshot and a point of the series', endSecond);
});
await run();

/** Best of several, ms a call. */
function quickestMs(work: () => void, calls: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round++) {
    const startMs = performance.now();
    for (let i = 0; i < calls; i++) work();
    best = Math.min(best, (performance.now() - startMs) / calls);
  }
  return best;
}

const dir = mkdtempSync(join(tmpdir(), 'mqkit-recording-'));
try {
  const file = join(dir, 'result.json');
  const bin = resolve(import.meta.dirname, '../../bin/mqbench.js');
  for (const [name, args, record] of [
    ['a closed loop', [], success],
    ['--rate 20000', ['--rate', '20000'], bothLatencies],
  ] as const) {
    execFileSync(process.execPath, [bin, 'producer', '--embedded', '--duration', '5s', '--warmup', '2s', ...args, '--json', file]);
    const { send, environment } = JSON.parse(readFileSync(file, 'utf8')) as ProducerResult;
    const messageUs = (environment.generator.cpuSeconds * 1e6) / send.count;
    const recordUs = (quickestMs(record, 20) * 1000) / RECORDS;
    const secondUs = (quickestMs(endSecond, 20) * 1000 * send.seconds) / send.count;
    const share = (100 * (recordUs + secondUs)) / messageUs;
    process.stdout.write(
      `${name}: recording ${(recordUs * 1000).toFixed(0)} ns a message and ${(secondUs * 1000).toFixed(1)} ns for seconds, ` +
        `of ${messageUs.toFixed(2)} us CPU a message at ${Math.round(send.rate)}/s: ${share.toFixed(2)} %\n`,
    );
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
