// Drives ali-ons by JSON lines; the protocol is that of the Java driver, as far as this client supports it.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { Consumer, Message, Producer } = createRequire(import.meta.url)('ali-ons');
const quiet = { debug() {}, info() {}, warn() {}, error: (...args) => process.stderr.write(`${args.join(' ')}\n`) };
const producers = new Map();
const consumers = new Map();

const emit = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const common = (init) => ({
  httpclient: { request: async () => ({ status: 500 }) },
  logger: quiet,
  nameSrv: init.namesrvAddr,
  clientIP: '127.0.0.1',
  instanceName: init.name,
  rebalanceInterval: 1000,
});

const operations = {
  async 'producer.start'(init) {
    const producer = new Producer({ ...common(init), producerGroup: init.group });
    producer.on('error', (error) => quiet.error(error.stack));
    await producer.ready();
    producers.set(init.name, producer);
  },
  async 'producer.send'({ name, message: init }) {
    const message = new Message(init.topic, init.tags ?? '', bodyOf(init));
    if (init.keys) message.keys = init.keys.split(' ');
    Object.assign(message.properties, init.properties);
    const result = await producers.get(name).send(message);
    return {
      sendStatus: result.sendStatus,
      msgId: result.msgId,
      offsetMsgId: result.offsetMsgId ?? null,
      queueId: Number(result.messageQueue.queueId),
      brokerName: result.messageQueue.brokerName,
      queueOffset: Number(result.queueOffset),
    };
  },
  async 'producer.stop'({ name }) {
    await producers.get(name)?.close();
    producers.delete(name);
  },
  async 'push.start'(init) {
    const consumer = new Consumer({ ...common(init), consumerGroup: init.group, consumeFromWhere: init.consumeFromWhere });
    consumer.on('error', (error) => quiet.error(error.stack));
    const behaviour = init.behaviour ?? {};
    const seen = new Map();
    for (const [topic, expression] of Object.entries(init.subscriptions)) {
      consumer.subscribe(topic, expression, async (message) => {
        // A redelivered message has a new id here; its UNIQ_KEY stays.
        const identity = `${message.properties?.UNIQ_KEY ?? message.msgId}/${message.body}`;
        const nth = (seen.get(identity) ?? 0) + 1;
        seen.set(identity, nth);
        const failed = nth <= (behaviour.failTimes ?? 0);
        emit({ event: 'message', consumer: init.name, at: Date.now(), failed, batch: 1, message: described(message) });
        if (failed && behaviour.throwing) throw new Error('asked to fail');
        return failed ? Consumer.ACTION_RETRY : undefined;
      });
    }
    await consumer.ready();
    consumers.set(init.name, consumer);
  },
  async 'push.owned'({ name }) {
    return [...consumers.get(name).processQueueTable.values()].map(({ messageQueue }) => ({
      topic: messageQueue.topic,
      brokerName: messageQueue.brokerName,
      queueId: messageQueue.queueId,
    }));
  },
  async 'push.persist'({ name }) {
    await consumers.get(name).persistConsumerOffset();
  },
  async 'push.stop'({ name }) {
    await consumers.get(name)?.close();
    consumers.delete(name);
  },
};

function bodyOf(init) {
  if (init.bodyBase64 !== undefined) return Buffer.from(init.bodyBase64, 'base64');
  if (init.bodyBytes !== undefined) return Buffer.alloc(init.bodyBytes, 'abcdefghijklmnopqrstuvwxyz');
  return Buffer.from(init.body ?? '');
}

function described(message) {
  return {
    topic: message.topic,
    msgId: message.msgId,
    offsetMsgId: message.offsetMsgId ?? null,
    queueId: message.queueId,
    queueOffset: Number(message.queueOffset),
    commitLogOffset: Number(message.commitLogOffset),
    storeSize: message.storeSize,
    tags: message.tags ?? null,
    keys: message.keys?.join?.(' ') ?? message.keys ?? null,
    flag: message.flag,
    sysFlag: message.sysFlag,
    reconsumeTimes: message.reconsumeTimes,
    preparedTransactionOffset: Number(message.preparedTransactionOffset),
    bornTimestamp: Number(message.bornTimestamp),
    storeTimestamp: Number(message.storeTimestamp),
    bornHost: String(message.bornHost),
    storeHost: String(message.storeHost),
    properties: message.properties,
    bodyBase64: Buffer.from(message.body ?? '').toString('base64'),
  };
}

async function answer(line) {
  const request = JSON.parse(line);
  try {
    const operation = operations[request.op];
    if (!operation) throw new Error(`unknown op ${request.op}`);
    emit({ id: request.id, result: (await operation(request)) ?? null });
  } catch (error) {
    emit({ id: request.id, error: { type: error.name, message: error.message, code: error.code } });
  }
}

createInterface({ input: process.stdin })
  .on('line', answer)
  .on('close', () => process.exit(0));
emit({ event: 'ready' });
