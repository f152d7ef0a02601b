import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { MAX_PROPERTIES_BYTES } from '../../../src/common/limits.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { TransactionBroker } from '../transaction/kit.js';
import { ack, type Popped, poppedOf, popRaw } from './pop-kit.js';

const STEP_MS = 200;

async function pass(broker: TransactionBroker, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    broker.time.advance(STEP_MS);
    await nextTurn();
  }
}

async function pop(broker: TransactionBroker): Promise<Popped[]> {
  return poppedOf(await popRaw(broker.producer.client, { topic: 'T', invisibleMs: 5_000, fields: { bornTime: '0' } }), 'PG');
}

/** Sends messages whose records have room for so many more bytes of properties. */
async function sendFull(broker: TransactionBroker, spares: readonly number[]): Promise<void> {
  const { client } = broker.producer;
  const send = (body: string, x: string) => client.send({ topic: 'T', queueId: 0, body, properties: { UNIQ_KEY: 'u'.repeat(32), X: x } });
  await send('probe', 'x');
  const [probe] = await broker.messages();
  for (const spare of spares) {
    const answer = await send(String(spare), 'x'.repeat(MAX_PROPERTIES_BYTES - probe!.properties.length + 1 - spare));
    expect(answer.code).toBe(0);
  }
  expect((await broker.messages()).at(-1)!.properties).toHaveLength(MAX_PROPERTIES_BYTES - spares.at(-1)!);
}

it('popped messages whose records can hold hardly more properties come again, can be acknowledged, and become dead letters', async () => {
  const broker = await TransactionBroker.start({ mappedFileSizeTimerLog: 52_000 });
  const { client } = broker.producer;
  await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, '{"groupName":"PG","retryMaxTimes":2}');
  // Not more than one answer holds.
  const spares = [300, 150, 90, 60, 27, 1, 0];
  await sendFull(broker, spares);
  const all = ['probe', ...spares.map(String)].sort();
  for (let times = 0; times <= 2; times++) {
    const popped = await pop(broker);
    expect(popped.map(({ body, reconsumeTimes }) => [body, reconsumeTimes]).sort(), `try ${times}`).toEqual(
      all.map((body) => [body, times]),
    );
    if (times === 1)
      await ack(
        client,
        popped.filter(({ body }) => body === '300' || body === '1'),
      );
    if (times === 1) all.splice(0, all.length, ...all.filter((body) => body !== '300' && body !== '1'));
    await pass(broker, 9_000);
  }
  expect(await pop(broker)).toEqual([]);
  expect(await broker.bodies('%DLQ%PG')).toEqual(all);
});
