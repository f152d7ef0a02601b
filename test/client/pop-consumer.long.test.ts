import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MessageListener } from '../../src/client/consumer/parts.js';
import { bodiesOf } from '../broker/kit.js';
import { pop, sendAll } from '../broker/pop/pop-kit.js';
import { until } from '../sandbox.js';
import { PopWorld } from './pop-world.js';

let world: PopWorld;

beforeAll(async () => {
  world = await PopWorld.start();
});
afterAll(() => world.stop());

it('what fails comes again with its count; what its group gives up is a dead letter, and comes no more', { timeout: 40_000 }, async () => {
  await world.setMode('Failing', 'GFailing');
  const seen: string[] = [];
  await world.consume(
    'Failing',
    (messages) => {
      seen.push(...messages.map((message) => `${message.topic} ${message.body} ${message.reconsumeTimes}`));
      return 'RECONSUME_LATER';
    },
    { maxReconsumeTimes: 1 },
  );
  // The first failure waits 10 s.
  await until(() => seen.length === 2, 30_000);
  expect(seen).toEqual(['Failing makes the topic 0', 'Failing makes the topic 1']);
  await until(async () => bodiesOf(await world.raw.pull({ topic: '%DLQ%GFailing' })).length === 1);
  expect(bodiesOf(await world.raw.pull({ topic: '%DLQ%GFailing' }))).toEqual(['makes the topic']);
});

it('what was popped and came back is pulled when its group pops no more', { timeout: 60_000 }, async () => {
  await world.setMode('Turned', 'GTurned', 'PULL');
  const options = { topic: 'Turned', group: 'GTurned' };
  expect(await pop(world.raw, { ...options, invisibleMs: 300 })).toHaveLength(1);
  const { store } = world.sandbox.brokers[0]!;
  await until(() => store.maxOffset('%RETRY%GTurned_Turned', 0) === 1, 20_000);
  const seen: string[] = [];
  const listener: MessageListener = ([message]) => {
    seen.push(`${message!.body} ${message!.reconsumeTimes}`);
    return 'CONSUME_SUCCESS';
  };
  await world.consume('Turned', listener, { rebalanceIntervalMs: 300 });
  await until(() => seen.length === 1, 30_000);
  expect(seen).toEqual(['makes the topic 1']);
});

it('messages that wait for the listener beyond their time are left to others', { timeout: 30_000 }, async () => {
  await world.setMode('Slow', 'GSlow');
  await sendAll(world.raw, 'Slow', ['one']);
  const seen: string[] = [];
  let go: (() => void) | undefined;
  const listener: MessageListener = async ([message]) => {
    seen.push(`${message!.body} ${message!.reconsumeTimes}`);
    if (seen.length === 1) {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    }
    return 'CONSUME_SUCCESS';
  };
  await world.consume('Slow', listener, { consumeThreadMax: 1, popInvisibleTimeMs: 5_000 });
  await until(() => seen.length === 1);
  const startMs = Date.now();
  await until(() => Date.now() - startMs > 5_100);
  go?.();
  await until(() => seen.length === 2, 15_000);
  expect(seen[0]).toMatch(/ 0$/);
  expect(seen[1]).toMatch(/ 1$/);
  expect(seen[0]!.slice(0, -2)).not.toBe(seen[1]!.slice(0, -2));
});
