import { expect, it } from 'vitest';
import { DelayLevels, parkDelayed } from '../../../broker/delay/index.js';
import { seededRandom } from '../../../src/common/clock.js';
import { getProperty } from '../../../src/common/message/properties.js';
import { decodeRecallHandle, encodeRecallHandle } from '../../../src/common/message/recall-handle.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { decodeFrame } from '../../../src/remoting/frame.js';
import { readRecording } from '../../wire/vectors.js';
import { FakeTime } from '../fake-time.js';
import { message } from '../store/store-kit.js';

const SEND = 310;
const RECALL = 370;

function commandsOf(recording: string): RemotingCommand[] {
  return readRecording(recording).map(({ hex }) => {
    const bytes = Buffer.from(hex, 'hex');
    return decodeFrame(bytes, 0, bytes.length);
  });
}

/** What the broker makes of a recorded send that came at its born time. */
function parked(fields: Readonly<Record<string, string>>) {
  const time = new FakeTime();
  time.advance(Number(fields.g) - time.nowMs());
  const put = message(fields.b!, Number(fields.e), 'x', { properties: fields.i! });
  const refusal = parkDelayed(
    {
      clock: time,
      random: seededRandom(1),
      delayLevels: new DelayLevels('1s'),
      config: {
        store: { timerWheelEnable: true, timerMaxDelaySec: 259_200, timerPrecisionMs: 1000, timerCongestNumEachSlot: 2_147_483_647 },
      },
      timer: { countInSlot: () => 0 },
    },
    put,
    { delayLevel: 0, hasTimer: true },
  );
  return { put, refusal };
}

it('the recorded sends, answers and recall of Java 5.3.3 have the same slots, remarks and handles here', () => {
  const commands = commandsOf('timer-recall-json');
  const sends = commands.filter(({ code, flag }) => code === SEND && (flag & 1) === 0);
  expect(sends).toHaveLength(3);
  const answers = sends.map(({ opaque }) => commands.find((one) => one.opaque === opaque && (one.flag & 1) === 1)!);
  sends.forEach(({ extFields }, i) => {
    const { put, refusal } = parked(extFields!);
    const answer = answers[i]!;
    expect(refusal?.code ?? 0).toBe(answer.code);
    expect(refusal?.remark ?? null).toBe(answer.remark);
    if (answer.code !== 0) return;
    const recallHandle = answer.extFields!.recallHandle!;
    const handle = decodeRecallHandle(recallHandle)!;
    // The broker's clock was some ms ahead of the born time, which may be the next step of the precision.
    const steps = (handle.timestampMs - 1 - Number(getProperty(put.properties, 'TIMER_OUT_MS'))) / 1000;
    expect([0, 1]).toContain(steps);
    expect(handle).toMatchObject({ topic: 'TopicTimer', brokerName: 'broker-a', msgId: getProperty(put.properties, 'UNIQ_KEY') });
    expect(encodeRecallHandle(handle)).toBe(recallHandle);
  });
  const recall = commands.find(({ code, flag }) => code === RECALL && (flag & 1) === 0)!;
  expect(recall.extFields).toMatchObject({ topic: 'TopicTimer', bname: 'broker-a', recallHandle: answers[0]!.extFields!.recallHandle });
});

it('texts that are no handles are told apart', () => {
  const of = (text: string) => Buffer.from(text).toString('base64url');
  for (const text of ['', 'a b', '***', of('v2 T b 1 K'), of('v1 T b 1'), of('v1')]) expect(decodeRecallHandle(text)).toBeNull();
  expect(decodeRecallHandle(of('v1 T b soon K'))).toMatchObject({ topic: 'T', msgId: 'K', timestampMs: Number.NaN });
});
