/**
 * `npm run bench:peers [-- --rows sends,p99,sync,batch,transaction,pull,sql,e2e,held,randomReads,start,rss,topicList,topicListCpu,commands,client --pairs 5 --seconds 20 --warmup 500000 --dir <folder> --json <file>
 * --report-only]`; `--rows gate --base <revision>` compares the plain sends of this revision with another one's.
 *
 * The same load on the bundled nodes and on Apache's, in turn, on one machine: pairs of runs whose order alternates, medians and ratios.
 * The exit code is 1 when a target is missed, unless it only reports.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { client } from './bench/client-row.js';
import { batch, gate, transaction } from './bench/client-rows.js';
import { commands, topicListCpu } from './bench/command-rows.js';
import { e2e, sql } from './bench/consume-rows.js';
import { held } from './bench/held-row.js';
import { fdatasyncMs, median } from './bench/measure.js';
import { randomReads } from './bench/random-reads.js';
import { type BenchSettings, type Figure, p99, pull, type Row, rss, sends, start, sync, topicList } from './bench/rows.js';
import { peersDir } from './paths.js';
import { peersAvailable } from './toolchain.js';

const ROWS: Readonly<Record<string, Row>> = {
  sends,
  p99,
  sync,
  batch,
  transaction,
  pull,
  sql,
  e2e,
  held,
  randomReads,
  start,
  rss,
  topicList,
  topicListCpu,
  commands,
  client,
};
/** Rows that run only when they are named. */
const NAMED_ROWS: Readonly<Record<string, Row>> = { gate };
const ALL_ROWS = { ...ROWS, ...NAMED_ROWS };

interface Judged {
  readonly figure: Figure;
  readonly ratio: number;
  readonly ratios: readonly number[];
}

function judge(figure: Figure): Judged {
  const ratioOf = (ours: number, apache: number): number => (figure.ratioOf === 'ours : apache' ? ours / apache : apache / ours);
  const ratios = figure.ours.map((ours, pair) => ratioOf(ours, figure.apache[pair] ?? Number.NaN));
  return { figure, ratio: ratioOf(median(figure.ours), median(figure.apache)), ratios };
}

function lineOf({ figure, ratio, ratios }: Judged): string {
  const digits = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2));
  const { ours: oursName, apache: apacheName } = figure.sides ?? { ours: 'ours', apache: 'Apache' };
  const values = `${oursName} ${digits(median(figure.ours))}, ${apacheName} ${digits(median(figure.apache))} ${figure.unit}`;
  const direction = figure.ratioOf.replace('ours', oursName).replace('apache', figure.sides === undefined ? 'apache' : apacheName);
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} over ${ratios.length} pairs`;
  const verdict = ratio >= figure.target ? 'reached' : 'NOT REACHED';
  const note = figure.note === undefined ? '' : `\n    ${figure.note()}`;
  return `${figure.what}\n    ${values}; ${direction} = ${ratio.toFixed(2)} (${range}), target ${digits(figure.target)}: ${verdict}${note}`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: Object.keys(ROWS).join(',') },
      pairs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '20' },
      warmup: { type: 'string', default: '500000' },
      dir: { type: 'string', default: join(peersDir(), 'bench') },
      base: { type: 'string', default: 'HEAD~1' },
      json: { type: 'string' },
      'report-only': { type: 'boolean', default: false },
    },
  });
  const names = values.rows.split(',');
  const unknown = names.filter((name) => ALL_ROWS[name] === undefined);
  if (unknown.length > 0) {
    process.stderr.write(`--rows ${unknown.join(',')}: expected some of ${Object.keys(ALL_ROWS).join(', ')}\n`);
    return 2;
  }
  const peers = peersAvailable();
  if (!peers.java) {
    process.stderr.write(`bench:peers needs Apache's nodes; ${peers.reason}\n`);
    return 3;
  }
  mkdirSync(values.dir, { recursive: true });
  const dir = mkdtempSync(join(resolve(values.dir), 'run-'));
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const environment = {
    node: process.version,
    kernel: os.release(),
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
    loadAverage: os.loadavg()[0],
  };
  say(
    `${environment.cores} x ${environment.cpu}, Linux ${environment.kernel}, Node ${environment.node}, load ${environment.loadAverage?.toFixed(2)}`,
  );
  const syncMs = fdatasyncMs(dir);
  say(`fdatasync of 4 KiB in ${values.dir}: ${syncMs.toFixed(3)} ms`);
  const settings: BenchSettings = {
    pairs: Number(values.pairs),
    seconds: Number(values.seconds),
    warmupMessages: Number(values.warmup),
    dir,
    base: values.base,
    say,
  };
  const judged: Judged[] = [];
  try {
    for (const name of names) {
      say(`${name}:`);
      judged.push(...(await (ALL_ROWS[name] as Row)(settings)).map(judge));
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  say('');
  for (const one of judged) {
    say(lineOf(one));
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ environment, fdatasyncMs: syncMs, settings, figures: judged }, null, 2)}\n`);
  }
  return values['report-only'] || judged.every(({ figure, ratio }) => ratio >= figure.target) ? 0 : 1;
}

process.exitCode = await main();
