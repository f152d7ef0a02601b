import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APACHE_VERSIONS, type ClientDriver, goClient, javaClient, rawRequest } from '../peers/index.js';
import { REQUEST_TIMEOUT_MS, startOurResponder, withOurRequester } from './our-requests.js';
import { createGroup, createTopic, interop, messageCount, startTarget, type Target, until } from './support.js';

const REPLY_TOPIC = 'DefaultCluster_REPLY_TOPIC';

interface DrivenReply {
  topic: string;
  bodyBase64: string;
  properties: Record<string, string>;
}

interop('requests and replies on the bundled nodes', 'java', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target?.stop());

  /** A topic with a group for each kind of responder. */
  const prepare = async (topic: string) => {
    await createTopic(target, topic, 1);
    for (const group of [`${topic}-java`, `${topic}-ours`, `${topic}-go`]) await createGroup(target, group);
  };

  describe.each(APACHE_VERSIONS)('with Java %s', (version) => {
    const id = version.replaceAll('.', '');
    let requester: ClientDriver;
    let responder: ClientDriver;

    beforeAll(async () => {
      // Java keeps its waiting requests in one table for the process: two processes show that the reply travels.
      [requester, responder] = await Promise.all([javaClient(version), javaClient(version)]);
      await requester.call('reply.startRequester', { name: 'r', namesrvAddr: target.namesrvAddr, group: `Requester${id}` });
    });
    afterAll(async () => {
      await Promise.all([requester?.close(), responder?.close()]);
    });
    const request = (topic: string, body: string): Promise<DrivenReply> =>
      requester.call('reply.request', { name: 'r', message: { topic, body }, timeout: REQUEST_TIMEOUT_MS });
    const startResponder = (topic: string) =>
      responder.call('reply.startResponder', { name: topic, namesrvAddr: target.namesrvAddr, group: `${topic}-java`, topic });

    it('checklist 15: a request goes from one Java process to another and back, and the reply is stored too', async () => {
      const topic = `Ask${id}`;
      await prepare(topic);
      const before = await messageCount(target, REPLY_TOPIC, 1);
      await startResponder(topic);
      const reply = await request(topic, 'é中');
      expect(Buffer.from(reply.bodyBase64, 'base64').toString()).toBe('re:é中');
      expect(reply.topic).toBe(REPLY_TOPIC);
      expect(reply.properties).toMatchObject({ MSG_TYPE: 'reply', ARRIVE_TIME: expect.any(String), PUSH_REPLY_TIME: expect.any(String) });
      // It is stored after it was pushed.
      await until(async () => (await messageCount(target, REPLY_TOPIC, 1)) === before + 1);
      await responder.call('reply.stop', { name: topic });
    });

    it('our consumer answers a Java requester', async () => {
      const topic = `AskOurs${id}`;
      await prepare(topic);
      const stop = await startOurResponder(target.namesrvAddr, topic);
      try {
        const bodies = await Promise.all(['a', 'b', 'c'].map(async (body) => (await request(topic, body)).bodyBase64));
        expect(bodies.map((body) => Buffer.from(body, 'base64').toString())).toEqual(['re:a', 're:b', 're:c']);
      } finally {
        await stop();
      }
    });

    it('a Java consumer answers our requester', async () => {
      const topic = `AskJava${id}`;
      await prepare(topic);
      await startResponder(topic);
      await withOurRequester(target.namesrvAddr, async (producer) => {
        const replies = await Promise.all(
          ['a', 'b', 'c'].map((body) => producer.request({ topic, body: Buffer.from(body) }, REQUEST_TIMEOUT_MS)),
        );
        expect(replies.map(({ body }) => body.toString())).toEqual(['re:a', 're:b', 're:c']);
      });
      await responder.call('reply.stop', { name: topic });
    });

    it('a request that nobody answers ends with the code of Java for it', async () => {
      const topic = `AskNobody${id}`;
      await prepare(topic);
      const error = requester.call('reply.request', { name: 'r', message: { topic, body: 'x' }, timeout: 5_000 });
      await expect(error).rejects.toMatchObject({
        type: 'RequestTimeoutException',
        message: expect.stringContaining('CODE: 10006'),
      });
    });
  });

  it('our consumer answers our requester', async () => {
    await prepare('AskOurselves');
    const stop = await startOurResponder(target.namesrvAddr, 'AskOurselves');
    try {
      await withOurRequester(target.namesrvAddr, async (producer) => {
        const reply = await producer.request({ topic: 'AskOurselves', body: Buffer.from('x') }, REQUEST_TIMEOUT_MS);
        expect(reply.body.toString()).toBe('re:x');
      });
    } finally {
      await stop();
    }
  });

  it('checklist 15: a reply to an unknown client is answered with 1, and stored', async () => {
    const before = await messageCount(target, REPLY_TOPIC, 1);
    const properties = 'MSG_TYPE\u0001reply\u0002CORRELATION_ID\u0001c\u0002REPLY_TO_CLIENT\u0001nobody\u0002';
    const header = {
      a: 'P',
      b: REPLY_TOPIC,
      c: 'TBW102',
      d: '4',
      e: '0',
      f: '0',
      g: '1700000000000',
      h: '0',
      i: properties,
      j: '0',
      k: 'false',
      m: 'false',
    };
    const answer = await rawRequest(target.broker.address, 325, header, 'pong');
    expect(answer).toMatchObject({
      code: 1,
      remark: 'push reply message fail, channel of <nobody> not found.',
      extFields: { queueId: '0' },
    });
    expect(await messageCount(target, REPLY_TOPIC, 1)).toBe(before + 1);
  });
});

interop('requests and replies of client-go v2 on the bundled nodes', 'java and go', () => {
  let target: Target;
  let go: ClientDriver;
  beforeAll(async () => {
    target = await startTarget();
    go = await goClient();
  });
  afterAll(async () => {
    await go?.close();
    await target?.stop();
  });

  it('our consumer answers a Go requester, and a Go consumer ours', async () => {
    for (const topic of ['AskOurs', 'AskGo']) {
      await createTopic(target, topic, 1);
      await createGroup(target, `${topic}-ours`);
      await createGroup(target, `${topic}-go`);
    }
    const stop = await startOurResponder(target.namesrvAddr, 'AskOurs');
    try {
      await go.startProducer({ name: 'r', namesrvAddr: target.namesrvAddr, group: 'GoRequester' });
      // Go sends its first heartbeat some time after its first send, and the broker must know whom to push to.
      await go.send('r', { topic: 'AskOurs', body: 'warm' }, { mode: 'oneway' });
      await until(async () => (await rawRequest(target.broker.address, 204, { producerGroup: 'GoRequester' })).code === 0, 40_000);
      const reply = await go.call<DrivenReply>('reply.request', {
        name: 'r',
        message: { topic: 'AskOurs', body: 'x' },
        timeout: REQUEST_TIMEOUT_MS,
      });
      expect(Buffer.from(reply.bodyBase64, 'base64').toString()).toBe('re:x');
    } finally {
      await stop();
    }
    await go.call('reply.startResponder', { name: 'AskGo', namesrvAddr: target.namesrvAddr, group: 'AskGo-go', topic: 'AskGo' });
    await withOurRequester(target.namesrvAddr, async (producer) => {
      const reply = await producer.request({ topic: 'AskGo', body: Buffer.from('y') }, REQUEST_TIMEOUT_MS);
      expect(reply.body.toString()).toBe('re:y');
    });
    await go.call('reply.stop', { name: 'AskGo' });
  });
});
