/**
 * MQADMIN_COMPAT=apache: how Apache's tool ends, for scripts that depend on it. Exit code 0 after nearly every failure, the codes and names of
 * Java's exceptions on stderr, and what Apache's tool says on stdout, or does not say at all. docs/mqadmin-apache.md lists it.
 */
import type { MQError } from '../common/errors.js';
import type { CommandSpec } from './options.js';
import { asMQError } from './report.js';
import { usageText } from './usage.js';

/** What is printed at the end of a command that failed, and the exit code of the process. */
export interface ApacheEnd {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Of our own options and contexts: Apache's tool has none, and scripts written for it do not meet these. */
const OURS = new Set(['COMMAND_TIMEOUT', 'NOT_CONFIRMED', 'READ_ONLY', 'INTERRUPTED', 'CONTEXT_NOT_EXIST']);

/** Response codes in Java's exceptions for what is found before a node is asked here. */
const RESPONSE_CODES: Readonly<Record<string, number>> = {
  TOPIC_ILLEGAL: 29,
  SYSTEM_TOPIC: 29,
  GROUP_NOT_EXIST: 17,
  PRODUCER_GROUP_NOT_EXIST: 1,
};

/** What Apache's tool answers with nothing at all. */
const SILENT: Readonly<Record<string, readonly string[]>> = {
  getUser: ['USER_NOT_EXIST'],
  getConsumerConfig: ['GROUP_NOT_EXIST'],
  queryMsgByOffset: ['NO_MESSAGE', 'NOT_FOUND'],
};

/** Commands that check themselves whether -b or -c was given, and then say nothing. */
const WITHOUT_USAGE = new Set(['getBrokerConfig']);

/** Sentences of Apache's commands about their own arguments, on stdout. */
const SENTENCES: readonly RegExp[] = [
  /^Please set the brokerName before queueId!/,
  /^Please set queueId before offset!/,
  /^Please input a positive messageNumber!/,
  /^Broker name must be set if the queue is chosen!/,
  /^set the read mode error; 0 is default, 1 random read/,
  /^miss dump log file name/,
  /brokerId can't be negative/,
];

const UNKNOWN_CLUSTER = '[error] Make sure the specified clusterName exists or the name server connected to is correct.';

/** How Apache's tool would have ended; null for errors that it cannot have, which end as ours do. */
export function apacheEnd(thrown: unknown, spec: CommandSpec, isParseFault: boolean): ApacheEnd | null {
  const error = asMQError(thrown);
  if (error === null || OURS.has(error.code)) {
    return null;
  }
  if (isParseFault) {
    // The usage is printed already.
    return { stdout: '', stderr: `${error.message}\n`, exitCode: 1 };
  }
  const silent = SILENT[spec.id]?.includes(error.code) === true;
  const sentence = silent ? '' : sentenceOf(error, spec);
  return sentence === null
    ? { stdout: '', stderr: stackOf(error, spec), exitCode: 0 }
    : { stdout: sentence === '' ? '' : `${sentence.trimEnd()}\n`, stderr: '', exitCode: 0 };
}

/** What Apache's tool says on stdout in the place of an error; null where it throws. */
function sentenceOf(error: MQError, spec: CommandSpec): string | null {
  if (error.code === 'CLUSTER_NOT_EXIST') {
    return UNKNOWN_CLUSTER;
  }
  if (error.category !== 'usage') {
    return null;
  }
  if (error.message.startsWith('Missing required option: [')) {
    return WITHOUT_USAGE.has(spec.id) ? '' : usageText(spec);
  }
  for (const pattern of SENTENCES) {
    const found = pattern.exec(error.message);
    if (found !== null) {
      return found[0];
    }
  }
  return null;
}

/** The two lines of Java's stack trace that say something. */
function stackOf(error: MQError, spec: CommandSpec): string {
  const name = `${spec.id.charAt(0).toUpperCase()}${spec.id.slice(1)}SubCommand`;
  return `org.apache.rocketmq.tools.command.SubCommandException: ${name} command failed\nCaused by: ${causeOf(error)}\n`;
}

function causeOf(error: MQError): string {
  const { remark, addr } = error.context;
  const responseCode = error.context.responseCode ?? RESPONSE_CODES[error.code];
  if (typeof responseCode === 'number') {
    const isOfBroker = typeof error.context.brokerAddr === 'string';
    const text = typeof remark === 'string' && remark !== '' ? remark.trim() : error.message;
    const type = isOfBroker ? 'MQBrokerException' : 'MQClientException';
    return `org.apache.rocketmq.client.exception.${type}: CODE: ${responseCode}  DESC: ${oneLine(text)}`;
  }
  const where = typeof addr === 'string' ? addr : 'null';
  if (error.category === 'connect' || error.code === 'NO_NAMESRV') {
    return `org.apache.rocketmq.remoting.exception.RemotingConnectException: connect to ${where} failed`;
  }
  if (error.category === 'timeout') {
    return `org.apache.rocketmq.remoting.exception.RemotingTimeoutException: ${oneLine(error.message)}`;
  }
  return `java.lang.RuntimeException: ${oneLine(error.message)}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ').trim();
}
