import { expect, it } from 'vitest';
import { MAX_PROPERTIES_BYTES } from '../../../src/common/limits.js';
import { getProperty } from '../../../src/common/message/properties.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { until } from '../../sandbox.js';
import { TransactionBroker } from './kit.js';

it('a topic with batch queues gets messages that waited elsewhere, also those that can hold hardly more properties', async () => {
  const broker = await TransactionBroker.start();
  const { client } = broker.producer;
  const topic = { topic: 'B', defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG' };
  const settings = { topicSysFlag: '0', order: 'false', attributes: '+queue.type=BatchCQ' };
  expect(await client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, { ...topic, ...settings })).toMatchObject({ code: 0 });
  const send = async (body: string, properties: Record<string, string>) => {
    const fields = properties.TRAN_MSG === undefined ? {} : { f: '4' };
    const answer = await client.send({ topic: 'B', queueId: 0, body, properties: { UNIQ_KEY: body.padEnd(32), ...properties }, fields });
    expect(answer).toMatchObject({ code: 0 });
    return answer.extFields!;
  };
  const sendFull = async (kind: string, waitsOn: string, properties: Record<string, string>) => {
    await send(`${kind} probe`, { ...properties, X: 'x' });
    const [probe] = await broker.messages(waitsOn, 1);
    return send(kind, { ...properties, X: 'x'.repeat(MAX_PROPERTIES_BYTES + 1 - probe!.properties.length) });
  };
  await sendFull('delayed', 'SCHEDULE_TOPIC_XXXX', { DELAY: '1' });
  await sendFull('timer', 'rmq_sys_wheel_timer', { TIMER_DELAY_SEC: '1' });
  const half = await sendFull('half', 'RMQ_SYS_TRANS_HALF_TOPIC', { TRAN_MSG: 'true', PGROUP: 'PG_tx' });
  const commitLogOffset = Number.parseInt(half.msgId!.slice(-16), 16);
  expect(await broker.commit({ msgId: half.transactionId!, queueOffset: Number(half.queueOffset), commitLogOffset })).toMatchObject({
    code: 0,
  });
  await until(async () => {
    broker.time.advance(100);
    return (await broker.messages('B', 1)).length === 5;
  });
  const delivered = await broker.messages('B', 1);
  expect(delivered.map(({ body }) => body.toString()).sort()).toEqual(['delayed', 'delayed probe', 'half', 'timer', 'timer probe']);
  for (const { properties } of delivered) expect(getProperty(properties, 'INNER_NUM')).toBe('1');
});
