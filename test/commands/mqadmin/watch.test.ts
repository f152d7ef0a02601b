import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndSignal } from '../../../src/cli/io.js';
import { Output } from '../../../src/cli/output.js';
import { type WatchOptions, watchRounds } from '../../../src/cli/watch.js';
import { InterruptedError } from '../../../src/common/errors.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import { type CommandRun, commandNames, runCommand, specOf } from './run-command.js';

const TIME = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d';

let server: RemotingServer;
let addr = '';
/** What the name server answers next: topics, or nothing, which is an error. */
let answers: (string | null)[] = [];

/** What it answers of clusters, then an error; and what is told of it. */
let clusterAnswers: Buffer[] = [];
let onClusterAnswer = (): void => undefined;
const NO_CLUSTER = Buffer.from('{"brokerAddrTable":{},"clusterAddrTable":{}}');

beforeAll(async () => {
  server = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
  server.register(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, (connection, request) => {
    const topic = answers.length > 1 ? answers.shift() : answers[0];
    const body = Buffer.from(`{"topicList":["${topic}"]}`);
    connection.respond(request, topic ? ResponseCode.SUCCESS : ResponseCode.SYSTEM_ERROR, topic ? null : 'out of order', null, body);
  });
  server.register(RequestCode.GET_BROKER_CLUSTER_INFO, (connection, request) => {
    const clusters = clusterAnswers.shift();
    const code = clusters === undefined ? ResponseCode.SYSTEM_ERROR : ResponseCode.SUCCESS;
    connection.respond(request, code, clusters === undefined ? 'out of order' : null, null, clusters);
    onClusterAnswer();
  });
  addr = `127.0.0.1:${(await server.listen()).listenPort}`;
  // The first import of every command takes a slow machine long.
  await Promise.all(commandNames.map(specOf));
});

afterAll(() => server.close());

describe('--watch', () => {
  it('shows round after round in a pipe, each below its time', async () => {
    answers = ['A', 'B'];
    const { stdout, stderr, exitCode } = await runCommand('topicList', ['-n', addr, '--watch', '10ms', '--rounds', '3']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(new RegExp(`^# ${TIME}\\nA\\n# ${TIME}\\nB\\n# ${TIME}\\nB\\n$`));
  });

  it('prints a line of JSON for each round', async () => {
    answers = ['A', 'B'];
    const { stdout, exitCode } = await runCommand('topicList', ['-n', addr, '--watch', '10ms', '--rounds', '2', '--json']);
    expect({ stdout, exitCode }).toEqual({ stdout: '{"topics":["A"]}\n{"topics":["B"]}\n', exitCode: 0 });
  });

  it('says what went wrong in a round, and goes on with the next one', async () => {
    answers = [null, 'B'];
    const { stdout, stderr, exitCode } = await runCommand('topicList', ['-n', addr, '--watch', '10ms', '--rounds', '2']);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^[^\n]*out of order[^\n]*\n$/);
    expect(stdout).toMatch(new RegExp(`^# ${TIME}\\nB\\n$`));
  });

  it('ends with the exit code of its last round', async () => {
    answers = ['A', null];
    const { stdout, stderr, exitCode } = await runCommand('topicList', ['-n', addr, '--watch', '10ms', '--rounds', '2']);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/\nA\n$/);
    expect(stderr).toContain('out of order');
  });

  /** Runs a watch that Ctrl-C ends in the round with this answer about clusters. */
  function interrupt(name: string, argv: readonly string[], atAnswer: number): Promise<CommandRun> {
    const listeners = new Set<(signal: EndSignal) => void>();
    let count = 0;
    onClusterAnswer = () => {
      count++;
      if (count === atAnswer) {
        for (const listener of listeners) {
          listener('SIGINT');
        }
      }
    };
    const onSignal = (listener: (signal: EndSignal) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    return runCommand(name, [...argv, '-n', addr, '--watch', '5ms'], {}, null, onSignal);
  }

  it.each([
    ['check', ['cluster'], 3],
    ['doctor', [], 1],
  ])('of %s ends by Ctrl-C with the code of a round that failed, not of the one before', async (name, argv, exitCode) => {
    clusterAnswers = [NO_CLUSTER];
    const run = await interrupt(name, argv, 6);
    expect(run).toMatchObject({ exitCode, stderr: expect.stringContaining('out of order') });
    expect(run.stdout).toContain('no broker is registered');
  });

  it.each([
    ['check', ['cluster'], 2],
    ['doctor', [], 9],
  ])('of %s ends by Ctrl-C with the code of the last whole round, not of the one that it ends', async (name, argv, exitCode) => {
    clusterAnswers = new Array<Buffer>(9).fill(NO_CLUSTER);
    expect(await interrupt(name, argv, 7)).toMatchObject({ exitCode, stderr: '' });
  });

  it('does not repeat what can never work', async () => {
    expect(await runCommand('topicList', ['--watch', '10ms'])).toMatchObject({ exitCode: 2 });
    expect(await runCommand('topicList', ['-n', addr, '--rounds', '2'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--watch'),
    });
  });

  it('is an option of the commands that read, and of no other', async () => {
    const watched: string[] = [];
    for (const name of commandNames) {
      const { options } = await specOf(name);
      if (options.watch !== undefined) {
        watched.push(name);
        expect(options.dryRun, name).toBeUndefined();
      }
    }
    expect(watched).toEqual(
      expect.arrayContaining(['brokerStatus', 'clusterList', 'consumerProgress', 'topicRoute', 'topicStatus', 'queryCq']),
    );
    expect(watched).not.toContain('deleteTopic');
  });
});

describe('a watch', () => {
  class Screen extends Writable {
    readonly isTTY = true;
    text = '';

    override _write(chunk: Buffer, _encoding: string, done: () => void): void {
      this.text += chunk.toString('utf8');
      done();
    }
  }

  function watchOn(screen: Screen): { options: WatchOptions; signal: (signal: EndSignal) => void } {
    let listener: (signal: EndSignal) => void = () => expect.fail('nobody listens');
    const out = new Output(screen, new Screen());
    const terminal = { colour: false, asks: false, animates: false };
    const onSignal = (its: typeof listener) => {
      listener = its;
      return () => undefined;
    };
    const io = { stdin: process.stdin, stdout: screen, stderr: screen, env: {}, terminal, onSignal };
    const options = { everyMs: 5, rounds: undefined, io, out, title: 'mqadmin x', isText: true, report: String };
    return { options, signal: (signal) => listener(signal) };
  }

  it('draws each round in place of the one before on a terminal, not before it has something to show', async () => {
    const screen = new Screen();
    const { options, signal } = watchOn(screen);
    let round = 0;
    await watchRounds(options, async () => {
      round++;
      if (round === 2) {
        expect(screen.text.split('\u001b[H\u001b[J')).toHaveLength(2);
      } else if (round === 3) {
        signal('SIGINT');
        return;
      }
      options.out.line(`round ${round}`);
    });
    const screens = screen.text.split('\u001b[H\u001b[J').slice(1);
    expect(screens).toHaveLength(2);
    expect(screens[1]).toMatch(new RegExp(`^Every 0.005s: mqadmin x {2}${TIME}\\n\\nround 2\\n$`));
  });

  it('that is ended in the middle of a round has ended well', async () => {
    const { options } = watchOn(new Screen());
    await watchRounds(options, () => Promise.reject(new InterruptedError('ended', { signal: 'SIGINT' })));
  });

  it('listens to one signal alone, so that a second one ends the process', async () => {
    const { options, signal } = watchOn(new Screen());
    let listening = 0;
    const { onSignal } = options.io;
    const io = {
      ...options.io,
      onSignal: (listener: (signal: EndSignal) => void) => {
        listening++;
        const forget = onSignal?.(listener);
        return () => {
          listening--;
          forget?.();
        };
      },
    };
    await watchRounds({ ...options, io }, async () => {
      expect(listening).toBe(1);
      signal('SIGINT');
      expect(listening).toBe(0);
    });
  });

  it('that is ended in a pause does not wait for its end', async () => {
    const { options, signal } = watchOn(new Screen());
    await watchRounds({ ...options, everyMs: 3_600_000 }, async () => void setImmediate(() => signal('SIGTERM')));
  });
});
