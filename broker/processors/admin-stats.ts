import { JavaDouble } from '../../src/common/fastjson.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { MAX_QUERY_CQ_COUNT } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import type { StatsSnapshot } from '../stats/index.js';
import type { MessageFilter } from '../store/index.js';
import { intField, longField, NO_FIELDS, textField } from './fields.js';
import { fault, type MessageQueue, respondJson } from './respond.js';

const PHYSICAL_OFFSET_POS = 28;

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
    const view = this.#parts.stats.view(statsName, statsKey);
    if (view === null) throw fault(ResponseCode.SYSTEM_ERROR, `The stats <${statsName}> <${statsKey}> not exist`);
    respondJson(connection, request, {
      statsDay: snapshotJson(view.statsDay),
      statsHour: snapshotJson(view.statsHour),
      statsMinute: snapshotJson(view.statsMinute),
    });
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
      if (subscriptions !== undefined && subscriptions.size > 0 && !subscriptions.has(topic)) continue;
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

  #brokerConsumeStats(connection: Connection, request: RemotingCommand): void {
    const { groups, offsets, topics, consumers, stats, brokerAddr } = this.#parts;
    const isOrder = request.extFields?.isOrder === 'true';
    let totalDiff = 0;
    let totalInflightDiff = 0;
    const consumeStatsList: Record<string, object[]>[] = [];
    for (const group of groups.names()) {
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
    const { topics, store, offsets, config } = this.#parts;
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
      const consumeTimeStamp = consumed > 0 ? Math.max(0, store.storeTimestampAt(topic, queueId, consumed - 1)) : minTimeStamp;
      consumeTimeSpanSet.push({
        consumeTimeStamp,
        consumeTimeStampStr: timeText(consumeTimeStamp),
        delayTime:
          consumed >= 0 && consumed < max ? Math.max(0, this.#parts.clock.nowMs() - store.storeTimestampAt(topic, queueId, consumed)) : 0,
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
    const { store, consumers } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const topic = textField(fields, 'topic');
    const queueId = intField(fields, 'queueId');
    const index = longField(fields, 'index');
    const count = Math.min(intField(fields, 'count'), MAX_QUERY_CQ_COUNT);
    if (!store.topicQueueIds(topic).includes(queueId)) {
      throw fault(ResponseCode.SYSTEM_ERROR, `${queueId}@${topic} is not exist!`);
    }
    const subscription = fields.consumerGroup === undefined ? undefined : consumers.subscription(fields.consumerGroup, topic);
    const probe = new TagsProbe();
    const queueData: object[] = [];
    const maxQueueIndex = store.maxOffset(topic, queueId);
    for (let at = index; at < maxQueueIndex && queueData.length < count; at++) {
      const read = store.getMessage(topic, queueId, at, 1, { filter: probe });
      const record = read.buffers[0];
      if (read.status !== 'FOUND' || record === undefined) {
        queueData.push({ eval: false, msg: `${at}: ${read.status}`, physicOffset: 0, physicSize: 0, tagsCode: 0 });
        continue;
      }
      queueData.push({
        eval: subscription?.filter?.isMatchedByConsumeQueue(probe.tagsCode) ?? subscription !== undefined,
        physicOffset: Number(record.readBigInt64BE(PHYSICAL_OFFSET_POS)),
        physicSize: record.length,
        tagsCode: probe.tagsCode,
      });
    }
    const minQueueIndex = store.minOffset(topic, queueId);
    respondJson(connection, request, { maxQueueIndex, minQueueIndex, queueData, subscriptionData: subscription?.data });
  }
}

function snapshotJson(snapshot: StatsSnapshot): object {
  return { avgpt: new JavaDouble(snapshot.avgpt), sum: snapshot.sum, tps: new JavaDouble(snapshot.tps) };
}

/** `2026-11-21#04:14:41:251`, local time. */
function timeText(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}#${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}:${String(at.getMilliseconds()).padStart(3, '0')}`;
}
