import { parseFastjson } from '../../src/common/fastjson.js';
import { decodeProperties } from '../../src/common/message/properties.js';
import { decodeRecords, type MessageRecord } from '../../src/common/message/record.js';
import { RemotingClient } from '../../src/remoting/client.js';
import { RequestCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';

/** What a send may set; the rest are a producer's defaults. */
export interface RawSend {
  topic: string;
  body?: string;
  queueId?: number;
  /** `{ TAGS: 'A' }`, or the text itself. */
  properties?: Record<string, string> | string;
  fields?: Record<string, string>;
  code?: number;
  version?: number;
}

/** What a pull may set. */
export interface RawPull {
  topic: string;
  group?: string;
  queueId?: number;
  offset?: number;
  maxMsgNums?: number;
  sysFlag?: number;
  subscription?: string;
  suspendMs?: number;
  fields?: Record<string, string>;
  code?: number;
}

/** A client that speaks the protocol without knowing what a producer or a consumer is. */
export class RawClient {
  readonly remoting: RemotingClient;
  readonly addr: string;

  constructor(addr: string) {
    this.addr = addr;
    this.remoting = new RemotingClient();
  }

  invoke(
    code: number,
    extFields: Record<string, string> | null = null,
    body: Buffer | string | null = null,
    version?: number,
  ): Promise<RemotingCommand> {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    return this.remoting.invoke(this.addr, { code, extFields, body: bytes, ...(version === undefined ? {} : { version }) }, 10_000);
  }

  send(message: RawSend): Promise<RemotingCommand> {
    const properties = typeof message.properties === 'string' ? message.properties : propertiesText(message.properties ?? {});
    const fields = {
      a: 'PG',
      b: message.topic,
      c: 'TBW102',
      d: '4',
      e: String(message.queueId ?? 0),
      f: '0',
      g: '1700000000000',
      h: '0',
      i: properties,
      j: '0',
      k: 'false',
      m: 'false',
      ...message.fields,
    };
    return this.invoke(message.code ?? RequestCode.SEND_MESSAGE_V2, fields, message.body ?? 'body', message.version);
  }

  pull(pull: RawPull): Promise<RemotingCommand> {
    const fields: Record<string, string> = {
      consumerGroup: pull.group ?? 'G',
      topic: pull.topic,
      queueId: String(pull.queueId ?? 0),
      queueOffset: String(pull.offset ?? 0),
      maxMsgNums: String(pull.maxMsgNums ?? 32),
      sysFlag: String(pull.sysFlag ?? 4),
      commitOffset: '0',
      suspendTimeoutMillis: String(pull.suspendMs ?? 1000),
      subscription: pull.subscription ?? '*',
      subVersion: '0',
      expressionType: 'TAG',
      ...pull.fields,
    };
    return this.invoke(pull.code ?? RequestCode.PULL_MESSAGE, fields);
  }

  /** Registers a consumer of one group; `subscriptions` maps topic to expression. */
  heartbeat(options: {
    clientId: string;
    group?: string;
    subscriptions?: Record<string, string>;
    /** TAG unless given. */
    expressionType?: string;
    subVersion?: number | bigint;
    producerGroup?: string;
    messageModel?: string;
    consumeType?: string;
  }): Promise<RemotingCommand> {
    const consumers = options.group === undefined ? [] : [consumerData(options.group, options)];
    const producers = options.producerGroup === undefined ? [] : [{ groupName: options.producerGroup }];
    const body = `{"clientID":${JSON.stringify(options.clientId)},"consumerDataSet":[${consumers.join(',')}],"heartbeatFingerprint":0,"producerDataSet":${JSON.stringify(producers)},"withoutSub":false}`;
    return this.invoke(RequestCode.HEART_BEAT, {}, body);
  }

  close(): Promise<void> {
    return this.remoting.close();
  }
}

function consumerData(
  group: string,
  options: {
    subscriptions?: Record<string, string>;
    expressionType?: string;
    subVersion?: number | bigint;
    messageModel?: string;
    consumeType?: string;
  },
): string {
  const subscriptions = Object.entries(options.subscriptions ?? {}).map(([topic, expression]) => {
    const { subVersion = 1, expressionType = 'TAG' } = options;
    const tags = expression === '*' || expressionType !== 'TAG' ? [] : expression.split('||').map((tag) => tag.trim());
    return `{"classFilterMode":false,"codeSet":[],"expressionType":"${expressionType}","subString":${JSON.stringify(expression)},"subVersion":${subVersion},"tagsSet":${JSON.stringify(tags)},"topic":${JSON.stringify(topic)}}`;
  });
  const { consumeType = 'CONSUME_PASSIVELY', messageModel = 'CLUSTERING' } = options;
  return `{"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"${consumeType}","groupName":${JSON.stringify(group)},"messageModel":"${messageModel}","subscriptionDataSet":[${subscriptions.join(',')}],"unitMode":false}`;
}

export function propertiesText(properties: Record<string, string>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}\u0001${value}\u0002`)
    .join('');
}

/** Messages of a pull's body. */
export function messagesOf(answer: RemotingCommand): MessageRecord[] {
  return answer.body === null ? [] : decodeRecords(answer.body);
}

export function bodiesOf(answer: RemotingCommand): string[] {
  return messagesOf(answer).map((message) => message.body.toString());
}

export function propertiesOf(message: MessageRecord): Record<string, string> {
  return Object.fromEntries(decodeProperties(message.properties));
}

// biome-ignore lint/suspicious/noExplicitAny: bodies have many shapes, and a test looks at a few fields of each
export function json(answer: RemotingCommand): any {
  return parseFastjson(answer.body ?? Buffer.from('null'));
}
