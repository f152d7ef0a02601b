import { expect, it } from 'vitest';
import { type CheckedMessage, TransactionChecks, type UnexpectedCheck } from '../../src/bench/transaction-checks.js';
import { plannedEnd, readPlan, writePlan } from '../../src/bench/transaction-plan.js';
import { seededRandom } from '../../src/common/clock.js';

const NEVER = { sendRollbackRate: 0, sendUnknownRate: 0, checkRollbackRate: 0, checkUnknownRate: 0 };

function bodyOf(
  rates: Partial<typeof NEVER>,
  options: { batchId?: number; index?: number; random?: ReturnType<typeof seededRandom> } = {},
): Buffer {
  const { batchId = 5, index = 1, random = seededRandom(1) } = options;
  const body = Buffer.alloc(100);
  writePlan(body, { batchId, index, rates: { ...NEVER, ...rates }, random });
  return body;
}

function message(body: Buffer, checkTimes?: string): CheckedMessage {
  return { body, msgId: '7F01', offsetMsgId: 'AC10', checkTimes };
}

it('draws ends by their shares, the same again with the same seed', () => {
  const draw = (): string[] => {
    const random = seededRandom(7);
    return Array.from({ length: 2000 }, () => plannedEnd(bodyOf({ sendRollbackRate: 0.25, sendUnknownRate: 0.5 }, { random })));
  };
  const ends = draw();
  const count = (state: string): number => ends.filter((end) => end === state).length;
  expect(count('ROLLBACK_MESSAGE')).toBeGreaterThan(400);
  expect(count('ROLLBACK_MESSAGE')).toBeLessThan(600);
  // Half of what is not rolled back.
  expect(count('UNKNOW')).toBeGreaterThan(650);
  expect(count('UNKNOW')).toBeLessThan(850);
  expect(draw()).toEqual(ends);
});

it('reads the plan that it wrote, and none elsewhere', () => {
  const plan = readPlan(bodyOf({ sendUnknownRate: 1, checkRollbackRate: 1 }, { batchId: 1_700_000_000_123, index: 42 }));
  expect(plan).toMatchObject({ batchId: 1_700_000_000_123, index: 42, sent: 'UNKNOW' });
  expect([1, 2, 20, 21].map((times) => plan?.check(times))).toEqual(new Array(4).fill('ROLLBACK_MESSAGE'));
  expect(readPlan(Buffer.alloc(100))).toBeUndefined();
  expect(readPlan(Buffer.alloc(3))).toBeUndefined();
});

it('answers what was left open as planned and counts it', () => {
  const checks = new TransactionChecks(5);
  expect(checks.answer(message(bodyOf({ sendUnknownRate: 1 }), '1'))).toBe('COMMIT_MESSAGE');
  expect(checks.answer(message(bodyOf({ sendUnknownRate: 1, checkUnknownRate: 1 }, { index: 2 })))).toBe('UNKNOW');
  expect(checks.counts()).toMatchObject({ count: 2, expected: 2, unexpected: 0, duplicated: 0, committed: 1, unknown: 1 });
  expect(checks.settled).toBe(1);
});

it('tells checks that should not have come, and such that came before', () => {
  const unexpected: UnexpectedCheck[] = [];
  const checks = new TransactionChecks(5, (check) => unexpected.push(check));
  const committed = bodyOf({});
  expect(checks.answer(message(committed, '1'))).toBe('COMMIT_MESSAGE');
  expect(checks.answer(message(committed, '1'))).toBe('COMMIT_MESSAGE');
  const open = bodyOf({ sendUnknownRate: 1, checkRollbackRate: 1 }, { index: 2 });
  expect(checks.answer(message(open, '1'))).toBe('ROLLBACK_MESSAGE');
  expect(checks.answer(message(open, '2'))).toBe('ROLLBACK_MESSAGE');
  expect(checks.counts()).toMatchObject({ count: 4, expected: 1, unexpected: 3, duplicated: 1 });
  expect(unexpected.map(({ state, byCheck }) => [state, byCheck])).toEqual([
    ['COMMIT_MESSAGE', false],
    ['COMMIT_MESSAGE', false],
    ['ROLLBACK_MESSAGE', true],
  ]);
});

it('answers a check that comes again without counting what it answers again', () => {
  const checks = new TransactionChecks(5);
  const open = message(bodyOf({ sendUnknownRate: 1 }), '1');
  expect([checks.answer(open), checks.answer(open)]).toEqual(['COMMIT_MESSAGE', 'COMMIT_MESSAGE']);
  expect(checks.counts()).toMatchObject({ count: 2, expected: 1, committed: 1, duplicated: 1 });
  expect(checks.settled).toBe(1);
});

it('rolls back what another run left, and leaves alone what no benchmark sent', () => {
  const checks = new TransactionChecks(5);
  expect(checks.answer(message(bodyOf({}, { batchId: 4 }), '1'))).toBe('ROLLBACK_MESSAGE');
  expect(checks.answer(message(Buffer.from('an order of a shop, with a body of some length'), '1'))).toBe('UNKNOW');
  expect(checks.counts().count).toBe(0);
});
