import { ConnectError, type MQError, TimeoutError } from '../../common/errors.js';
import { MessageSysFlag } from '../../common/sys-flag.js';
import { isRetryTopic } from '../../common/topic-names.js';
import type { RemotingClient, RequestHeaderWriter, ResponseHandler } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand, RequestInit } from '../../remoting/command.js';
import { SERIALIZE_JSON } from '../../remoting/command.js';
import type { MessageQueue } from '../message-queue.js';
import type { MQClient } from '../mq-client.js';
import type { FaultStrategy } from './fault-strategy.js';
import { propertiesJsonText, propertiesText } from './message-properties.js';
import type { PendingSend } from './pending-send.js';
import { TopicPublishInfo } from './publish-info.js';
import { isReply } from './reply.js';
import { brokerAddressUnknownError, callTimeoutError, noRouteError, noWriteableQueueError } from './send-errors.js';
import { buildSendRequest, type SendDefaults } from './send-request.js';
import { sendStatusOf } from './send-response.js';
import { SendStats } from './send-stats.js';
import { SendTemplate } from './send-template.js';

/** Least time between two questions to the name server because sends failed, ms. */
const REFRESH_GAP_MS = 1_000;

/** Answers that a broker gives when the topic is not (any more) where the route says. */
const ROUTE_CODES: ReadonlySet<number> = new Set([ResponseCode.SERVICE_NOT_AVAILABLE, ResponseCode.TOPIC_NOT_EXIST]);

/** What an attempt says of its broker. */
const GOOD = { isolation: false, reachable: true } as const;
const ISOLATED = { isolation: true, reachable: true } as const;
const LOST = { isolation: true, reachable: false } as const;

/** Templates of one broker, by queue id. */
interface BrokerTemplates {
  brokerName: string;
  byQueueId: Array<SendTemplate | null | undefined>;
  /** Those of half messages. */
  halfByQueueId: Array<SendTemplate | null | undefined>;
}

/** What a transmitter may have beside the fields of its requests. */
export interface TransmitterParts {
  /** Where attempts are counted. */
  stats?: SendStats;
  /** Leaves brokers out that are slow or failed; null chooses in turn. */
  faults?: FaultStrategy | null;
  /** A broker that could not be reached is left out as unreachable, because a detector brings it back. */
  detectsBrokers?: boolean;
  /** Time-out of one attempt that is not the last one, ms; −1 for the rest of the budget. */
  sendMsgMaxTimeoutPerRequestMs?: number;
}

interface TopicState {
  publish: TopicPublishInfo;
  templates: BrokerTemplates[];
}

/**
 * Finds queues and puts single attempts on the wire: a plain message through a template, anything else (compressed, flagged,
 * user properties, batch, signed) through the plain encoder. What an answer means is the producer's business.
 */
export class SendTransmitter implements ResponseHandler, RequestHeaderWriter {
  readonly #client: MQClient;
  readonly #remoting: RemotingClient;
  readonly #defaults: SendDefaults;
  /** A signature covers every field, so a signed request is never made from a template. */
  readonly #templates: boolean;
  readonly #stats: SendStats;
  readonly #faults: FaultStrategy | null;
  readonly #detectsBrokers: boolean;
  readonly #attemptCapMs: number;
  readonly #topics = new Map<string, TopicState>();
  #lastTopic: string | undefined;
  #lastState: TopicState | undefined;
  #routesVersion = -1;
  #bornMs = 0;
  #bornText = '0';
  #nextRefreshMs = 0;

  constructor(client: MQClient, defaults: SendDefaults, parts: TransmitterParts = {}) {
    this.#client = client;
    this.#remoting = client.remoting;
    this.#defaults = defaults;
    this.#stats = parts.stats ?? new SendStats();
    this.#faults = parts.faults ?? null;
    this.#detectsBrokers = parts.detectsBrokers ?? false;
    this.#attemptCapMs = parts.sendMsgMaxTimeoutPerRequestMs ?? -1;
    this.#templates = client.options.credentials === undefined && (client.options.serializeType ?? SERIALIZE_JSON) === SERIALIZE_JSON;
  }

  /** Topics that were sent to. */
  topics(): Iterable<string> {
    return this.#topics.keys();
  }

  /** Queues of a topic, when its route is known and has any. */
  cached(topic: string): TopicPublishInfo | undefined {
    return this.#state(topic)?.publish;
  }

  /**
   * Queues of a topic; an unknown topic is looked up, and then borrows the route of the auto-create topic.
   * @throws NotFoundError without route or without writeable queue; what the name servers' client throws.
   */
  async resolve(topic: string, timeoutMs: number): Promise<TopicPublishInfo> {
    const known = this.cached(topic);
    if (known !== undefined) {
      return known;
    }
    const routes = this.#client.routes;
    const limitMs = Math.min(timeoutMs, this.#client.apiTimeoutMs);
    const cached = routes.get(topic);
    let route = cached === undefined || cached.publishQueues.length === 0 ? await routes.refresh(topic, limitMs) : cached;
    if (route === null) {
      route = await routes.adoptDefault(topic, this.#defaults.defaultTopicQueueNums, limitMs);
    }
    if (route === null) {
      throw noRouteError(topic, this.#client.namesrv.addresses);
    }
    const publish = this.cached(topic);
    if (publish === undefined) {
      throw noWriteableQueueError(topic);
    }
    this.#greetBrokers(publish);
    return publish;
  }

  /** The queue of the next attempt: in turn, after a failure on another broker than the last one. */
  select(publish: TopicPublishInfo, lastBrokerName?: string): MessageQueue | undefined {
    if (this.#faults === null) {
      return publish.select(lastBrokerName);
    }
    if (lastBrokerName !== undefined) {
      publish.resetIndex(this.#client.random);
    }
    return this.#faults.select(publish, lastBrokerName);
  }

  /** Addresses of the masters that have the queues. */
  brokerAddrs(publish: TopicPublishInfo): Set<string> {
    const addrs = new Set<string>();
    for (const queue of publish.queues) {
      const addr = this.#client.routes.masterAddr(queue.brokerName);
      if (addr !== undefined) {
        addrs.add(addr);
      }
    }
    return addrs;
  }

  knowsBroker(queue: MessageQueue): boolean {
    return this.#client.sendAddr(queue.brokerName) !== undefined;
  }

  /** Looks the topic of a queue up when its broker is not known yet. */
  async findBroker(queue: MessageQueue): Promise<void> {
    if (!this.knowsBroker(queue)) {
      await this.#client.routes.refresh(queue.topic);
    }
  }

  /** The queues to choose from; null when the caller chose one, of which only the broker must be known. */
  async publishFor(pending: PendingSend, queue: MessageQueue | undefined): Promise<TopicPublishInfo | null> {
    if (queue !== undefined) {
      await this.findBroker(queue);
      return null;
    }
    return this.resolve(pending.message.topic, pending.timeoutMs);
  }

  /** Sends one attempt; the pending send's sink gets the answer. The request goes out at the end of this turn. */
  transmit(pending: PendingSend): void {
    pending.attempts++;
    const queue = pending.queue;
    const nowMs = this.#client.clock.monotonicMs();
    let remainingMs = pending.timeoutMs - (nowMs - pending.startMs);
    if (remainingMs <= 0) {
      pending.sink.onFailure(pending, callTimeoutError(queue.topic, pending.timeoutMs));
      return;
    }
    if (this.#attemptCapMs > 0 && remainingMs > this.#attemptCapMs && pending.attempts < pending.maxAttempts) {
      remainingMs = this.#attemptCapMs;
    }
    pending.attemptStartMs = nowMs;
    this.#stats.attempts++;
    if (pending.attempts > 1) {
      this.#stats.retries++;
    }
    const template = this.#templates && isPlain(pending) ? this.#template(queue, pending.sysFlag) : null;
    const propertiesJson = template === null ? null : propertiesJsonText(pending.message, pending.msgId);
    if (template !== null && propertiesJson !== null) {
      pending.template = template;
      pending.propertiesJson = propertiesJson;
      pending.addr = template.addr;
      pending.bornTimestamp = this.#born();
      this.#remoting.sendWithHeader(template.addr, RequestCode.SEND_MESSAGE_V2, this, pending.body, remainingMs, this, pending);
      return;
    }
    const addr = this.#client.sendAddr(queue.brokerName);
    if (addr === undefined) {
      this.onError(brokerAddressUnknownError(queue), pending);
      return;
    }
    pending.addr = addr;
    this.#remoting.send(addr, this.#plainRequest(pending), remainingMs, this, pending);
  }

  /** Sends without an answer. */
  async transmitOneway(pending: PendingSend): Promise<void> {
    const addr = this.#client.sendAddr(pending.queue.brokerName);
    if (addr === undefined) {
      throw brokerAddressUnknownError(pending.queue);
    }
    pending.attempts++;
    pending.attemptStartMs = this.#client.clock.monotonicMs();
    this.#stats.attempts++;
    try {
      await this.#remoting.invokeOneway(addr, this.#plainRequest(pending));
      this.#record(pending, GOOD);
    } catch (error) {
      this.#stats.attemptFailed(error instanceof ConnectError ? error.code : 'UNKNOWN');
      this.#record(pending, this.#detectsBrokers ? LOST : ISOLATED);
      throw error;
    }
  }

  writeHeader(opaque: number, context: unknown): string {
    const pending = context as PendingSend;
    return (pending.template as SendTemplate).header(opaque, pending.bornTimestamp, pending.propertiesJson);
  }

  onResponse(response: RemotingCommand, context: unknown): void {
    const pending = context as PendingSend;
    if (response.code === ResponseCode.SUCCESS || sendStatusOf(response.code) !== undefined) {
      this.#record(pending, GOOD);
    } else {
      this.#stats.attemptFailed(String(response.code));
      this.#record(pending, LOST);
      if (ROUTE_CODES.has(response.code)) {
        this.#refreshSoon(pending.queue.topic);
      }
    }
    pending.sink.onAnswer(pending, response);
  }

  onError(error: MQError, context: unknown): void {
    const pending = context as PendingSend;
    this.#stats.attemptFailed(error.code);
    this.#record(pending, error instanceof ConnectError || error instanceof TimeoutError ? (this.#detectsBrokers ? LOST : ISOLATED) : GOOD);
    if (error instanceof ConnectError) {
      this.#refreshSoon(pending.queue.topic);
    }
    pending.sink.onFailure(pending, error);
  }

  #record(pending: PendingSend, outcome: { isolation: boolean; reachable: boolean }): void {
    this.#faults?.record(pending.queue.brokerName, this.#client.clock.monotonicMs() - pending.attemptStartMs, outcome);
  }

  #plainRequest(pending: PendingSend): RequestInit {
    if (pending.properties === '') {
      pending.properties = propertiesText(pending.message, pending.msgId);
    }
    return buildSendRequest(this.#defaults, {
      message: pending.message,
      queue: pending.queue,
      properties: pending.properties,
      body: pending.body,
      sysFlag: pending.sysFlag,
      bornTimestamp: this.#client.clock.nowMs(),
      batch: pending.messages !== null,
    });
  }

  #state(topic: string): TopicState | undefined {
    const routes = this.#client.routes;
    if (routes.version !== this.#routesVersion) {
      this.#routesVersion = routes.version;
      this.#lastTopic = undefined;
      this.#forgetTemplates();
    }
    if (topic === this.#lastTopic) {
      return this.#lastState;
    }
    const route = routes.get(topic);
    if (route === undefined || route.publishQueues.length === 0) {
      return undefined;
    }
    let state = this.#topics.get(topic);
    if (state === undefined) {
      state = { publish: new TopicPublishInfo(route, this.#client.random), templates: [] };
      this.#topics.set(topic, state);
    } else if (state.publish.route !== route) {
      state.publish = state.publish.withRoute(route, this.#client.random);
    }
    this.#lastTopic = topic;
    this.#lastState = state;
    return state;
  }

  /** A new route may have moved a broker. */
  #forgetTemplates(): void {
    for (const state of this.#topics.values()) {
      state.templates = [];
    }
  }

  #template(queue: MessageQueue, sysFlag: number): SendTemplate | null {
    const templates = this.#state(queue.topic)?.templates;
    if (templates === undefined) {
      return null;
    }
    let broker = templates.find((entry) => entry.brokerName === queue.brokerName);
    if (broker === undefined) {
      broker = { brokerName: queue.brokerName, byQueueId: [], halfByQueueId: [] };
      templates.push(broker);
    }
    const byQueueId = sysFlag === 0 ? broker.byQueueId : broker.halfByQueueId;
    let template = byQueueId[queue.queueId];
    if (template === undefined) {
      const addr = this.#client.sendAddr(queue.brokerName);
      template =
        addr === undefined ? null : SendTemplate.create(this.#defaults, queue, addr, { extFields: this.#remoting.extFields, sysFlag });
      byQueueId[queue.queueId] = template;
    }
    return template;
  }

  #born(): string {
    const nowMs = this.#client.clock.nowMs();
    if (nowMs !== this.#bornMs) {
      this.#bornMs = nowMs;
      this.#bornText = String(nowMs);
    }
    return this.#bornText;
  }

  /** A broker knows its producers from heartbeats: one that is new here gets one now, not at the next interval. */
  #greetBrokers(publish: TopicPublishInfo): void {
    for (const addr of this.brokerAddrs(publish)) {
      if (!this.#client.isKnownTo(addr)) {
        void this.#client.heartbeat();
        return;
      }
    }
  }

  /** A broker that cannot be reached may be gone for good; the name server is asked, but not for each send that fails. */
  #refreshSoon(topic: string): void {
    const nowMs = this.#client.clock.monotonicMs();
    if (nowMs < this.#nextRefreshMs) {
      return;
    }
    this.#nextRefreshMs = nowMs + REFRESH_GAP_MS;
    this.#client.routes.refresh(topic).catch((error: unknown) => {
      this.#client.logger.debug(`route of topic ${topic} could not be refreshed: ${String(error)}`);
    });
  }
}

/** True for a message whose header differs from others' only in time, properties and opaque. */
function isPlain(pending: PendingSend): boolean {
  const { message, sysFlag, queue } = pending;
  if (pending.messages !== null || queue.queueId < 0 || (message.flag !== undefined && message.flag !== 0)) {
    return false;
  }
  if (sysFlag === MessageSysFlag.TRANSACTION_PREPARED_TYPE) {
    return !isRetryTopic(queue.topic);
  }
  if (sysFlag !== 0 || message.properties === undefined || message.properties.size === 0) {
    return sysFlag === 0;
  }
  // Some user properties say more than themselves: a reply goes out as another request, a retried message with other fields.
  return !isReply(message) && !isRetryTopic(queue.topic);
}
