import { type Clock, systemClock } from '../../../common/clock.js';
import { PERM_READ, PERM_WRITE } from '../../../common/perm-name.js';
import { RequestCode } from '../../../remoting/codes.js';
import type { AdminClient } from '../admin-client.js';
import { askAll, partOf } from '../fan-out.js';
import { planProbes, sendProbes } from '../send-probes.js';
import { topicStatus } from '../topic-status.js';
import type { Reading, Readings } from './check.js';
import { targetOf } from './kinds.js';

const PROBE_BYTES = 128;

/** Queues of a topic that can be used, or the time since its last message. */
export async function readTopic(
  admin: AdminClient,
  { topic, metric }: { topic: string; metric: string },
  nowMs: number,
): Promise<Readings> {
  const target = targetOf('topic', { topic });
  if (metric === 'age') {
    const { value: status, missing } = await partOf(topicStatus(admin, topic));
    const last = Math.max(0, ...(status?.queues ?? []).map(({ lastUpdateTimestamp }) => lastUpdateTimestamp));
    const age = last === 0 ? null : Math.max(0, nowMs - last) / 1000;
    if (missing !== undefined) {
      // A later message may lie on the brokers that did not answer.
      const beside = age === null ? [] : [{ name: 'ageOfTheRest', value: age, unit: 's' as const }];
      return { target, readings: [{ name: topic, value: null, reason: missing.reason }], beside };
    }
    return { target, readings: [{ name: topic, value: age, ...(age === null ? { reason: 'it has no message' } : {}) }] };
  }
  const { queueDatas, brokerDatas } = await admin.route(topic);
  const isRead = metric === 'readableQueues';
  // Queues count where their broker answers: what is routed to a broker that is gone can be used by nobody.
  const masters = brokerDatas.flatMap(({ brokerName, brokerAddrs }) => {
    const addr = brokerAddrs.get(0) ?? (isRead ? [...brokerAddrs.values()][0] : undefined);
    return addr === undefined ? [] : [{ brokerName, addr }];
  });
  const results = await askAll(
    masters.map(({ addr }) => addr),
    (addr) => admin.remoting.invoke(addr, { code: RequestCode.GET_BROKER_RUNTIME_INFO }, admin.timeoutMs),
  );
  const alive = new Set(masters.filter((_, i) => results[i]?.outcome === 'done').map(({ brokerName }) => brokerName));
  const counted = queueDatas.map(({ brokerName, perm, readQueueNums, writeQueueNums }) => {
    const isUsable = alive.has(brokerName) && (perm & (isRead ? PERM_READ : PERM_WRITE)) !== 0;
    return { name: brokerName, value: isUsable ? (isRead ? readQueueNums : writeQueueNums) : 0, unit: '' as const };
  });
  return {
    target,
    readings: [{ name: topic, value: counted.reduce((total, { value }) => total + value, 0) }],
    beside: counted,
    notes: masters
      .filter(({ brokerName }) => !alive.has(brokerName))
      .map(({ brokerName, addr }) => `${brokerName} (${addr}) does not answer`),
  };
}

/** Sends one message and times it. The topic must be there: none is created by a check. */
export async function readSend(admin: AdminClient, topic: string, seams: { clock?: Clock } = {}): Promise<Readings> {
  const clock = seams.clock ?? systemClock;
  await admin.route(topic);
  const plan = await planProbes(admin, topic);
  const firstQueue = Math.floor(clock.monotonicMs()) % plan.queues.length;
  const addr = plan.route.brokerDatas.find(({ brokerName }) => brokerName === plan.queues[firstQueue]?.brokerName)?.brokerAddrs.get(0);
  if (addr !== undefined) {
    // Opens the connection, which is no part of the time of a send.
    await askAll([addr], () => admin.remoting.invoke(addr, { code: RequestCode.GET_BROKER_RUNTIME_INFO }, admin.timeoutMs));
  }
  const options = { body: Buffer.alloc(PROBE_BYTES, 'a'), amount: 1, producerGroup: 'CHECK_SEND', firstQueue };
  const readings: Reading[] = [];
  const notes: string[] = [];
  for await (const { brokerName, queueId, isSent, rtMs, sendResult, error } of sendProbes(admin, plan, options, { clock })) {
    const value = Math.round(rtMs * 1000) / 1000;
    const status = sendResult?.sendStatus ?? '';
    const reason = error?.message ?? (status === 'SEND_OK' ? undefined : `the broker answered ${status}`);
    readings.push({ name: brokerName, value: isSent ? value : null, ...(reason === undefined ? {} : { reason, isFailed: true }) });
    if (isSent) {
      notes.push(`a message of ${PROBE_BYTES} bytes was stored in ${topic}, queue ${queueId} of ${brokerName}: ${sendResult?.msgId ?? ''}`);
    }
  }
  return { target: targetOf('send', { topic }), readings, notes };
}
