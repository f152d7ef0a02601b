import { afterAll, beforeAll, expect, it } from 'vitest';
import { APACHE_VERSIONS, apache, RawConnection, type RawResponse } from '../peers/index.js';
import { createTopic, interop, startAll, startTarget, type Target, targetVersion, until } from './support.js';

const TOPIC = 'Orders';
const NOT_SUPPORTED = 'The broker does not support consumer to filter message by';

const UPDATE_BROKER_CONFIG = 25;
const PULL = 11;
const HEARTBEAT = 34;
const CHECK_CLIENT_CONFIG = 46;
const SEND = 310;

/** What a client asks for: the selector, its type and the version of the subscription. */
interface Wanted {
  readonly type: string;
  readonly text: string;
  readonly subVersion?: number;
}

/** A question about a filter. */
interface Question {
  readonly name: string;
  ask(connection: RawConnection, group: string): Promise<RawResponse>;
}

const subscription = ({ type, text, subVersion = 10 }: Wanted): object => ({
  ...{ classFilterMode: false, topic: TOPIC, subString: text, tagsSet: [], codeSet: [], subVersion, expressionType: type },
});

function check(wanted: Wanted): Question {
  return {
    name: `a check of ${wanted.type} "${wanted.text}"`,
    ask: (connection, group) =>
      connection.request(CHECK_CLIENT_CONFIG, {}, JSON.stringify({ clientId: 'c', group, subscriptionData: subscription(wanted) })),
  };
}

function pullFields(group: string, fields: Record<string, string>): Record<string, string> {
  return {
    ...{ consumerGroup: group, topic: TOPIC, queueId: '0', queueOffset: '0', maxMsgNums: '32', sysFlag: '0', commitOffset: '0' },
    ...{ suspendTimeoutMillis: '0', subVersion: '0', expressionType: 'TAG', ...fields },
  };
}

/** A pull that brings its selector along. */
function pullWith({ type, text }: Wanted): Question {
  return {
    name: `a pull with ${type} "${text}"`,
    ask: (connection, group) => connection.request(PULL, pullFields(group, { sysFlag: '4', subscription: text, expressionType: type })),
  };
}

/** A pull of a group whose heartbeats brought selectors, one after the other. */
function pullAfter(heartbeats: readonly Wanted[], fields: Record<string, string> = {}): Question {
  const told = heartbeats.map(({ type, text }) => `${type} "${text}"`).join(', then ');
  return {
    name: `a pull ${JSON.stringify(fields)} of a group with ${told}`,
    ask: async (connection, group) => {
      for (const wanted of heartbeats) {
        const consumer = {
          ...{ groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', unitMode: false },
          ...{ consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', subscriptionDataSet: [subscription(wanted)] },
        };
        const body = JSON.stringify({ clientID: `c-${group}`, producerDataSet: [], consumerDataSet: [consumer] });
        expect(await connection.request(HEARTBEAT, {}, body)).toMatchObject({ code: 0 });
      }
      return connection.request(PULL, pullFields(group, fields));
    },
  };
}

const sql = (text: string, subVersion?: number): Wanted => ({ type: 'SQL92', text, ...(subVersion === undefined ? {} : { subVersion }) });
const GOOD = sql('price > 5');
const NOTHING_MATCHES = sql('price > 500');
const BAD = ['price >', "price > 'x'", 'price BETWEEN 9 AND 1', 'price = NULL', 'price > 5 #', 'price IN (1)', '1'].map((text) =>
  sql(text),
);
const UNKNOWN_TYPE: Wanted = { type: 'REGEX', text: 'price.*' };
const TAGS: Wanted = { type: 'TAG', text: 'A || B' };

const QUESTIONS: readonly Question[] = [
  ...[GOOD, ...BAD, sql(''), UNKNOWN_TYPE, TAGS].map(check),
  ...[GOOD, NOTHING_MATCHES, ...BAD, sql(''), UNKNOWN_TYPE, TAGS].map(pullWith),
  ...[GOOD, NOTHING_MATCHES, BAD[0]!, UNKNOWN_TYPE, TAGS].map((wanted) => pullAfter([wanted])),
  // The newer selector does not compile: the older one is not used any more.
  pullAfter([GOOD, sql('price >', 11)]),
  pullAfter([sql('price >'), sql('price > 5', 11)]),
  // An older selector does not replace a newer one.
  pullAfter([sql('price > 500', 11), sql('price > 5', 10)]),
  pullAfter([GOOD], { subVersion: '10' }),
  pullAfter([GOOD], { subVersion: '11' }),
];

/** Apache's broker delivers everything where it knows no such filter; ours says so. */
const DELIBERATE = { state: 'on', name: pullWith(UNKNOWN_TYPE).name, ours: { code: 23, messages: 0 }, theirs: { code: 0, messages: 3 } };

/** What both sides must say alike. Texts of errors in a selector are each parser's own. */
interface Answer {
  code: number;
  nextBeginOffset: string | undefined;
  messages: number;
  /** The text, where the broker does not allow filters. */
  notSupported: string | null;
}

function recordsIn(body: Buffer): number {
  let count = 0;
  for (let at = 0; at < body.length; at += body.readInt32BE(at)) count++;
  return count;
}

async function answersOf(target: Target): Promise<Record<'off' | 'on', Answer[]>> {
  await createTopic(target, TOPIC, 1);
  const connection = new RawConnection(target.broker.address);
  for (const price of ['3', '30', 'x']) {
    const fields = { a: 'P', b: TOPIC, c: 'TBW102', d: '4', e: '0', f: '0', g: '1700000000000', h: '0', j: '0', k: 'false', m: 'false' };
    expect(await connection.request(SEND, { ...fields, i: `price\u0001${price}\u0002` }, 'body')).toMatchObject({ code: 0 });
  }
  const settle = (): Promise<void> =>
    until(async () => (await pullWith(TAGS_ALL).ask(connection, 'Settle')).extFields?.nextBeginOffset === '3');
  await settle();
  const all = async (state: string): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (const [index, question] of QUESTIONS.entries()) {
      const { code, remark, extFields, body } = await question.ask(connection, `G_${state}_${index}`);
      expect(code === 0 || remark !== null, `${question.name}: an error without a text`).toBe(true);
      answers.push({
        code,
        nextBeginOffset: extFields?.nextBeginOffset,
        messages: recordsIn(body),
        notSupported: remark?.startsWith(NOT_SUPPORTED) === true ? remark : null,
      });
    }
    return answers;
  };
  try {
    const off = await all('off');
    expect(await connection.request(UPDATE_BROKER_CONFIG, {}, 'enablePropertyFilter=true\n')).toMatchObject({ code: 0 });
    return { off, on: await all('on') };
  } finally {
    connection.close();
  }
}

const TAGS_ALL: Wanted = { type: 'TAG', text: '*' };

interop("filters that cannot be used are answered as Apache's broker answers them", 'java', () => {
  const targets: Target[] = [];
  const answers = new Map<string, Record<'off' | 'on', Answer[]>>();

  beforeAll(async () => {
    const sides = [
      ['ours', () => startTarget()] as const,
      ...APACHE_VERSIONS.map((version) => [version, () => apache.startCluster({ version })] as const),
    ];
    targets.push(...(await startAll(...sides.map(([, start]) => start()))));
    await Promise.all(sides.map(async ([name], i) => answers.set(name, await answersOf(targets[i]!))));
  });
  afterAll(() => Promise.all(targets.map((target) => target.stop())));

  for (const version of APACHE_VERSIONS) {
    for (const state of ['off', 'on'] as const) {
      it.each(QUESTIONS.map(({ name }, index) => [name, index] as const))(
        `${version}, enablePropertyFilter ${state}: %s`,
        (name, index) => {
          const ours = answers.get('ours')?.[state][index];
          const theirs = answers.get(version)?.[state][index];
          if (state === DELIBERATE.state && name === DELIBERATE.name && targetVersion() === null) {
            expect([ours, theirs]).toMatchObject([DELIBERATE.ours, DELIBERATE.theirs]);
          } else expect(ours).toEqual(theirs);
        },
      );
    }
  }
});
