import { describe, expect, it } from 'vitest';
import { differenceText, type SubscribedMember, subscriptionDifferences } from '../../src/common/subscription-differences.js';

/** A member and its expressions by topic. */
function member(clientId: string, expressions: Record<string, string>, expressionType?: string): SubscribedMember {
  const subscriptions = Object.entries(expressions).map(([topic, subString]) => ({ topic, subString, expressionType }));
  return { clientId, subscriptions };
}

describe('members of a group', () => {
  it('agree on the same topics and tags, in whatever order and with whatever blanks', () => {
    expect(subscriptionDifferences([])).toEqual([]);
    expect(subscriptionDifferences([member('a', { T: 'A||B', U: '*' }), member('b', { U: '', T: ' B || A ||A' })])).toEqual([]);
  });

  it('agree when only one has a retry topic, or when one has no subscription at all', () => {
    expect(subscriptionDifferences([member('a', { T: '*', '%RETRY%G': '*' }), member('b', { T: '*' }), member('c', {})])).toEqual([]);
  });

  it('differ in topics and in expressions', () => {
    const differences = subscriptionDifferences([
      member('b', { T: 'A', U: '*' }),
      member('a', { T: 'A', U: '*' }),
      member('c', { T: 'B' }),
    ]);
    expect(differences).toEqual([
      {
        topic: 'T',
        subscribers: [
          { expression: 'A', clientIds: ['a', 'b'] },
          { expression: 'B', clientIds: ['c'] },
        ],
      },
      {
        topic: 'U',
        subscribers: [
          { expression: '*', clientIds: ['a', 'b'] },
          { expression: null, clientIds: ['c'] },
        ],
      },
    ]);
    expect(differences.map(differenceText)).toEqual(["topic T: 'A' by a, b; 'B' by c", "topic U: '*' by a, b; not subscribed by c"]);
  });

  it('differ in the kind of their expressions', () => {
    const [difference] = subscriptionDifferences([member('a', { T: 'A' }), member('b', { T: 'A' }, 'SQL92')]);
    expect(difference?.subscribers.map(({ expression }) => expression)).toEqual(['A', 'SQL92: A']);
  });

  it('are named in part where they are many', () => {
    const many = ['c1', 'c2', 'c3', 'c4', 'c5'].map((clientId) => member(clientId, { T: 'A' }));
    const [difference] = subscriptionDifferences([...many, member('d', { T: 'B' })]);
    expect(differenceText(difference!)).toBe("topic T: 'A' by c1, c2, c3 and 2 more; 'B' by d");
  });
});
