import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TimerResult } from '../../../src/bench/kind-results.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { resultOf, runBench } from './run-bench.js';

describe('mqbench timer and delay', () => {
  let cluster: Sandbox;
  let on: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4, messageDelayLevel: '1s 5s' } });
    on = ['-n', cluster.namesrvAddr, '-t', 'TimerTest'];
  });

  afterAll(() => cluster.stop());

  it('delivers every message of every slot, none before it is due', async () => {
    const slots = ['-st', '3', '-mt', '5', '-tc', '4', '-sd', '200', '-p', '100', '--first', '500ms'];
    const run = await runBench('timer', [...on, ...slots, '--json']);
    const result = resultOf<TimerResult>(run);
    expect(result).toMatchObject({ schema: 'mqbench/1', kind: 'timer', seed: 1, send: { count: 60, errors: 0 } });
    const { early = -1, sentLate = -1 } = result.deliveries ?? {};
    expect(early).toBe(0);
    // On a machine that is busy a send may come after its slot.
    expect((result.receive?.count ?? 0) + sentLate).toBe(60);
    expect(result.delivery).toMatchObject({ judgedBy: 'sent', lost: 0, duplicates: 0 });
  });

  it("prints Apache's lines of producer and consumer, each with its role", async () => {
    const slots = ['-st', '1', '-mt', '60', '-tc', '1', '--first', '300ms', '-p', '100', '--rate', '200', '-ri', '100', '--classic'];
    const [consumer, producer] = await Promise.all([
      runBench('timer', [...on, '--role', 'consumer', '--classic', '-ri', '100', '-q', '60']),
      runBench('timer', [...on, ...slots]),
    ]);
    expect([producer.exitCode, consumer.exitCode]).toEqual([0, 0]);
    const [header, start, ...sent] = producer.stdout.trimEnd().split('\n');
    expect(header).toBe(
      `namesrvAddr: ${cluster.namesrvAddr}, topic: TimerTest, threadCount: 1, messageSize: 1024, precisionMs: 100, slotsTotal: 1, msgsTotalPerSlotThread: 60, slotDis: 1000`,
    );
    expect(start).toBe('Start sending messages');
    for (const line of sent) {
      expect(line).toMatch(/^Send TPS: \d+, Max RT: \d+, Average RT: ([ \d]*\d\.\d{3}| {4}NaN), Send Failed: 0, Response Failed: 0$/);
    }
    const [, begin, ...received] = consumer.stdout.replace(/\n$/, '').split('\n');
    expect(consumer.stdout).toMatch(/^namesrvAddr: \S+, topic: TimerTest\n/);
    expect(begin).toBe('Start receiving messages');
    for (const line of received) {
      expect(line).toMatch(
        /^Consume TPS: \d+, Avg delayedDuration: ([ \d]*\d\.\d{3}| {4}NaN), Max delayedDuration: (0, |\d+, delayDuration %25: \d+, %50: \d+; %80: \d+; %90: \d+; %99: \d+; %99\.9: \d+)$/,
      );
    }
  });

  it('measures delays of any length; a level must be one that the brokers are configured with', async () => {
    const span = await runBench('delay', [...on, '--after', '100ms', '--until', '300ms', '--rate', '200', '--duration', '300ms', '--json']);
    const result = resultOf<TimerResult>(span);
    expect(result).toMatchObject({ kind: 'delay', deliveries: { early: 0 }, delivery: { lost: 0, duplicates: 0 } });
    expect((result.receive?.count ?? 0) + (result.deliveries?.sentLate ?? 0)).toBe(result.send?.count);
    expect((await runBench('delay', [...on, '-e', '3'])).stderr).toBe('-e 3: the brokers have the delay levels 1 to 2\n');
  });

  it('refuses plans that make no sense', async () => {
    const messages = [
      [['timer', '--role', 'both', '-ms', '10'], 'a message of 10 B has no room for a sequence number: at least 28 B (-s, -ms)\n'],
      [['timer', '--role', 'sender'], '--role sender: expected producer, consumer or both\n'],
      [['timer', '-st', '1000000', '-mt', '1000'], '64000000000 planned messages are more than 50000000'],
      [['delay', '-e', '1', '--after', '1s'], '-e and --after are two kinds of delay; leave one out\n'],
      [['delay', '--after', '2s', '--until', '1s'], '--until 1 s lies before --after 2 s\n'],
    ] as const;
    for (const [[name, ...words], message] of messages) {
      const run = await runBench(name, [...on, ...words]);
      expect(run.exitCode).toBe(2);
      expect(run.stderr).toContain(message);
    }
  });
});
