/* The recorded runs of Apache's mqadmin on a cluster with a controller, by ours on the same: one controller, a master and a slave of 5.3.3. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apache } from '../peers/index.js';
import { freePortBlock } from '../ports.js';
import { CONTROLLER_EXIT_CODES, CONTROLLER_RUNS, masked } from './mqadmin-recorded-rules.js';
import { ours, type RecordedRun, type Replayed, recordedRuns, replay } from './mqadmin-replay.js';
import { interop, until } from './support.js';

const VERSION = '5.3.3';
const CLUSTER = 'CtlCluster';
/** The second broker was started before this run, and the first one stopped before that one. */
const TWO_BROKERS_FROM = 377;
const FIRST_GONE_FROM = 389;

const runs = recordedRuns().filter(({ seq }) => CONTROLLER_RUNS.has(seq));

interop("recorded runs of Apache's mqadmin with a controller, by ours", 'java', () => {
  const outcomes = new Map<number, Replayed>();
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    const dir = mkdtempSync(join(tmpdir(), 'mqkit-controller-'));
    cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
    const namesrv = await apache.startNamesrv({ version: VERSION, dir: join(dir, 'namesrv') });
    cleanups.push(() => namesrv.process.kill());
    const controllerAddr = await startController(join(dir, 'controller'), cleanups);
    const pairs: [string, string][] = [
      ['127.0.0.1:49876', namesrv.address],
      ['127.0.0.1:49878', controllerAddr],
    ];
    const place = {
      dir,
      toOurs: (text: string) => pairs.reduce((result, [theirs, here]) => result.replaceAll(theirs, here), text),
      toRecorded: (text: string) => pairs.reduce((result, [theirs, here]) => result.replaceAll(here, theirs), text),
    };
    const addBroker = async (name: string, recorded: string, recordedHa: string): Promise<apache.ApacheBroker> => {
      const config = { brokerName: 'broker-c', brokerClusterName: CLUSTER, enableControllerMode: true, controllerAddr };
      const broker = await apache.startBroker({ version: VERSION, namesrvAddr: namesrv.address, dir: join(dir, name), config });
      cleanups.push(() => broker.kill());
      pairs.push([recorded, broker.address], [recordedHa, `127.0.0.1:${broker.port + 1}`]);
      return broker;
    };
    const shows = async (text: string, ...argv: string[]): Promise<void> => {
      const tool = ours({ endless: new Set(), seq: 0 });
      await until(async () => (await tool([...argv, '-n', namesrv.address], { dir, env: {} })).stdout.includes(text), 120_000);
    };
    const first = await addBroker('first', '127.0.0.1:54911', '127.0.0.1:54912');
    await shows(first.address, 'clusterList', '-c', CLUSTER);
    for (const run of runs) {
      if (run.seq === TWO_BROKERS_FROM) {
        const second = await addBroker('second', '127.0.0.1:55911', '127.0.0.1:55912');
        await shows(second.address, 'clusterList', '-c', CLUSTER);
        await shows('#SyncStateSetNums\t2', 'getSyncStateSet', '-a', controllerAddr, '-b', 'broker-c');
      } else if (run.seq === FIRST_GONE_FROM) {
        await first.kill();
        await shows('alive=false', 'getSyncStateSet', '-a', controllerAddr, '-b', 'broker-c');
      }
      outcomes.set(run.seq, await replay(run, place, ours({ endless: new Set(), seq: run.seq })));
    }
  }, 600_000);
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  it.each(runs.map((run) => [`${run.seq} ${run.command.join(' ')}`, run] as const))('%s', (_, run) => {
    const outcome = outcomes.get(run.seq);
    expect(outcome).toBeDefined();
    if (outcome !== undefined) expectAsRecorded(run, outcome);
  });
});

async function startController(dir: string, cleanups: (() => unknown)[]): Promise<string> {
  const listenPort = await freePortBlock();
  const address = `127.0.0.1:${listenPort}`;
  const file = join(dir, 'controller.properties');
  const settings = {
    controllerDLegerGroup: 'group1',
    controllerDLegerPeers: `n0-${address}`,
    controllerDLegerSelfId: 'n0',
    listenPort,
    controllerStorePath: join(dir, 'store'),
    configStorePath: file,
    rocketmqHome: dir,
  };
  mkdirSync(dir, { recursive: true });
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const process = await apache.spawnJava({
    name: 'Apache 5.3.3 controller',
    version: VERSION,
    dir,
    heap: { min: '64m', max: '256m' },
    mainClass: 'org.apache.rocketmq.controller.ControllerStartup',
    args: ['-c', file],
    logFile: join(dir, 'controller.out'),
  });
  cleanups.push(() => process.kill());
  return address;
}

function expectAsRecorded({ seq, command, stdout }: RecordedRun, now: Replayed): void {
  const [name = ''] = command;
  const exitCode = CONTROLLER_EXIT_CODES[seq];
  if (exitCode === undefined) {
    expect({ stderr: now.stderr, lines: masked(name, now.stdout) }).toEqual({ stderr: '', lines: masked(name, stdout) });
  } else {
    expect(now.stderr).toMatch(/^[^\n]+\n$/);
    expect(masked(name, now.stdout.replace(/^usage: [\s\S]*/, ''))).toEqual([]);
  }
  expect(now.exitCode).toBe(exitCode ?? 0);
}
