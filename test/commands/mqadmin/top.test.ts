import { PassThrough } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BrokerSample, ClusterSample, GroupSample, TopicSample } from '../../../src/client/admin/cluster-sample.js';
import { type TopRound, TopRounds } from '../../../src/client/admin/top-round.js';
import { TopScreen } from '../../../src/commands/mqadmin/top-screen.js';
import { keysOf, onKey, screenLines, type TopState } from '../../../src/commands/mqadmin/top-state.js';
import { ConnectError } from '../../../src/common/errors.js';
import { launch, type Sandbox, startSandbox, until } from '../../sandbox.js';
import { runCommand } from './run-command.js';

/** Pauses of more than half an hour, which take no time here. */
const longPauses = vi.hoisted((): number[] => []);

vi.mock('node:timers/promises', async (load) => {
  const real = await load<typeof import('node:timers/promises')>();
  const setTimeout: typeof real.setTimeout = async (ms = 0, ...rest) => {
    if (ms < 1_800_000) {
      return real.setTimeout(ms, ...rest);
    }
    longPauses.push(ms);
    return real.setImmediate(...rest);
  };
  return { ...real, setTimeout };
});

const STATE: TopState = {
  view: 'cluster',
  sort: null,
  isReverse: false,
  filter: '',
  typing: null,
  offset: 0,
  isPaused: false,
  intervalMs: 60_000,
};

function topicSample(topic: string, maxOffset: number): TopicSample {
  return { topic, perm: 6, queueCount: 4, minOffset: 0, maxOffset, lastUpdateTimestamp: 0, putTps: 7 };
}

function groupSample(consumerGroup: string, brokerOffset: number, consumerOffset: number): GroupSample {
  const topics = [
    { topic: 'Orders', brokerOffset, consumerOffset, pullOffset: null, lag: brokerOffset - consumerOffset, unpulled: null, lagMs: 2500 },
  ];
  return { consumerGroup, consumeTps: 3, topics, clients: [], clientIds: ['a'], consumeType: 'CONSUME_PASSIVELY' };
}

function brokerSample(brokerName: string, lists: { topics?: TopicSample[]; groups?: GroupSample[] } | null, put = 0): BrokerSample {
  const at = { clusterName: 'C', brokerName, brokerId: 0, brokerAddr: `${brokerName}:1`, tookMs: 1 };
  const runtimeInfo = { msgPutTotalTodayNow: String(put), putTps: '5.5 4.4 3.3', commitLogDiskRatio: '0.25' };
  const none = { permission: 6, topicCount: 1, groupCount: 1, producers: null, failures: [] };
  return lists === null
    ? { ...at, facts: null, reason: 'it does not answer' }
    : { ...at, facts: { runtimeInfo, topics: lists.topics ?? [], groups: lists.groups ?? [], ...none } };
}

function sampleAt(atMs: number, ...brokers: BrokerSample[]): ClusterSample {
  return { time: 1_000_000 + atMs, atMs, tookMs: 1, namesrvs: [], brokers };
}

const ALL = { topics: true, groups: true };

describe('rates', () => {
  it('are differences of offsets between rounds, and the broker’s own in the first', () => {
    const rounds = new TopRounds();
    const one = (offset: number) =>
      brokerSample('b', { topics: [topicSample('Orders', offset)], groups: [groupSample('G', offset, offset - 10)] }, offset);
    const first = rounds.round(sampleAt(0, one(100)), ALL);
    expect(first).toMatchObject({ topics: [{ inTps: 7, outTps: null }], groups: [{ inTps: null, outTps: 3 }], brokers: [{ inTps: 5.5 }] });
    const second = rounds.round(sampleAt(2000, one(300)), ALL);
    expect(second).toMatchObject({
      topics: [{ inTps: 100, outTps: 100, lag: 10 }],
      groups: [{ inTps: 100, outTps: 100, lag: 10, timeToDrainMs: null, delayMs: 2500, clients: 1 }],
      brokers: [{ inTps: 100 }],
      totals: { inTps: 100, lag: 10 },
    });
    // Offsets that went back say nothing about a rate.
    expect(rounds.round(sampleAt(4000, one(50)), ALL)).toMatchObject({ topics: [{ inTps: 7 }], groups: [{ outTps: 3 }] });
  });

  it('do not jump when a group comes or goes, or its offsets do', () => {
    const rounds = new TopRounds();
    const at = (atMs: number, ...groups: GroupSample[]) =>
      rounds.round(sampleAt(atMs, brokerSample('b', { topics: [topicSample('Orders', 1000 + atMs)], groups })), ALL);
    const old = (offset: number) => groupSample('Old', offset, offset);
    const late = (offset: number) => groupSample('Late', offset, offset);
    at(0, old(1000));
    expect(at(1000, old(2000), late(50_000_000))).toMatchObject({ topics: [{ outTps: null }], groups: [{ outTps: 1000 }, { outTps: 3 }] });
    expect(at(2000, old(3000), late(50_000_500)).topics).toMatchObject([{ outTps: 1500 }]);
    expect(at(3000, old(4000)).topics).toMatchObject([{ outTps: 1000 }]);
    // Offsets on a topic that it subscribed to once are seen only while it is offline.
    const left = { ...old(5000), topics: [...old(5000).topics, { ...late(70_000_000).topics[0]!, topic: 'Left' }] };
    expect(at(4000, left)).toMatchObject({ topics: [{ outTps: 1000 }], groups: [{ inTps: null, outTps: 3 }] });
    expect(at(5000, old(6000))).toMatchObject({ topics: [{ outTps: 1000 }], groups: [{ inTps: 1000, outTps: 1000 }] });
  });

  it('do not jump when a broker is away for a while', () => {
    const rounds = new TopRounds();
    const both = (offset: number): BrokerSample[] =>
      ['a', 'b'].map((name) => brokerSample(name, { topics: [topicSample('Orders', offset)] }));
    rounds.round(sampleAt(0, ...both(100)), ALL);
    const away = rounds.round(sampleAt(1000, both(110)[0]!, brokerSample('b', null)), ALL);
    expect(away).toMatchObject({ topics: [{ inTps: 10, brokerCount: 1 }], totals: { brokersDown: 1 } });
    expect(away.brokers[1]).toMatchObject({ isUp: false, inTps: null, reason: 'it does not answer' });
    expect(rounds.round(sampleAt(2000, ...both(120)), ALL).topics[0]?.inTps).toBe(20);
  });
});

describe('the screen', () => {
  const topics = Array.from({ length: 40 }, (_, i) => topicSample(`Topic_with_a_long_name_number_${String(i).padStart(2, '0')}`, 1000 - i));
  const groups = Array.from({ length: 5 }, (_, i) => groupSample(`Group_${i}`, 100 * i, 0));
  const round = new TopRounds().round(sampleAt(0, brokerSample('broker-a', { topics, groups }), brokerSample('broker-b', null)), ALL);
  const textOf = (state: TopState, width: number, height: number): string[] =>
    screenLines({ round, problem: null }, state, { width, height }).lines.map(({ text }) => text);

  it('fills every size, and no line is wider', () => {
    for (const view of ['cluster', 'brokers', 'topics', 'groups'] as const) {
      for (const [width, height] of [
        [80, 24],
        [200, 50],
        [40, 10],
        [20, 4],
        [1, 1],
      ] as const) {
        const lines = textOf({ ...STATE, view }, width, height);
        expect(lines).toHaveLength(height);
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
      }
    }
  });

  it('shows what is most wanted where there is little room', () => {
    const lines = textOf(STATE, 80, 24);
    expect(lines[0]).toContain('2 brokers, 1 DOWN');
    expect(lines.find((line) => line.startsWith('broker-b'))).toContain('DOWN');
    expect(lines.find((line) => line.startsWith('Group_4'))).toContain('400');
    expect(lines.some((line) => /… \d+ more: press 3/.test(line))).toBe(true);
    const narrow = textOf({ ...STATE, view: 'groups' }, 44, 10);
    expect(narrow[3]).toMatch(/^GROUP +LAG/);
    expect(narrow[3]).not.toContain('TOPICS');
  });

  it('is ordered, filtered and scrolled by keys', () => {
    const press = (...keys: string[]): TopState => keys.reduce((state, key) => onKey(state, key).state, STATE);
    expect(press('3').view).toBe('topics');
    expect(press('\t').view).toBe('brokers');
    expect(textOf(press('4'), 100, 24)[4]).toMatch(/^Group_4/);
    expect(textOf(press('4', 'r'), 100, 24)[4]).toMatch(/^Group_0/);
    expect(press('4', 's').sort).toBe('delay');
    const filtered = press('3', '/', ...'_17', '\r');
    expect(filtered).toMatchObject({ filter: '_17', typing: null });
    expect(textOf(filtered, 100, 24).filter((line) => line.startsWith('Topic_'))).toHaveLength(1);
    expect(press('/', 'q', '\x1b')).toMatchObject({ filter: '', typing: null });
    expect(textOf(press('3', '\x1b[B', '\x1b[B'), 100, 24)[4]).toMatch(/number_02 /);
    // Past the end the last rows stay.
    expect(textOf(press('3', ...Array.from({ length: 9 }, () => '\x1b[6~')), 100, 24).at(-2)).toMatch(/number_39 /);
    expect(['q', '\x03'].map((key) => onKey(STATE, key).action)).toEqual(['quit', 'quit']);
    expect(keysOf('\x1b[Aq\x1b/')).toEqual(['\x1b[A', 'q', '\x1b', '/']);
  });
});

describe('a terminal', () => {
  interface Live {
    readonly screen: TopScreen;
    readonly stdin: PassThrough;
    readonly written: () => string;
    readonly isRaw: () => boolean;
  }

  function live(ask: () => Promise<TopRound>, signal = new AbortController().signal): Live {
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    let written = '';
    let isRaw = false;
    stdout.on('data', (text: Buffer) => {
      written += text.toString();
    });
    Object.assign(stdout, { columns: 80, rows: 24, isTTY: true });
    Object.assign(stdin, {
      setRawMode: (on: boolean) => {
        isRaw = on;
      },
    });
    const terminal = { stdin: stdin as unknown as ReadStream, stdout: stdout as unknown as WriteStream };
    const screen = new TopScreen({ ...terminal, colour: true, state: STATE, ask, signal, rounds: undefined });
    return { screen, stdin, written: () => written, isRaw: () => isRaw };
  }

  const empty = async (): Promise<TopRound> => new TopRounds().round(sampleAt(0), ALL);
  const LEFT = '\x1b[?25h\x1b[?1049l';

  it('is as it was after q, also while brokers are being asked', async () => {
    const { screen, stdin, written, isRaw } = live(() => new Promise(() => undefined));
    const running = screen.run();
    expect(isRaw()).toBe(true);
    stdin.write('q');
    await running;
    expect(isRaw()).toBe(false);
    await until(() => written().endsWith(LEFT));
  });

  it.skipIf(process.platform === 'win32')('is drawn again after Ctrl-Z, though nobody stopped the process', async () => {
    const { screen, stdin, written, isRaw } = live(() => new Promise(() => undefined));
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    try {
      const running = screen.run();
      stdin.write('\x1a');
      await until(() => kill.mock.calls.length > 0 && written().includes(`${LEFT}\x1b[?1049h`));
      expect(kill.mock.calls).toEqual([[process.pid, 'SIGTSTP']]);
      expect(isRaw()).toBe(true);
      stdin.write('q');
      await running;
    } finally {
      kill.mockRestore();
    }
  });

  it('is as it was after SIGTERM, an abort and an error', async () => {
    const listeners = process.listenerCount('SIGTERM');
    const aborted = new AbortController();
    const ends: [Live, () => void][] = [
      [live(empty), () => process.emit('SIGTERM', 'SIGTERM')],
      [live(empty, aborted.signal), () => aborted.abort()],
      [live(() => Promise.reject(new ConnectError('nobody is there'))), () => undefined],
    ];
    for (const [{ screen, written, isRaw }, end] of ends) {
      const running = screen.run().catch((error: Error) => error.message);
      await until(() => written().includes('interval') || !isRaw());
      end();
      await running;
      expect(isRaw()).toBe(false);
      await until(() => written().endsWith(LEFT));
    }
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
  });

  it('shows what is wrong while the last round stays', async () => {
    let rounds = 0;
    const { screen, stdin, written } = live(async () => {
      if (rounds++ > 0) {
        throw new ConnectError('name server gone');
      }
      return empty();
    });
    const running = screen.run();
    await until(() => written().includes('0 brokers'));
    stdin.write(' ');
    await until(() => written().includes('name server gone'));
    stdin.write('q');
    await running;
  });
});

describe('without a terminal', () => {
  let sandbox: Sandbox;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    sandbox = await startSandbox();
    env = { NAMESRV_ADDR: sandbox.namesrvAddr };
    await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'OrderPaid', '-w', '2', '-r', '2'], env);
    await runCommand('sendMessage', ['-t', 'OrderPaid', '-p', 'x'], env);
  });

  afterAll(() => sandbox.stop());

  it('rounds are printed, with --json a line each', async () => {
    const text = await runCommand('top', ['topics', '--count', '2', '--interval', '10ms'], env);
    expect(text).toMatchObject({ exitCode: 0, stderr: '' });
    expect(text.stdout.match(/^TOPIC +IN\/s/gm)).toHaveLength(2);
    expect(text.stdout.match(/^OrderPaid +\S+ +\S+ +0 +0 +1 /gm)).toHaveLength(2);
    const json = await runCommand('top', ['--count', '2', '--interval', '10ms', '--json'], env);
    const rounds = json.stdout.trim().split('\n');
    expect(rounds.map((line) => (JSON.parse(line) as TopRound).topics.map(({ topic, messages }) => [topic, messages]))).toEqual([
      [['OrderPaid', 1]],
      [['OrderPaid', 1]],
    ]);
  });

  it('the interval is from the begin of a round to that of the next', async () => {
    longPauses.length = 0;
    const { stdout } = await runCommand('top', ['--count', '2', '--interval', '1h', '--json'], env);
    const [first] = stdout.split('\n').map((line) => (line === '' ? null : (JSON.parse(line) as TopRound)));
    expect(longPauses).toHaveLength(1);
    expect(longPauses[0]).toBeLessThanOrEqual(3_600_000 - (first?.tookMs ?? 0));
  });

  it('rows are those of the view', async () => {
    const rows = async (view: string, format: string): Promise<string> =>
      (await runCommand('top', [view, '--count', '2', '--interval', '10ms', '--output', format], env)).stdout;
    expect(await rows('topics', 'name')).toBe('OrderPaid\nOrderPaid\n');
    expect(await rows('topics', 'csv')).toMatch(/^topic,.*\nOrderPaid,.*\nOrderPaid,.*\n$/);
    expect(await rows('topics', 'wide')).toMatch(/^#topic .*\nOrderPaid .*\n\n#topic /);
    expect(await rows('cluster', 'name')).toBe('broker-a\nbroker-a\n');
  });

  it('rounds end well with Ctrl-C', async () => {
    const node = launch('mqadmin', ['top', 'brokers', '-n', sandbox.namesrvAddr, '--interval', '50ms', '--json'], { dir: sandbox.dir });
    await until(() => node.output().split('\n').length > 2 || node.process.exitCode !== null, 20_000);
    node.process.kill('SIGINT');
    expect(await node.exited).toBe(0);
    for (const line of node.output().trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ brokers: [{ brokerName: 'broker-a', isUp: true }] });
    }
  });

  it('a view or column that there is not is refused with the ones there are', async () => {
    expect(await runCommand('top', ['topic'], env)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/cluster, brokers, topics, groups.*topics\?/),
    });
    expect(await runCommand('top', ['groups', '--sort', 'disk'], env)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('lag, delay'),
    });
  });
});
