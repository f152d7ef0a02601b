import { format } from '../../cli/format.js';
import type { RunningInfoView, StuckQueue } from '../../client/admin/consumer-status.js';
import { queueText } from '../../client/message-queue.js';

/** What a consumer says of itself, in the form in which Apache's tool writes it to a file. */
export function runningInfoText(info: RunningInfoView): string {
  const place = '%-64s  %-32s  %-4s  %-20s';
  const lines = ['#Consumer Properties#'];
  for (const [key, value] of Object.entries(info.properties)) {
    lines.push(format('%-40s: %s', key, value));
  }
  lines.push('', '', '#Consumer Subscription#');
  for (const [i, { topic, classFilterMode, subString }] of info.subscriptions.entries()) {
    lines.push(format('%03d Topic: %-40s ClassFilter: %-8s SubExpression: %s', i + 1, topic, classFilterMode, subString));
  }
  lines.push('', '', '#Consumer Offset#', format(place, '#Topic', '#Broker Name', '#QID', '#Consumer Offset'));
  for (const { topic, brokerName, queueId, commitOffset } of info.queues) {
    lines.push(format('%-32s  %-32s  %-4d  %-20d', topic, brokerName, queueId, commitOffset));
  }
  lines.push('', '', '#Consumer MQ Detail#', format(place, '#Topic', '#Broker Name', '#QID', '#ProcessQueueInfo'));
  for (const queue of info.queues) {
    lines.push(format('%-64s  %-32s  %-4d  %s', queue.topic, queue.brokerName, queue.queueId, processQueueText(queue)));
  }
  lines.push('', '', '#Consumer Pop Detail#', format('%-32s  %-32s  %-4s  %-20s', '#Topic', '#Broker Name', '#QID', '#ProcessQueueInfo'));
  for (const { topic, brokerName, queueId, waitAckCount, droped, lastPopTimestamp } of info.popQueues) {
    const text = `PopProcessQueueInfo [waitAckCount:${waitAckCount}, droped:${droped}, lastPopTimestamp:${lastPopTimestamp}]`;
    lines.push(format('%-32s  %-32s  %-4d  %s', topic, brokerName, queueId, text));
  }
  const [rates, rows] = ['%-64s  %14s %14s %14s %14s %18s %25s', '%-32s  %14.2f %14.2f %14.2f %14.2f %18.2f %25d'];
  const titles = ['#Topic', '#Pull RT', '#Pull TPS', '#Consume RT', '#ConsumeOK TPS', '#ConsumeFailed TPS', '#ConsumeFailedMsgsInHour'];
  lines.push('', '', '#Consumer RT&TPS#', format(rates, ...titles));
  for (const [topic, status] of Object.entries(info.statusTable)) {
    const { pullRT, pullTPS, consumeRT, consumeOKTPS, consumeFailedTPS, consumeFailedMsgs } = status;
    lines.push(format(rows, topic, pullRT, pullTPS, consumeRT, consumeOKTPS, consumeFailedTPS, consumeFailedMsgs));
  }
  lines.push('', '', '#User Consume Info#');
  for (const [key, value] of Object.entries(info.userConsumerInfo)) {
    lines.push(format('%-40s: %s', key, value));
  }
  const text = `${lines.join('\n')}\n`;
  return info.jstack === undefined ? text : `${text}\n\n#Consumer jstack#\n${info.jstack}`;
}

function processQueueText(queue: RunningInfoView['queues'][number]): string {
  const fields = [
    `commitOffset=${queue.commitOffset}`,
    `cachedMsgMinOffset=${queue.cachedMsgMinOffset}`,
    `cachedMsgMaxOffset=${queue.cachedMsgMaxOffset}`,
    `cachedMsgCount=${queue.cachedMsgCount}`,
    `cachedMsgSizeInMiB=${queue.cachedMsgSizeInMiB}`,
    `transactionMsgMinOffset=${queue.transactionMsgMinOffset}`,
    `transactionMsgMaxOffset=${queue.transactionMsgMaxOffset}`,
    `transactionMsgCount=${queue.transactionMsgCount}`,
    `locked=${queue.locked}`,
    `tryUnlockTimes=${queue.tryUnlockTimes}`,
    `lastLockTimestamp=${timeDigits(queue.lastLockTimestamp)}`,
    `droped=${queue.droped}`,
    `lastPullTimestamp=${timeDigits(queue.lastPullTimestamp)}`,
    `lastConsumeTimestamp=${timeDigits(queue.lastConsumeTimestamp)}`,
  ];
  return `ProcessQueueInfo [${fields.join(', ')}]`;
}

/** `yyyyMMddHHmmssSSS`, local time. */
function timeDigits(ms: number): string {
  const at = new Date(ms);
  const parts = [at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
  return `${at.getFullYear()}${parts.map((part) => String(part).padStart(2, '0')).join('')}${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** A stuck queue in the words of Apache's tool. */
export function stuckQueueText(queue: StuckQueue): string {
  const where = `${queue.clientId} ${queueText(queue)}`;
  switch (queue.kind) {
    case 'notLocked':
      return `${where} can't lock for a while, ${queue.amount}ms`;
    case 'notUnlocked':
      return `${where} unlock ${queue.amount} times, still failed`;
    case 'blocked':
      return `${where} can't consume for a while, maybe blocked, ${queue.amount}ms`;
  }
}
