import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { LaneMessage } from '../../../src/bench/delivery-ledger.js';
import { parseDistribution, WeightedDraw } from '../../../src/bench/payload/distribution.js';
import { Payload, type PayloadOptions, type QueueTarget } from '../../../src/bench/payload/payload.js';
import { parseSizes } from '../../../src/bench/payload/sizes.js';
import { seededRandom } from '../../../src/common/clock.js';
import type { Message } from '../../../src/common/message/message.js';

const dir = mkdtempSync(join(tmpdir(), 'mqkit-payload-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function fileOf(name: string, content: string | Buffer): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

function open(options: Partial<PayloadOptions>, inFlight = 4): Promise<Payload> {
  return Payload.open({ topic: 'T', bodyBytes: 64, seed: 1, ...options }, inFlight);
}

/** What the places in flight send in turn. */
function sends(payload: Payload, count: number): (LaneMessage & { text: string })[] {
  const places = Array.from({ length: payload.inFlight }, () => payload.createMessage());
  const { prepare } = payload;
  return Array.from({ length: count }, (_, i) => {
    const message = places[i % places.length] as Message;
    prepare?.(message);
    return { ...message, text: message.body.toString('latin1') };
  });
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? [];
    group.push(item);
    groups.set(keyOf(item), group);
  }
  return groups;
}

async function messages(options: Partial<PayloadOptions>, count = 1000): Promise<(LaneMessage & { text: string })[]> {
  return sends(await open(options), count);
}

it('refuses a pool of bodies that does not fit into memory', async () => {
  await expect(open({ bodyPool: 10_000, bodyBytes: 4 * 1024 * 1024 })).rejects.toThrow('--payload-pool 10000: so many bodies of 4194304 B');
  await expect(open({ bodyPool: 10_000, sizes: parseSizes('10,4m', '--sizes') })).rejects.toThrow('--payload-pool 10000');
});

describe('bodies', () => {
  it('are letters and digits of the size asked for, and nothing is prepared for a message', async () => {
    const payload = await open({ bodyBytes: 100 });
    expect(payload.prepare).toBeUndefined();
    expect(sends(payload, 4).every(({ text }) => /^[\w-]{100}$/.test(text))).toBe(true);
  });

  it('have every size of a range, and the weights that are given', async () => {
    const uniform = await messages({ sizes: parseSizes('30-39', '--sizes') }, 5000);
    const counts = groupBy(uniform, ({ body }) => body.length);
    expect([...counts.keys()].sort()).toEqual([30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    expect([...counts.values()].every(({ length }) => length > 400 && length < 600)).toBe(true);
    const weighted = await messages({ sizes: parseSizes('128:70,1k-2k:30', '--sizes') }, 5000);
    const small = weighted.filter(({ body }) => body.length === 128).length;
    expect(small / 5000).toBeCloseTo(0.7, 1);
    expect(weighted.every(({ body }) => body.length === 128 || (body.length >= 1024 && body.length <= 2048))).toBe(true);
  });

  it('compress as far as their random share says', async () => {
    for (const randomBytesRatio of [0, 0.25, 1]) {
      const [message] = await messages({ bodyBytes: 40_000, randomBytesRatio }, 1);
      expect(deflateSync(message?.body as Buffer).length / 40_000).toBeCloseTo(randomBytesRatio, 1);
    }
  });

  it('come by chance from a pool', async () => {
    const texts = (await messages({ bodyPool: 5 }, 500)).map(({ text }) => text);
    expect(new Set(texts).size).toBe(5);
  });

  it('are the content of a file, byte for byte', async () => {
    const [message] = await messages({ bodyFile: fileOf('body.bin', Buffer.from([0, 255, 10, 13])) }, 1);
    expect(message).toMatchObject({ body: Buffer.from([0, 255, 10, 13]), isVerbatim: true });
  });
});

describe('lines of a file', () => {
  it('become messages in turn', async () => {
    const lines = [
      '{"body": "plain", "tags": "a", "keys": "k1 k2", "properties": {"shop": "7", "n": 3}}',
      '',
      '{"bodyBase64": "AP8="}',
      '{"body": {"order": 42}, "keys": ["x", "y"], "properties": {"UNIQ_KEY": "old", "WAIT": "true"}}',
    ];
    const [first, second, third, again] = await messages({ linesFile: fileOf('lines.jsonl', lines.join('\n')) }, 4);
    expect(first).toMatchObject({ text: 'plain', tags: 'a', keys: 'k1 k2', isVerbatim: true });
    expect(first?.properties).toEqual(
      new Map([
        ['shop', '7'],
        ['n', '3'],
      ]),
    );
    expect(second?.body).toEqual(Buffer.from([0, 255]));
    expect(second).not.toHaveProperty('tags');
    expect(third).toMatchObject({ text: '{"order":42}', keys: 'x y', properties: new Map() });
    expect(again?.text).toBe('plain');
  });

  it.each([
    ['{"body": "a"}\n{"body": "b"', /line 2: .*JSON/],
    ['[1]', /line 1: it is not a JSON object/],
    ['{"tags": "a"}', /line 1: it has neither body nor bodyBase64/],
    ['{"body": ""}', /line 1: its body is empty/],
    ['{"bodyBase64": "&&"}', /line 1: its bodyBase64 is no base64/],
    ['{"body": "a", "properties": {"p": {}}}', /line 1: its property p is not a text/],
    ['\n\n', /there is no message in it/],
  ])('that are wrong are named: %j', async (text, expected) => {
    await expect(open({ linesFile: fileOf('wrong.jsonl', text) })).rejects.toThrow(expected);
  });

  it('of a file that is not there are one clear error', async () => {
    await expect(open({ linesFile: join(dir, 'none') })).rejects.toThrow(/--payload-lines .*none: ENOENT/);
    await expect(open({ bodyFile: join(dir, 'none') })).rejects.toThrow(/--payload-file .*none cannot be sent: ENOENT/);
  });
});

describe('keys and tags', () => {
  it('take turns, come evenly, or by a zipf law', async () => {
    const turn = await messages({ tagCount: 3 }, 6);
    expect(turn.map(({ tags }) => tags)).toEqual(['tag0', 'tag1', 'tag2', 'tag0', 'tag1', 'tag2']);
    const zipf = await messages({ keyCount: 100, keyDistribution: parseDistribution('zipf:1', '--key-distribution') }, 20_000);
    const counts = groupBy(zipf, ({ keys }) => keys as string);
    const share = (key: string): number => (counts.get(key)?.length ?? 0) / 20_000;
    // The harmonic number of 100.
    expect(share('key0')).toBeCloseTo(1 / 5.187, 1);
    expect(share('key1')).toBeCloseTo(1 / 2 / 5.187, 1);
    expect(share('key0')).toBeGreaterThan(share('key9') * 7);
  });

  it('each message has a key of its own with -k', async () => {
    expect(new Set((await messages({ keys: true }, 100)).map(({ keys }) => keys)).size).toBe(100);
  });

  it('properties have the number and the length asked for', async () => {
    const [message] = await messages({ propertyCount: 3, propertyBytes: 20 }, 1);
    expect([...(message?.properties ?? [])].map(([name, value]) => [name, value.length])).toEqual([
      ['p0', 20],
      ['p1', 20],
      ['p2', 20],
    ]);
  });

  it('are the same again with the same seed, and others with another', async () => {
    const options = { keyCount: 50, tagCount: 5, tagDistribution: { kind: 'uniform' }, sizes: parseSizes('30-90', '') } as const;
    const run = async (seed: number): Promise<string> =>
      JSON.stringify((await messages({ ...options, seed })).map(({ keys, tags, text }) => [keys, tags, text]));
    expect(await run(7)).toBe(await run(7));
    expect(await run(7)).not.toBe(await run(8));
  });
});

describe('ordered keys', () => {
  it('go to the queue of their hash, and a place in flight has keys of its own', async () => {
    const payload = await open({ keyCount: 10, ordered: true, propertyCount: 1 }, 4);
    const queues = [0, 1, 2].map((queueId) => ({ topic: 'T', brokerName: 'broker-a', queueId }));
    const sent: { key: string; place: number; lane: number; queueId: number | undefined }[] = [];
    const producer: QueueTarget = {
      sendAsync: (message, _handler, context, queue) => {
        const { keys, lane, properties } = message as LaneMessage;
        expect(properties?.get('__SHARDINGKEY')).toBe(keys);
        expect(properties?.get('p0')).toHaveLength(16);
        sent.push({ key: String(keys), place: context as number, lane: lane as number, queueId: queue?.queueId });
      },
    };
    const target = payload.target(producer, queues);
    const places = Array.from({ length: payload.inFlight }, () => payload.createMessage());
    for (let i = 0; i < 1000; i++) {
      payload.prepare?.(places[i % 4] as Message);
      target.sendAsync(places[i % 4] as Message, { onSuccess: () => {}, onException: () => {} }, i % 4);
    }
    for (const same of groupBy(sent, ({ key }) => key).values()) {
      expect(new Set(same.map(({ queueId }) => queueId)).size).toBe(1);
      expect(new Set(same.map(({ place }) => place)).size).toBe(1);
      expect(new Set(same.map(({ lane }) => lane)).size).toBe(1);
    }
    expect(new Set(sent.map(({ lane }) => lane)).size).toBe(10);
  });

  it('fewer than places leave places empty; none, or more than a stamp can count, are refused', async () => {
    expect((await open({ keyCount: 2, ordered: true }, 64)).inFlight).toBe(2);
    await expect(open({ keyCount: 70_000, ordered: true })).rejects.toThrow(/--ordered with 70000 keys: give it 1 to 65535/);
  });
});

describe('what is written wrong', () => {
  it.each(['', '0', '10-5', '5-', '128:0', '9m', 'a', '1-2-3'])('sizes %j', (text) => {
    expect(() => parseSizes(text, '--sizes')).toThrow(/--sizes .*: expected sizes from 1 to 4194304/);
  });

  it.each(['', 'normal', 'zipf:', 'zipf:0', 'zipf:-1', 'zipf:1:2', 'uniform:2', 'zipf:99'])('distribution %j', (text) => {
    expect(() => parseDistribution(text, '--key-distribution')).toThrow(/--key-distribution .*: expected turn, uniform, zipf/);
  });
});

it('weighted draws come in proportion to any weights', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 12 }), fc.integer(), (weights, seed) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      fc.pre(total > 0);
      const draw = new WeightedDraw(Float64Array.from(weights), seededRandom(seed));
      const counts = weights.map(() => 0);
      for (let i = 0; i < 4000; i++) {
        const index = draw.next();
        counts[index] = (counts[index] ?? Number.NaN) + 1;
      }
      weights.forEach((weight, index) => {
        // Seven standard deviations, and the least of one.
        const share = weight / total;
        expect(Math.abs((counts[index] as number) - 4000 * share)).toBeLessThanOrEqual(7 * Math.sqrt(4000 * share * (1 - share)) + 1);
      });
    }),
    { numRuns: 50 },
  );
});
