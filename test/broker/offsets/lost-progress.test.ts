import { expect, it } from 'vitest';
import { ConsumerOffsetManager, lowerLostProgress } from '../../../broker/offsets/index.js';
import { noopLogger } from '../../../src/common/logger.js';
import { FakeTime } from '../fake-time.js';

/** What a file of offsets by `topic@group` becomes at a start, and what is logged. */
function started(offsetTable: Record<string, Record<number, number>>, ends: Record<string, number>, isAfterKill = true) {
  const saved: unknown[] = [];
  const warnings: string[] = [];
  const file = { load: () => ({ offsetTable }), save: (value: unknown) => void saved.push(value), problem: null, isSaving: false };
  const offsets = new ConsumerOffsetManager({ file, clock: new FakeTime(), policy: { useServerSideResetOffset: true } });
  offsets.load();
  const logger = { ...noopLogger, warn: (text: string) => void warnings.push(text) };
  lowerLostProgress({ offsets, endOf: (topic, queueId) => ends[`${topic}/${queueId}`] ?? 0, isAfterKill, logger });
  return { offsets, saved, warnings };
}

const member = { name: 'a connection' };

it.each([true, false])('an offset beyond the end becomes the end, after a crash (%s) or not, with one line for a group', (isAfterKill) => {
  const table = { 'T@G': { 0: 10, 1: 11, 2: 12 }, 'U@G': { 0: 3 }, 'T@H': { 0: 9 }, '%RETRY%G@G': { 0: 4 } };
  const ends = { 'T/0': 10, 'T/1': 10, 'T/2': 10, 'U/0': 0, '%RETRY%G/0': 4 };
  const { offsets, saved, warnings } = started(table, ends, isAfterKill);
  expect([...offsets.queues('G', 'T').values()]).toEqual([10, 10, 10]);
  expect([offsets.query('G', 'U', 0), offsets.query('H', 'T', 0), offsets.query('G', '%RETRY%G', 0)]).toEqual([0, 9, 4]);
  expect(warnings).toEqual([expect.stringMatching(/^group G .*: T\/1 11 to 10, T\/2 12 to 10, U\/0 3 to 0$/)]);
  expect(saved).toHaveLength(1);
});

it('a line names some queues of many', () => {
  const queues = Object.fromEntries(Array.from({ length: 20 }, (_, queueId) => [queueId, 1]));
  expect(started({ 'T@G': queues }, {}).warnings).toEqual([expect.stringMatching(/T\/7 1 to 0 and 12 more$/)]);
});

it('where nothing lies beyond the end, nothing is saved, and without a crash no pull is corrected', () => {
  const { offsets, saved, warnings } = started({ 'T@G': { 0: 5 } }, { 'T/0': 8 }, false);
  expect([saved, warnings]).toEqual([[], []]);
  expect(offsets.commit('G', 'T', 0, 30)).toBe(true);
  expect(offsets.takeReset('G', 'T', 0, 30, member)).toBe(-1);
});

it('after a crash commits up to the end count as they are, and those beyond it as far as the end', () => {
  const { offsets } = started({ 'T@G': { 0: 5 } }, { 'T/0': 8 });
  expect(offsets.commit('G', 'T', 0, 3, member)).toBe(true);
  expect(offsets.query('G', 'T', 0)).toBe(3);
  expect(offsets.commit('G', 'T', 0, 30, member)).toBe(false);
  expect(offsets.query('G', 'T', 0)).toBe(8);
  expect(offsets.takeReset('G', 'T', 0, 30, member)).toBe(8);
});

it('a member that asked for its offset, one that goes on before the end, and a pop are not corrected', () => {
  const { offsets } = started({ 'T@G': { 0: 5, 1: 5, 2: 5 } }, { 'T/0': 8, 'T/1': 8, 'T/2': 8 });
  offsets.tellReset('G', 'T', 0, member);
  expect(offsets.takeReset('G', 'T', 0, 9, member)).toBe(-1);
  expect(offsets.takeReset('G', 'T', 1, 7, member)).toBe(-1);
  expect(offsets.takeReset('G', 'T', 2)).toBe(-1);
  for (const queueId of [0, 1, 2]) expect(offsets.commit('G', 'T', queueId, 30)).toBe(true);
  expect(offsets.query('G', 'T', 2)).toBe(30);
});

it('progress of the broker itself, and of broadcasting members behind a proxy, is lowered but waits for no pull', () => {
  const { offsets } = started({ 'T@CID_RMQ_SYS_TRANS': { 0: 9 }, 'T@G@broadcast': { 0: 9 } }, { 'T/0': 8 });
  for (const group of ['CID_RMQ_SYS_TRANS', 'G@broadcast']) {
    expect(offsets.query(group, 'T', 0)).toBe(8);
    expect(offsets.commit(group, 'T', 0, 12)).toBe(true);
  }
});

it('a reset that is asked for, or offsets that are cloned, count in place of what a crash left', () => {
  const { offsets } = started({ 'T@G': { 0: 5 }, 'T@From': { 0: 2 } }, { 'T/0': 8 });
  offsets.cloneOffsets('From', 'G', 'T');
  expect(offsets.takeReset('G', 'T', 0, 30, member)).toBe(2);
  offsets.assignReset('From', 'T', 0, 6);
  expect(offsets.takeReset('From', 'T', 0, 3, member)).toBe(6);
});
