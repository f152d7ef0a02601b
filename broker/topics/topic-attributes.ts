/** A topic attribute and what may be written there. */
interface AttributeRule {
  changeable: boolean;
  /** Why the value is not possible, in Apache's words; null when it is. */
  problemOf(value: string): string | null;
}

const oneOf =
  (...values: string[]) =>
  (value: string): string | null =>
    values.includes(value) ? null : `value is not in set: [${values.join(', ')}]`;

const MAX_LONG = 2n ** 63n - 1n;

/** A long from −1 on. */
function longProblem(value: string): string | null {
  if (!/^[-+]?\d{1,19}$/.test(value) || BigInt(value.replace('+', '')) > MAX_LONG) return `For input string: "${value}"`;
  return BigInt(value.replace('+', '')) < -1n ? `value is not in range(-1, ${MAX_LONG})` : null;
}

const RULES: Readonly<Record<string, AttributeRule>> = {
  'queue.type': { changeable: false, problemOf: oneOf('BatchCQ', 'SimpleCQ') },
  'cleanup.policy': { changeable: false, problemOf: oneOf('DELETE', 'COMPACTION') },
  'message.type': { changeable: true, problemOf: oneOf('UNSPECIFIED', 'NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED') },
  // Apache's broker reads it with tiered storage only.
  'reserve.time': { changeable: true, problemOf: longProblem },
};

export type AttributeChange = { attributes: Record<string, string> } | { problem: string };

/** `+a=1,-b` as pairs of signed name and value. Throws Apache's sentence when it is malformed. */
function parseChange(text: string): Map<string, string> {
  const changes = new Map<string, string>();
  for (const part of text.split(',')) {
    const item = part.trim();
    if (item === '') continue;
    const [name, value = ''] = item.includes('=') ? (item.split('=') as [string, string]) : [item];
    const isAddition = item.includes('=');
    if (!name.includes(isAddition ? '+' : '-')) {
      const hint = isAddition ? 'write +name=value' : 'write -name to delete it';
      throw new Error(`${isAddition ? 'add/alter' : 'delete'} attribute format is wrong: ${name}; ${hint}`);
    }
    if (changes.has(name)) throw new Error(`key duplication: ${name}`);
    changes.set(name, value);
  }
  return changes;
}

/**
 * Applies an attribute text (`+message.type=FIFO,-reserve.time`) to the attributes a topic has; checks and remarks are those of Apache's
 * AttributeUtil.
 * @param current null when the topic is being created: then only additions are allowed.
 */
export function changeAttributes(current: Readonly<Record<string, string>> | null, text: string): AttributeChange {
  try {
    return { attributes: applyChanges(RULES, current, parseChange(text)) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** The same for a consumer group, whose request has the changes as a map with signed names. No attribute of groups is known. */
export function changeGroupAttributes(
  current: Readonly<Record<string, string>> | null,
  changes: ReadonlyMap<string, string>,
): AttributeChange {
  try {
    return { attributes: applyChanges({}, current, changes) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function applyChanges(
  rules: Readonly<Record<string, AttributeRule>>,
  current: Readonly<Record<string, string>> | null,
  changes: ReadonlyMap<string, string>,
): Record<string, string> {
  const attributes: Record<string, string> = { ...current };
  const seen = new Set<string>();
  for (const signed of changes.keys()) {
    const name = signed.slice(1);
    if (name === '' || name.includes('+') || name.includes('-')) throw new Error('kv string format wrong.');
    if (seen.has(name)) throw new Error(`alter duplication key. key: ${name}`);
    seen.add(name);
    if (current === null && signed[0] !== '+') throw new Error(`only add attribute is supported while creating topic. key: ${name}`);
    if (signed[0] !== '+' && signed[0] !== '-') throw new Error(`wrong format key: ${name}`);
    if (signed[0] === '-' && !Object.hasOwn(attributes, name)) throw new Error(`attempt to delete a nonexistent key: ${name}`);
  }
  for (const [signed, value] of changes) {
    const name = signed.slice(1);
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw new Error(`unsupported key: ${name}`);
    if (current !== null && !rule.changeable) throw new Error(`attempt to update an unchangeable attribute. key: ${name}`);
    if (signed[0] === '-') {
      delete attributes[name];
      continue;
    }
    const problem = rule.problemOf(value);
    if (problem !== null) throw new Error(`${problem}; ${name}=${value}`);
    attributes[name] = value;
  }
  return attributes;
}
