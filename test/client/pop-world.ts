import { expect, onTestFinished } from 'vitest';
import type { MessageListener } from '../../src/client/consumer/parts.js';
import { PushConsumer, type PushConsumerOptions } from '../../src/client/consumer/push-consumer.js';
import { encodeSetMessageRequestModeRequestBody } from '../../src/remoting/bodies/index.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { RawClient } from '../broker/kit.js';
import { type Sandbox, startSandbox } from '../sandbox.js';

/** A broker that revives quickly, and consumers whose queues it assigns. */
export class PopWorld {
  readonly sandbox: Sandbox;
  readonly raw: RawClient;

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.raw = new RawClient(sandbox.brokerAddr);
  }

  static async start(): Promise<PopWorld> {
    const brokerConfig = { timerPrecisionMs: 100, reviveInterval: 100, mappedFileSizeTimerLog: 520_000 };
    return new PopWorld(await startSandbox({ brokerConfig }));
  }

  async stop(): Promise<void> {
    await this.raw.close();
    await this.sandbox.stop();
  }

  /** Makes the topic by sending a message to it, and chooses the mode of the group. */
  async setMode(topic: string, consumerGroup: string, mode: 'POP' | 'PULL' = 'POP'): Promise<void> {
    await this.raw.send({ topic, body: 'makes the topic' });
    const body = encodeSetMessageRequestModeRequestBody({ topic, consumerGroup, mode, popShareQueueNum: 0 });
    expect((await this.raw.invoke(RequestCode.SET_MESSAGE_REQUEST_MODE, null, body)).code).toBe(0);
  }

  async consume(topic: string, listener: MessageListener, options: Partial<PushConsumerOptions> = {}): Promise<PushConsumer> {
    const consumer = new PushConsumer({
      namesrvAddr: this.sandbox.namesrvAddr,
      consumerGroup: `G${topic}`,
      clientRebalance: false,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...options,
    });
    await consumer.subscribe(topic);
    consumer.onMessage(listener);
    await consumer.start();
    onTestFinished(() => consumer.shutdown());
    return consumer;
  }
}
