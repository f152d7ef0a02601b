import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runConsumerBench } from '../../../src/bench/consumer-bench.js';
import type { SentSequences } from '../../../src/bench/delivery-ledger.js';
import type { ConsumerResult, ProducerResult } from '../../../src/bench/result.js';
import { writeFileWhole } from '../../../src/common/whole-file.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { runBench } from './run-bench.js';

describe('the sequence numbers of messages', () => {
  let cluster: Sandbox;
  let dir: string;
  let sent: string;
  let groups = 0;

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    dir = mkdtempSync(join(tmpdir(), 'mqkit-delivery-'));
    sent = join(dir, 'sent.json');
  });

  afterAll(async () => {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  function on(topic: string): string[] {
    return ['-n', cluster.namesrvAddr, '-t', topic];
  }

  /** A new group that reads the topic from its beginning. */
  async function consume(topic: string, quantity: number, args: readonly string[] = []): ReturnType<typeof runBench> {
    const group = ['-g', `delivery_${++groups}`, '--from', 'first', '-q', String(quantity)];
    return runBench('consumer', [...on(topic), ...group, '--json', ...args]);
  }

  function resultOf<R>(stdout: string): R {
    return JSON.parse(stdout) as R;
  }

  it('of a producer are all seen by a consumer that is told of them', async () => {
    const producer = await runBench('producer', [...on('Plain'), '-q', '3000', '-w', '16', '--json', sent]);
    expect(producer).toMatchObject({ exitCode: 0 });
    const { sequences } = resultOf<ProducerResult>(readFileSync(sent, 'utf8'));
    expect(sequences).toMatchObject({ producers: [{ producer: 0, lanes: [3000], unconfirmed: [] }], uncheckable: 0 });
    // The window ends early; the rest is awaited.
    const consumer = await consume('Plain', 1000, ['--expect', sent]);
    expect(consumer).toMatchObject({ exitCode: 0 });
    const { delivery } = resultOf<ConsumerResult>(consumer.stdout);
    expect(delivery).toMatchObject({ judgedBy: 'sent', sent: 3000, received: 3000, lost: 0, duplicates: 0, unchecked: 0, foreign: 0 });
  });

  it('that do not arrive fail the run, and are named', async () => {
    const result = resultOf<{ sequences: SentSequences }>(readFileSync(sent, 'utf8'));
    const [own] = result.sequences.producers;
    const more = { ...result, sequences: { ...result.sequences, producers: [{ ...own, lanes: [3002] }] } };
    const file = join(dir, 'more.json');
    writeFileSync(file, JSON.stringify(more));
    const run = await consume('Plain', 3000, ['--expect', file]);
    expect(run.exitCode).toBe(99);
    expect(run.stderr).toContain(
      'delivery.lost==0: 2 of 3,002 messages were lost (first: producer 0, number 3000 to 3001); --allow-loss accepts that',
    );
    expect(resultOf<ConsumerResult>(run.stdout).delivery).toMatchObject({ lost: 2 });
  });

  it('of ordered keys arrive in their order', async () => {
    const file = join(dir, 'ordered.json');
    const load = ['-q', '2000', '-w', '16', '--ordered', '--keys', '40', '--key-distribution', 'zipf', '--seed', '5'];
    const producer = await runBench('producer', [...on('Ordered'), ...load, '--json', file]);
    expect(producer).toMatchObject({ exitCode: 0 });
    const { sequences, seed } = resultOf<ProducerResult>(readFileSync(file, 'utf8'));
    expect(seed).toBe(5);
    const lanes = sequences?.producers[0]?.lanes ?? [];
    expect(lanes).toHaveLength(41);
    expect(lanes.reduce((sum, count) => sum + count, 0)).toBe(2000);
    const consumer = await consume('Ordered', 2000, ['--expect', file]);
    expect(consumer).toMatchObject({ exitCode: 0 });
    expect(resultOf<ConsumerResult>(consumer.stdout).delivery).toMatchObject({ sent: 2000, received: 2000, lost: 0, disordered: 0 });
  });

  it('that were sent twice are duplicates, and gaps show without being told what was sent', async () => {
    const producer = await runBench('producer', [...on('Twice'), '-q', '400', '-w', '4', '-s', '64', '--json', join(dir, 'twice.json')]);
    expect(producer).toMatchObject({ exitCode: 0 });
    const bodies = await bodiesOf(cluster, 'Twice');
    const lines = bodies.slice(100, 103).map((body) => JSON.stringify({ bodyBase64: body.toString('base64') }));
    const file = join(dir, 'again.jsonl');
    writeFileSync(file, lines.join('\n'));
    const again = await runBench('producer', [...on('Twice'), '-q', '3', '-w', '1', '--payload-lines', file]);
    expect(again).toMatchObject({ exitCode: 0 });
    const run = await consume('Twice', 403);
    expect(run.exitCode).toBe(99);
    expect(run.stderr).toContain('delivery.duplicates==0: 3 messages came again; --allow-duplicates accepts that');
    const { delivery } = resultOf<ConsumerResult>((await consume('Twice', 403, ['--allow-duplicates'])).stdout);
    expect(delivery).toMatchObject({ judgedBy: 'gaps', received: 400, lost: 0, duplicates: 3 });
  });

  it('are in bodies of any size, which runs that consume what they send can have, too', async () => {
    const payload = ['--sizes', '40-400', '--properties', '2', '--keys', '5', '--key-distribution', 'zipf', '--random-bytes-ratio', '0.5'];
    for (const [kind, args] of [
      ['latency', ['--rate', '1000', '-g', 'delivery_latency']],
      ['fanout', ['--groups', '2', '-g', 'delivery_fanout']],
    ] as const) {
      const run = await runBench(kind, [...on('Sizes'), ...args, ...payload, '-q', '200', '--seed', '3', '--json']);
      expect(run).toMatchObject({ exitCode: 0 });
      const { delivery, seed, send } = resultOf<ProducerResult>(run.stdout);
      expect(delivery).toMatchObject({ lost: 0, duplicates: 0, unchecked: 0 });
      expect(seed).toBe(3);
      expect(send.bytesPerSecond / send.rate).toBeCloseTo(220, -2);
    }
    const small = await runBench('latency', [...on('Sizes'), '--sizes', '20-400', '-q', '1']);
    expect(small).toMatchObject({ exitCode: 2 });
    expect(small.stderr).toContain('a message of 20 B has no room for the times that are measured');
  });

  it('are not asked for in a file that has none', async () => {
    const file = join(dir, 'other.json');
    writeFileSync(file, '{"schema":"mqbench/1"}');
    const other = await consume('Plain', 1, ['--expect', file]);
    expect(other).toMatchObject({ exitCode: 2 });
    expect(other.stderr).toContain('does not say what was sent: it has no sequences');
  });

  it('are waited for until a producer that still runs has written its file', async () => {
    const file = join(dir, 'late.json');
    const written = join(dir, 'written.json');
    expect(await runBench('producer', [...on('Late'), '-q', '300', '-w', '4', '--json', written])).toMatchObject({ exitCode: 0 });
    for (const before of ['nothing', 'that of an earlier run']) {
      if (before !== 'nothing') {
        copyFileSync(sent, file);
      }
      const consumer = consumeHere('Late', 300, file);
      await consumer.counted;
      writeFileSync(file, '{"schema":"mqbench/1","sequ');
      writeFileWhole(file, readFileSync(written, 'utf8'));
      expect((await consumer.result).delivery, before).toMatchObject({ judgedBy: 'sent', sent: 300, received: 300, lost: 0, foreign: 0 });
      rmSync(file);
    }
  });

  it('cannot be judged without the file, but what was measured is kept', async () => {
    const end = new AbortController();
    const { counted, result } = consumeHere('Plain', 3000, join(dir, 'none.json'), end.signal);
    const ended = expect(result).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('none.json cannot be read: ENOENT'),
      context: { result: { kind: 'consumer', receive: { count: 3000 } } },
    });
    await counted;
    end.abort();
    await ended;
  });

  it('are read on this machine, and not by a worker elsewhere', async () => {
    const elsewhere = ['--workers', '10.0.0.7:7801'];
    const env = { MQBENCH_WORKER_TOKEN: 'a token' };
    const consumer = await runBench('consumer', [...on('Plain'), ...elsewhere, '--duration', '1s', '--expect', sent], env);
    expect(consumer).toMatchObject({ exitCode: 2 });
    expect(consumer.stderr).toContain(`--expect ${sent}: worker 10.0.0.7:7801 cannot read files of this machine`);
    const producer = await runBench('producer', [...on('Plain'), ...elsewhere, '-q', '1', '--payload-file', sent], env);
    expect(producer).toMatchObject({ exitCode: 2 });
    expect(producer.stderr).toContain(`--payload-file ${sent}: worker 10.0.0.7:7801 cannot read files of this machine`);
  });

  /** The same without a command around it; `counted` resolves when the quantity has come. */
  function consumeHere(
    topic: string,
    quantity: number,
    expectFile: string,
    signal?: AbortSignal,
  ): { readonly counted: Promise<void>; readonly result: Promise<ConsumerResult> } {
    let done: () => void = () => undefined;
    const counted = new Promise<void>((resolve) => {
      done = resolve;
    });
    const result = runConsumerBench(
      {
        ...{ namesrvAddr: cluster.namesrvAddr, topic, consumerGroup: `delivery_${++groups}`, concurrency: 4, warmupMs: 0 },
        ...{ quantity, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', expectFile },
      },
      {
        intervalMs: 20,
        onInterval: ({ totalCount }) => totalCount >= quantity && done(),
        ...(signal === undefined ? {} : { signal }),
      },
    );
    return { counted, result };
  }
});

/** Every body of a topic, queue by queue. */
async function bodiesOf(cluster: Sandbox, topic: string): Promise<Buffer[]> {
  const { PullConsumer } = await import('../../../src/client/consumer/pull-consumer.js');
  const consumer = new PullConsumer({ namesrvAddr: cluster.namesrvAddr, consumerGroup: 'delivery_bodies' });
  await consumer.start();
  const bodies: Buffer[] = [];
  for (const queue of await consumer.fetchMessageQueues(topic)) {
    const { messages } = await consumer.pull(queue, '*', 0, 1000);
    bodies.push(...messages.map(({ body }) => body));
  }
  await consumer.shutdown();
  return bodies;
}
