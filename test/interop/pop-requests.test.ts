/* The requests of POP consumption, told to the bundled broker and to Apache's 5.3.3 alike. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ResponseCode } from '../../src/remoting/codes.js';
import { messagesOf, RawClient } from '../broker/kit.js';
import { ack, ackRaw, changeInvisible, notify, peek, pop, popRaw, sendAll } from '../broker/pop/pop-kit.js';
import { apache } from '../peers/index.js';
import { createGroup, createTopic, interop, startTarget, type Target, until } from './support.js';

const QUEUES = 4;
const GROUP = 'PG';
/** Long enough for a busy machine to acknowledge within it. */
const INVISIBLE_MS = 4_000;

interop('POP requests', 'java', () => {
  describe.each(['ours', 'Apache 5.3.3'])('to %s', (side) => {
    let target: Target;
    let client: RawClient;
    beforeAll(async () => {
      target = await (side === 'ours' ? startTarget() : apache.startCluster({ version: '5.3.3' }));
      client = new RawClient(target.broker.address);
      await createGroup(target, GROUP);
    });
    afterAll(async () => {
      await client?.close();
      await target?.stop();
    });

    /** Apache's broker answers a send before its queue has the message. */
    const dispatched = (topic: string, count: number): Promise<void> =>
      until(async () => (await peek(client, { topic })).extFields?.restNum === String(count));

    it('checklist 39: acks twice, acks of bad offsets, too many messages, idle pops', async () => {
      const topic = 'PopCodes';
      await createTopic(target, topic, QUEUES);
      await sendAll(client, topic, ['a', 'b']);
      await dispatched(topic, 2);
      const [first] = await pop(client, { topic, maxMsgNums: 1 });
      expect((await ackRaw(client, first!)).code).toBe(ResponseCode.SUCCESS);
      expect((await ackRaw(client, first!)).code).toBe(ResponseCode.SUCCESS);
      expect((await ackRaw(client, first!, GROUP, { offset: '999' })).code).toBe(ResponseCode.NO_MESSAGE);
      expect((await popRaw(client, { topic, maxMsgNums: 33 })).code).toBe(ResponseCode.INVALID_PARAMETER);
      await pop(client, { topic });
      const fromMs = performance.now();
      expect((await popRaw(client, { topic, pollMs: 1000 })).code).toBe(ResponseCode.POLLING_TIMEOUT);
      expect(performance.now() - fromMs).toBeGreaterThan(500);
    });

    it('checklist 39: a change of the invisible time gives a new handle, under which the message comes back later', async () => {
      const topic = 'PopChange';
      await createTopic(target, topic, QUEUES);
      await sendAll(client, topic, ['late', 'soon']);
      await dispatched(topic, 2);
      const popped = await pop(client, { topic, invisibleMs: INVISIBLE_MS });
      const late = popped.find(({ body }) => body === 'late')!;
      const changed = await changeInvisible(client, late, 10 * INVISIBLE_MS);
      expect(changed.receipt).not.toBe(late.receipt);
      const back: string[] = [];
      await until(async () => {
        back.push(...(await pop(client, { topic, pollMs: 500 })).map(({ body }) => body));
        return back.length > 0;
      }, 30_000);
      expect(back).toEqual(['soon']);
      await ack(client, [changed]);
    });

    it('a peek takes nothing, and a notification tells of messages', async () => {
      const topic = 'PopLook';
      await createTopic(target, topic, QUEUES);
      expect(await peek(client, { topic })).toMatchObject({ code: ResponseCode.PULL_NOT_FOUND, remark: 'NO_MESSAGE_IN_QUEUE' });
      const waiting = notify(client, { topic, pollMs: 8_000 });
      await sendAll(client, topic, ['a', 'b', 'c']);
      expect(await waiting).toMatchObject({ code: 0, extFields: { hasMsg: 'true' } });
      await dispatched(topic, 3);
      for (let time = 0; time < 2; time++) {
        const answer = await peek(client, { topic, maxMsgNums: 2 });
        expect(answer).toMatchObject({ code: 0, remark: 'FOUND', extFields: { restNum: '3' } });
        expect(messagesOf(answer)).toHaveLength(2);
      }
      expect(await pop(client, { topic })).toHaveLength(3);
      expect(await notify(client, { topic })).toMatchObject({ code: 0, extFields: { hasMsg: 'false' } });
    });
  });
});
