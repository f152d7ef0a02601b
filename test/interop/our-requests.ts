import { Producer, PushConsumer } from '../../src/index.js';

/** Generous: a Java client may leave out a heartbeat, and then pulls get nothing for 30 s. */
export const REQUEST_TIMEOUT_MS = 55_000;

/** Our consumer that answers every request to a topic with `re:` and its body. */
export async function startOurResponder(namesrvAddr: string, topic: string): Promise<() => Promise<void>> {
  const replier = new Producer({ namesrvAddr, producerGroup: `${topic}-replier`, sendMsgTimeoutMs: 30_000 });
  await replier.start();
  const consumer = new PushConsumer({ namesrvAddr, consumerGroup: `${topic}-ours`, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
  await consumer.subscribe(topic);
  consumer.onMessage(async (messages) => {
    for (const message of messages) {
      if (message.property('REPLY_TO_CLIENT') !== undefined) {
        await replier.reply(message, Buffer.concat([Buffer.from('re:'), message.body]));
      }
    }
    return 'CONSUME_SUCCESS';
  });
  await consumer.start();
  return async () => {
    await consumer.shutdown();
    await replier.shutdown();
  };
}

/** A started producer of ours, as long as the work runs. */
export async function withOurRequester<T>(namesrvAddr: string, work: (producer: Producer) => Promise<T>): Promise<T> {
  const producer = new Producer({ namesrvAddr, producerGroup: 'OurRequester', sendMsgTimeoutMs: 30_000 });
  await producer.start();
  try {
    return await work(producer);
  } finally {
    await producer.shutdown();
  }
}
