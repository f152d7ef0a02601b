import { JavaDouble, stringifyFastjson } from '../../src/common/fastjson.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { MAX_QUERY_CQ_COUNT } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import type { StatsSnapshot, StatsView } from '../stats/index.js';
import type { MessageFilter } from '../store/index.js';
import { intField, longField, NO_FIELDS, textField } from './fields.js';
import { fault, type MessageQueue, respondJson } from './respond.js';

const GROUP_GET_FALL_SIZE = 'GROUP_GET_FALL_SIZE';
/** Momentary values, which are worked out when somebody asks. */
const FALL_STATS: ReadonlySet<string> = new Set([GROUP_GET_FALL_SIZE, 'GROUP_GET_FALL_TIME']);

/** Time that one request may keep the others waiting. */
const SLICE_MS = 5;

/** Progress of one queue. */
interface OffsetWrapper {
  brokerOffset: number;
  consumerOffset: number;
  lastTimestamp: number;
  pullOffset: number;
}

/** Remembers the tags code of the unit that was read. */
class TagsProbe implements MessageFilter {
  tagsCode: number | bigint = 0;
  isMatchedByConsumeQueue(tagsCode: number | bigint): boolean {
    this.tagsCode = tagsCode;
    return true;
  }
}

/** Figures for administrators: 28, 315, 208, 317, 303, 321. */
export class AdminStatsProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.GET_BROKER_RUNTIME_INFO, (connection, request) => {
      respondJson(connection, request, { table: this.#parts.runtime.table() });
    });
    server.register(RequestCode.VIEW_BROKER_STATS_DATA, (connection, request) => this.#viewStats(connection, request));
    server.register(RequestCode.GET_CONSUME_STATS, (connection, request) => this.#consumeStats(connection, request));
    server.register(RequestCode.GET_BROKER_CONSUME_STATS, (connection, request) => this.#brokerConsumeStats(connection, request));
    server.register(RequestCode.QUERY_CONSUME_TIME_SPAN, (connection, request) => this.#timeSpan(connection, request));
    server.register(RequestCode.QUERY_CONSUME_QUEUE, (connection, request) => this.#consumeQueue(connection, request));
  }

  #viewStats(connection: Connection, request: RemotingCommand): void {
    const fields = request.extFields ?? NO_FIELDS;
    const statsName = textField(fields, 'statsName');
    const statsKey = textField(fields, 'statsKey');
    const view = FALL_STATS.has(statsName) ? this.#fallBehind(statsName, statsKey) : this.#parts.stats.view(statsName, statsKey);
    if (view === null) throw fault(ResponseCode.SYSTEM_ERROR, `The stats <${statsName}> <${statsKey}> not exist`);
    respondJson(connection, request, {
      statsDay: snapshotJson(view.statsDay),
      statsHour: snapshotJson(view.statsHour),
      statsMinute: snapshotJson(view.statsMinute),
    });
  }

  /**
   * How far the pulls of a group (`queueId@topic@group`) are behind the end of a queue: bytes of the commit log, or ms since the first message that
   * was not pulled yet was stored. Momentary values, the same in each window. Null when the group has pulled nothing there.
   */
  #fallBehind(statsName: string, statsKey: string): StatsView | null {
    const { offsets, store, clock } = this.#parts;
    const [queueText = '', topic = '', ...rest] = statsKey.split('@');
    const queueId = Number(queueText);
    const next = offsets.pullOffset(rest.join('@'), topic, queueId);
    if (next < 0) return null;
    let sum = 0;
    if (next < store.maxOffset(topic, queueId)) {
      const at = Math.max(next, store.minOffset(topic, queueId));
      sum =
        statsName === GROUP_GET_FALL_SIZE
          ? store.commitLogMaxOffset() - store.commitLogOffsetAt(topic, queueId, at)
          : Math.max(0, clock.nowMs() - store.storeTimestampAt(topic, queueId, at));
    }
    const moment = { sum, tps: 0, avgpt: 0 };
    return { statsMinute: moment, statsHour: moment, statsDay: moment };
  }

  #consumeStats(connection: Connection, request: RemotingCommand): void {
    const { consumers, offsets, topics, stats } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const group = textField(fields, 'consumerGroup');
    const listed = (fields.topicList ?? '').split(';').filter((topic) => topic !== '');
    const asked = listed.length > 0 ? listed : fields.topic !== undefined && fields.topic !== '' ? [fields.topic] : offsets.topicsOf(group);
    const subscriptions = consumers.group(group)?.subscriptions;
    const offsetTable = new Map<MessageQueue, OffsetWrapper>();
    let consumeTps = 0;
    for (const topic of asked) {
      const entry = topics.entry(topic);
      if (entry === undefined) continue;
      // A list is answered as it is; otherwise topics that the group left are none of its progress.
      if (listed.length === 0 && subscriptions !== undefined && subscriptions.size > 0 && !subscriptions.has(topic)) continue;
      this.#addQueues(offsetTable, group, topic, entry.readQueueNums);
      consumeTps += stats.tpsOf('GROUP_GET_NUMS', `${topic}@${group}`);
    }
    respondJson(connection, request, { consumeTps: new JavaDouble(consumeTps), offsetTable });
  }

  #addQueues(table: Map<MessageQueue, OffsetWrapper>, group: string, topic: string, queueNums: number): void {
    const { offsets, store, config } = this.#parts;
    for (let queueId = 0; queueId < queueNums; queueId++) {
      const brokerOffset = Math.max(0, store.maxOffset(topic, queueId));
      const consumerOffset = Math.max(0, offsets.query(group, topic, queueId));
      const pullOffset = Math.max(consumerOffset, offsets.pullOffset(group, topic, queueId));
      const lastTimestamp = consumerOffset > 0 ? Math.max(0, store.storeTimestampAt(topic, queueId, consumerOffset - 1)) : 0;
      table.set({ brokerName: config.broker.brokerName, queueId, topic }, { brokerOffset, consumerOffset, lastTimestamp, pullOffset });
    }
  }

  /** All groups, each queue of which costs a look into the store: other requests get their turn in between. */
  async #brokerConsumeStats(connection: Connection, request: RemotingCommand): Promise<void> {
    const { groups, offsets, topics, consumers, stats, brokerAddr, clock, timers } = this.#parts;
    const isOrder = request.extFields?.isOrder === 'true';
    let totalDiff = 0;
    let totalInflightDiff = 0;
    const consumeStatsList: Record<string, object[]>[] = [];
    let sliceStartMs = clock.monotonicMs();
    for (const group of [...groups.names()]) {
      if (clock.monotonicMs() - sliceStartMs > SLICE_MS) {
        await new Promise<void>((resolve) => timers.setImmediate(resolve));
        sliceStartMs = clock.monotonicMs();
      }
      const list: object[] = [];
      const subscriptions = consumers.group(group)?.subscriptions;
      for (const topic of offsets.topicsOf(group)) {
        const entry = topics.entry(topic);
        if (entry === undefined || (isOrder && !entry.config.order)) continue;
        if (subscriptions !== undefined && subscriptions.size > 0 && !subscriptions.has(topic)) continue;
        const offsetTable = new Map<MessageQueue, OffsetWrapper>();
        this.#addQueues(offsetTable, group, topic, entry.writeQueueNums);
        for (const { brokerOffset, consumerOffset, pullOffset } of offsetTable.values()) {
          totalDiff += brokerOffset - consumerOffset;
          totalInflightDiff += pullOffset - consumerOffset;
        }
        list.push({ consumeTps: new JavaDouble(stats.tpsOf('GROUP_GET_NUMS', `${topic}@${group}`)), offsetTable });
      }
      consumeStatsList.push({ [group]: list });
    }
    respondJson(connection, request, { brokerAddr, consumeStatsList, totalDiff, totalInflightDiff });
  }

  #timeSpan(connection: Connection, request: RemotingCommand): void {
    const { topics, store, offsets, config, clock } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const topic = textField(fields, 'topic');
    const group = textField(fields, 'group');
    const entry = topics.entry(topic);
    if (entry === undefined) throw fault(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
    const consumeTimeSpanSet: object[] = [];
    for (let queueId = 0; queueId < entry.writeQueueNums; queueId++) {
      const max = store.maxOffset(topic, queueId);
      const consumed = offsets.query(group, topic, queueId);
      const minTimeStamp = Math.max(0, store.earliestMessageTime(topic, queueId));
      const maxTimeStamp = max > 0 ? Math.max(0, store.storeTimestampAt(topic, queueId, max - 1)) : 0;
      // What the group has not consumed begins where the queue begins when it has no offset, or one that is gone.
      const next = Math.max(consumed, store.minOffset(topic, queueId), 0);
      const nextTimeStamp = next < max ? store.storeTimestampAt(topic, queueId, next) : -1;
      const consumeTimeStamp = consumed > 0 ? Math.max(0, store.storeTimestampAt(topic, queueId, consumed - 1)) : minTimeStamp;
      consumeTimeSpanSet.push({
        consumeTimeStamp,
        consumeTimeStampStr: timeText(consumeTimeStamp),
        delayTime: nextTimeStamp < 0 ? 0 : Math.max(0, clock.nowMs() - nextTimeStamp),
        maxTimeStamp,
        maxTimeStampStr: timeText(maxTimeStamp),
        messageQueue: { brokerName: config.broker.brokerName, queueId, topic },
        minTimeStamp,
        minTimeStampStr: timeText(minTimeStamp),
      });
    }
    respondJson(connection, request, { consumeTimeSpanSet });
  }

  #consumeQueue(connection: Connection, request: RemotingCommand): void {
    const { store } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const topic = textField(fields, 'topic');
    const queueId = intField(fields, 'queueId');
    const index = longField(fields, 'index');
    const end = index + Math.min(intField(fields, 'count'), MAX_QUERY_CQ_COUNT);
    if (!store.topicQueueIds(topic).includes(queueId)) {
      throw fault(ResponseCode.SYSTEM_ERROR, `${queueId}@${topic} is not exist!`);
    }
    const subscription = fields.consumerGroup === undefined ? undefined : this.#parts.consumers.subscription(fields.consumerGroup, topic);
    const filterData = fields.consumerGroup === undefined ? {} : { filterData: this.#filterData(topic, fields.consumerGroup) };
    const minQueueIndex = store.minOffset(topic, queueId);
    const maxQueueIndex = store.maxOffset(topic, queueId);
    const isThere = index >= minQueueIndex && index < maxQueueIndex;
    const queueData: object[] = [];
    for (let at = index; isThere && at < Math.min(end, maxQueueIndex); at++) {
      queueData.push(this.#queueUnit({ topic, queueId, at, filter: subscription?.filter }));
    }
    // With a body also where there is nothing: Apache's has none, on which its tool fails.
    const body = { ...filterData, maxQueueIndex, minQueueIndex, queueData, subscriptionData: subscription?.data };
    const remark = isThere ? null : `Index ${index} of ${queueId}@${topic} is not exist!`;
    connection.respond(request, ResponseCode.SUCCESS, remark, null, Buffer.from(stringifyFastjson(body)));
  }

  /** One unit of a consume queue; `eval` says whether the group's tags want it. */
  #queueUnit(unit: { topic: string; queueId: number; at: number; filter: MessageFilter | null | undefined }): object {
    const { store } = this.#parts;
    const { topic, queueId, at, filter } = unit;
    const probe = new TagsProbe();
    const physicOffset = Math.max(0, store.commitLogOffsetAt(topic, queueId, at));
    const read = store.getMessage(topic, queueId, at, 1, { filter: probe });
    const record = read.buffers[0];
    if (read.status !== 'FOUND' || record === undefined) {
      return { eval: false, msg: `the message cannot be read: ${read.status}`, physicOffset, physicSize: 0, tagsCode: probe.tagsCode };
    }
    const isWanted = filter === undefined ? false : (filter?.isMatchedByConsumeQueue?.(probe.tagsCode) ?? true);
    return { eval: isWanted, physicOffset, physicSize: record.length, tagsCode: probe.tagsCode };
  }

  /** The group's selector on the topic as text: `null` when it has none. */
  #filterData(topic: string, group: string): string {
    const { consumers, filters } = this.#parts;
    if (consumers.subscription(group, topic) === undefined) return `${group}@${topic} is not online!`;
    const data = filters.get(topic, group);
    if (data === undefined) return 'null';
    const { filter: _, ...shown } = data;
    return stringifyFastjson(shown);
  }
}

function snapshotJson(snapshot: StatsSnapshot): object {
  return { avgpt: new JavaDouble(snapshot.avgpt), sum: Math.round(snapshot.sum), tps: new JavaDouble(snapshot.tps) };
}

/** `2026-11-21#04:14:41:251`, local time. */
function timeText(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}#${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}:${String(at.getMilliseconds()).padStart(3, '0')}`;
}
