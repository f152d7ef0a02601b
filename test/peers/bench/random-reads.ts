import { seededRandom } from '../../../src/common/clock.js';
import { RawConnection } from '../wire.js';
import { createTopic, produce } from './load.js';
import { median } from './measure.js';
import { type BenchSettings, type Figure, figure, inPairs, type Row, withBoth } from './rows.js';
import type { RunningSide } from './sides.js';

const TOPIC = 'PeerRandom';
const QUEUES = 8;
/** Far more than what either side keeps of the log's end in its own memory. */
const BACKLOG_MESSAGES = 2_000_000;
const PULL_MESSAGE = 11;
const GET_MAX_OFFSET = 30;

/** Median time, us, of pulls of `maxNums` messages at offsets all over the backlog, one after the other. */
async function randomPulls(
  side: RunningSide,
  { maxNums, seconds, seed }: { maxNums: number; seconds: number; seed: number },
): Promise<number> {
  const random = seededRandom(seed);
  const connection = new RawConnection(side.brokerAddr);
  try {
    const ends: number[] = [];
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      const { extFields } = await connection.request(GET_MAX_OFFSET, { topic: TOPIC, queueId: String(queueId) });
      ends.push(Number(extFields?.offset));
    }
    const times: number[] = [];
    for (const untilMs = performance.now() + seconds * 1000; performance.now() < untilMs; ) {
      const queueId = random.nextInt(QUEUES);
      const fields = {
        consumerGroup: 'CG_random',
        topic: TOPIC,
        queueId: String(queueId),
        queueOffset: String(random.nextInt(ends[queueId]! - maxNums)),
        maxMsgNums: String(maxNums),
        sysFlag: '4',
        commitOffset: '0',
        suspendTimeoutMillis: '0',
        subscription: '*',
        subVersion: '0',
        expressionType: 'TAG',
      };
      const beganMs = performance.now();
      const { code } = await connection.request(PULL_MESSAGE, fields);
      times.push((performance.now() - beganMs) * 1000);
      if (code !== 0) throw new Error(`a pull of ${fields.topic}/${queueId} at ${fields.queueOffset} was answered ${code}`);
    }
    return median(times);
  } finally {
    connection.close();
  }
}

/** Reading old messages in no order: one at a time, and as many as a pull takes. */
export const randomReads: Row = async (settings: BenchSettings): Promise<Figure[]> => {
  const target = 1 / 3;
  const one = figure({ what: 'pull of one old message at a random offset, median', unit: 'us', target, ratioOf: 'apache : ours' });
  const many = figure({ what: 'pull of 32 old messages at a random offset, median', unit: 'us', target, ratioOf: 'apache : ours' });
  await withBoth(settings, {}, async (sides) => {
    for (const name of ['ours', 'apache'] as const) {
      await createTopic(sides[name], TOPIC);
      await produce(sides[name], settings.dir, ['-t', TOPIC, '-w', '64', '-q', String(BACKLOG_MESSAGES)]);
      settings.say(`  ${name}: backlog of ${BACKLOG_MESSAGES} messages`);
    }
    let seed = 1;
    await inPairs(
      settings,
      async (name) => {
        for (const [rows, maxNums] of [
          [one, 1],
          [many, 32],
        ] as const) {
          const us = await randomPulls(sides[name], { maxNums, seconds: settings.seconds / 2, seed: seed++ });
          rows[name].push(us);
          settings.say(`  ${name}: ${maxNums} a pull, median ${Math.round(us)} us`);
        }
      },
      sides,
    );
  });
  return [one, many];
};
