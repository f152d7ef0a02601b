import { BrokerError, ConnectError, DeniedError, MQError, NotFoundError, TimeoutError, UsageError } from '../../common/errors.js';
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

/** A send got no permit of the back-pressure within its time-out. */
export function permitTimeoutError(topic: string, timeoutMs: number): TimeoutError {
  return new TimeoutError(`the send to topic ${topic} waited ${timeoutMs} ms for a permit of the back-pressure`, {
    code: 'SEND_BACK_PRESSURE',
    hint: 'send slower, or raise backPressureForAsyncSendNum and backPressureForAsyncSendSize',
    context: { topic, timeoutMs },
  });
}

/** Too many sends wait for a permit already. */
export function permitRefusedError(topic: string): ConnectError {
  return new ConnectError(`the send to topic ${topic} was refused: too many sends wait for a permit of the back-pressure`, {
    code: 'SEND_BACK_PRESSURE',
    hint: 'stop sending while sendAsync returns false; await producer.ready()',
    context: { topic },
  });
}

/** A request got no reply in time. */
export function replyTimeoutError(topic: string, timeoutMs: number, sent: boolean): TimeoutError {
  const message = sent
    ? `the request to topic ${topic} was sent, but no reply came within ${timeoutMs} ms`
    : `the request to topic ${topic} was not taken by a broker within ${timeoutMs} ms`;
  return new TimeoutError(message, {
    code: sent ? 'REPLY_TIMEOUT' : 'REQUEST_TIMEOUT',
    ...(sent ? { hint: 'check that a consumer of the topic runs and replies, and give it more time' } : {}),
    context: { topic, timeoutMs },
  });
}

/** An attempt that failed. */
export interface FailedAttempt {
  readonly brokerName: string;
  readonly costMs: number;
  readonly error: MQError;
}

/** The last error of a send that failed more than once, with how often, how long, where, and why each time. */
export function sendFailedError(last: MQError, send: { topic: string; tried: readonly FailedAttempt[]; costMs: number }): MQError {
  const { topic, tried } = send;
  if (tried.length <= 1) {
    return last;
  }
  const brokerNames = tried.map((attempt) => attempt.brokerName);
  const message = `send to topic ${topic} failed ${tried.length} times in ${Math.round(send.costMs)} ms on ${brokerNames.join(', ')}: ${last.message}`;
  const options = {
    code: last.code,
    ...(last.hint === undefined ? {} : { hint: last.hint }),
    context: {
      ...last.context,
      topic,
      brokerNames,
      attempts: tried.map(({ brokerName, costMs, error }) => ({ brokerName, costMs, code: error.code, message: error.message })),
    },
    cause: last,
  };
  if (last instanceof BrokerError) {
    return new BrokerError(message, { ...options, responseCode: last.responseCode, remark: last.remark, brokerAddr: last.brokerAddr });
  }
  if (last instanceof TimeoutError) {
    return new TimeoutError(message, options);
  }
  if (last instanceof DeniedError) {
    return new DeniedError(message, options);
  }
  if (last instanceof NotFoundError) {
    return new NotFoundError(message, options);
  }
  return last instanceof ConnectError ? new ConnectError(message, options) : last;
}

/** The error as one of ours; anything else is a bug and thrown on. */
export function asMQError(error: unknown): MQError {
  if (error instanceof MQError) {
    return error;
  }
  throw error;
}
