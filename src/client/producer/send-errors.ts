import { BrokerError, ConnectError, type MQError, NotFoundError, TimeoutError, UsageError } from '../../common/errors.js';
import type { MessageQueue } from '../message-queue.js';

/** The budget of a send was used up before an attempt could be made. */
export function callTimeoutError(topic: string, timeoutMs: number, cause?: unknown): TimeoutError {
  return new TimeoutError(`the send to topic ${topic} used up its ${timeoutMs} ms before a broker could be asked`, {
    code: 'SEND_CALL_TIMEOUT',
    hint: 'raise sendMsgTimeoutMs, or send slower',
    context: { topic, timeoutMs },
    cause,
  });
}

export function noRouteError(topic: string, namesrvAddrs: readonly string[]): NotFoundError {
  const addrs = namesrvAddrs.join(';');
  return new NotFoundError(`topic ${topic} has no route on ${addrs}`, {
    code: 'NO_ROUTE',
    hint: `create it: mqadmin updateTopic -n ${addrs} -t ${topic} -c DefaultCluster`,
    context: { topic, namesrvAddrs: [...namesrvAddrs] },
  });
}

export function noWriteableQueueError(topic: string): NotFoundError {
  return new NotFoundError(`topic ${topic} has no writeable queue on a broker with a master`, {
    code: 'NO_WRITEABLE_QUEUE',
    hint: `look at its permissions: mqadmin topicRoute -t ${topic}`,
    context: { topic },
  });
}

export function brokerAddressUnknownError(queue: MessageQueue): ConnectError {
  return new ConnectError(`broker ${queue.brokerName} has no master address in the routes of this client (topic ${queue.topic})`, {
    code: 'BROKER_NOT_EXIST',
    context: { ...queue },
  });
}

export function notRunningError(what: string): UsageError {
  return new UsageError(`the ${what} is not running`, {
    code: 'CLIENT_NOT_RUNNING',
    hint: 'call start() first, and nothing after shutdown()',
  });
}

/** The last error of a send that failed more than once, with how often, how long and where. */
export function sendFailedError(last: MQError, tried: { topic: string; brokerNames: readonly string[]; costMs: number }): MQError {
  if (tried.brokerNames.length <= 1) {
    return last;
  }
  const message = `send to topic ${tried.topic} failed ${tried.brokerNames.length} times in ${Math.round(tried.costMs)} ms on ${tried.brokerNames.join(', ')}: ${last.message}`;
  const options = {
    code: last.code,
    ...(last.hint === undefined ? {} : { hint: last.hint }),
    context: { ...last.context, topic: tried.topic, brokerNames: [...tried.brokerNames] },
    cause: last,
  };
  if (last instanceof BrokerError) {
    return new BrokerError(message, { ...options, responseCode: last.responseCode, remark: last.remark, brokerAddr: last.brokerAddr });
  }
  if (last instanceof TimeoutError) {
    return new TimeoutError(message, options);
  }
  return last instanceof ConnectError ? new ConnectError(message, options) : last;
}
