import { BrokerError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { compressionFlags } from '../../common/sys-flag.js';
import { CLIENT_INNER_PRODUCER_GROUP, retryTopic } from '../../common/topic-names.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { MessageQueue } from '../message-queue.js';
import { vipAddr } from '../mq-client.js';
import { type AttemptSink, PendingSend } from '../producer/pending-send.js';
import { DEFAULT_CREATE_TOPIC_KEY } from '../producer/send-request.js';
import { sendStatusOf } from '../producer/send-response.js';
import { SendTransmitter } from '../producer/transmitter.js';
import { type ConsumerParts, maxReconsumeTimesOf, type PushSettings } from './parts.js';
import type { PulledMessage } from './pulled-message.js';

const SEND_BACK_TIMEOUT_MS = 5_000;
/** Delay of a first retry when the client writes the retry message itself: level 3, 10 s by default. */
const FIRST_DELAY_LEVEL = 3;
/** A delay level that means the dead letter queue. */
const TO_DEAD_LETTERS = -1;

/** What is needed of a consumer that gives messages back. */
export interface SendBackParts extends Pick<ConsumerParts, 'client'> {
  readonly settings: Readonly<Pick<PushSettings, 'consumerGroup' | 'maxReconsumeTimes' | 'isOrdered'>>;
}

/** Gives failed messages back: to the broker that has them, or, when that fails, as a new message to the group's retry topic. */
export class SendBack {
  readonly #parts: SendBackParts;
  readonly #transmitter: SendTransmitter;

  constructor(parts: SendBackParts) {
    this.#parts = parts;
    this.#transmitter = new SendTransmitter(parts.client, {
      producerGroup: CLIENT_INNER_PRODUCER_GROUP,
      createTopicKey: DEFAULT_CREATE_TOPIC_KEY,
      defaultTopicQueueNums: 1,
    });
  }

  /**
   * @param delayLevel −1 straight to the dead letter queue, 0 the broker's next delay, more: that delay level.
   * @returns whether somebody has it now.
   */
  async send(message: PulledMessage, queue: Pick<MessageQueue, 'brokerName'>, delayLevel: number): Promise<boolean> {
    const { logger } = this.#parts.client;
    try {
      await this.#toBroker(message, queue, delayLevel);
      return true;
    } catch (error) {
      logger.warn(`message ${message.msgId} could not be given back to broker ${queue.brokerName}: ${String(error)}`);
    }
    try {
      await this.#toRetryTopic(message);
      return true;
    } catch (error) {
      logger.warn(`message ${message.msgId} could not be sent to the retry topic: ${String(error)}`);
      return false;
    }
  }

  /**
   * A message whose attempts are used up: sends it to the group's retry topic as a new one, from where its broker takes it to the dead letters. What
   * a broker refuses there (what a retry adds to its properties may be too much) is taken to the dead letters by the broker that has it.
   * @returns whether a broker has it now.
   */
  async bury(message: PulledMessage, queue: Pick<MessageQueue, 'brokerName'>): Promise<boolean> {
    const { logger } = this.#parts.client;
    try {
      await this.#toRetryTopic(message);
      return true;
    } catch (error) {
      logger.warn(`message ${message.msgId} could not be sent to the retry topic: ${String(error)}`);
      if (!(error instanceof BrokerError)) {
        return false;
      }
    }
    try {
      await this.#toBroker(message, queue, TO_DEAD_LETTERS);
      return true;
    } catch (error) {
      logger.warn(`message ${message.msgId} could not be given back to broker ${queue.brokerName}: ${String(error)}`);
      return false;
    }
  }

  async #toBroker(message: PulledMessage, queue: Pick<MessageQueue, 'brokerName'>, delayLevel: number): Promise<void> {
    const { client, settings } = this.#parts;
    const master = client.routes.masterAddr(queue.brokerName);
    if (master === undefined) {
      throw new Error(`broker ${queue.brokerName} has no master address`);
    }
    const addr = client.options.vipChannelEnabled === true ? vipAddr(master) : master;
    const extFields = {
      offset: String(message.commitLogOffset),
      group: settings.consumerGroup,
      delayLevel: String(delayLevel),
      originMsgId: message.msgId,
      originTopic: message.topic,
      unitMode: 'false',
      maxReconsumeTimes: String(maxReconsumeTimesOf(settings)),
      bname: queue.brokerName,
    };
    const response = await client.remoting.invoke(addr, { code: RequestCode.CONSUMER_SEND_MSG_BACK, extFields }, SEND_BACK_TIMEOUT_MS);
    if (response.code !== ResponseCode.SUCCESS) {
      throw responseError(response, addr);
    }
  }

  async #toRetryTopic(message: PulledMessage): Promise<void> {
    const { client, settings } = this.#parts;
    const reconsumeTimes = message.reconsumeTimes;
    const properties = new Map(message.properties);
    for (const name of [MessageConst.MIN_OFFSET, MessageConst.MAX_OFFSET, MessageConst.CONSUME_START_TIME, MessageConst.TRAN_MSG]) {
      properties.delete(name);
    }
    if (!properties.has(MessageConst.ORIGIN_MESSAGE_ID)) {
      properties.set(MessageConst.ORIGIN_MESSAGE_ID, message.msgId);
    }
    properties.set(MessageConst.RETRY_TOPIC, properties.get(MessageConst.RETRY_TOPIC) ?? message.topic);
    properties.set(MessageConst.RECONSUME_TIME, String(reconsumeTimes + 1));
    properties.set(MessageConst.MAX_RECONSUME_TIMES, String(maxReconsumeTimesOf(settings)));
    const retry: Message = {
      topic: retryTopic(settings.consumerGroup),
      body: message.storedBody,
      flag: message.flag,
      delayTimeLevel: FIRST_DELAY_LEVEL + reconsumeTimes,
      properties,
    };
    // As it is stored: whoever failed because it cannot be inflated must get rid of it too.
    await this.#sendRetry(retry, compressionFlags(message.storedSysFlag));
    client.logger.info(`message ${message.msgId} was sent to ${retry.topic}`);
  }

  /** One attempt as the inner producer, which every client is. */
  async #sendRetry(retry: Message, sysFlag: number): Promise<void> {
    const { client } = this.#parts;
    const publish = await this.#transmitter.resolve(retry.topic, SEND_BACK_TIMEOUT_MS);
    await new Promise<void>((resolve, reject) => {
      const sink: AttemptSink = {
        onAnswer: (pending, response) => {
          if (sendStatusOf(response.code) === undefined) {
            reject(responseError(response, pending.addr));
          } else {
            resolve();
          }
        },
        onFailure: (_pending, error) => reject(error),
      };
      const queue = publish.select() ?? publish.queues[0]!;
      const pending = new PendingSend(retry, sink, null, null, queue, client.clock.monotonicMs(), SEND_BACK_TIMEOUT_MS);
      pending.msgId = retry.properties?.get(MessageConst.UNIQ_KEY) ?? client.uniqKeys.create();
      pending.sysFlag = sysFlag;
      this.#transmitter.transmit(pending);
    });
  }
}
