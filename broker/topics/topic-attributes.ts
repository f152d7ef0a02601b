/** A topic attribute and what may be written there. */
interface AttributeRule {
  changeable: boolean;
  isValid(value: string): boolean;
}

const oneOf = (...values: string[]): ((value: string) => boolean) => {
  const allowed = new Set(values);
  return (value) => allowed.has(value);
};

const RULES: Readonly<Record<string, AttributeRule>> = {
  'queue.type': { changeable: false, isValid: oneOf('BatchCQ', 'SimpleCQ') },
  'cleanup.policy': { changeable: false, isValid: oneOf('DELETE', 'COMPACTION') },
  'message.type': { changeable: true, isValid: oneOf('UNSPECIFIED', 'NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED') },
  'reserve.time': { changeable: true, isValid: (value) => /^-?\d{1,19}$/.test(value) && BigInt(value) >= -1n },
};

export type AttributeChange = { attributes: Record<string, string> } | { problem: string };

/** `+a=1,-b` as pairs of signed name and value. Throws a sentence when it is malformed. */
function parseChange(text: string): Map<string, string> {
  const changes = new Map<string, string>();
  for (const part of text.split(',')) {
    const item = part.trim();
    if (item === '') continue;
    const equals = item.indexOf('=');
    const name = equals < 0 ? item : item.slice(0, equals).trim();
    const sign = name[0];
    if ((sign !== '+' && sign !== '-') || name.length === 1) {
      throw new Error(`add/alter attribute format is wrong: ${item}; write +name=value or -name`);
    }
    if (sign === '+' && equals < 0) throw new Error(`attribute ${item} has no value; write ${item}=value`);
    const bare = name.slice(1);
    if (changes.has(`+${bare}`) || changes.has(`-${bare}`)) throw new Error(`key duplication: ${bare}`);
    changes.set(name, equals < 0 ? '' : item.slice(equals + 1).trim());
  }
  return changes;
}

/**
 * Applies an attribute text (`+message.type=FIFO,-reserve.time`) to the attributes a topic has.
 * @param current null when the topic is being created: then only additions are allowed.
 */
export function changeAttributes(current: Readonly<Record<string, string>> | null, text: string): AttributeChange {
  let changes: Map<string, string>;
  try {
    changes = parseChange(text);
  } catch (error) {
    return { problem: (error as Error).message };
  }
  const attributes: Record<string, string> = { ...current };
  for (const [signed, value] of changes) {
    const name = signed.slice(1);
    const rule = RULES[name];
    if (rule === undefined) return { problem: `unsupported key: ${name}; known are ${Object.keys(RULES).join(', ')}` };
    if (signed[0] === '-') {
      if (current === null) return { problem: `only add attribute is supported while creating topic. key: ${name}` };
      if (!rule.changeable) return { problem: `attempt to update an unchangeable attribute. key: ${name}` };
      if (!(name in attributes)) return { problem: `attempt to delete a nonexistent key: ${name}` };
      delete attributes[name];
      continue;
    }
    if (!rule.isValid(value)) return { problem: `value of attribute ${name} is not valid: ${value}` };
    if (current !== null && !rule.changeable && attributes[name] !== value) {
      return { problem: `attempt to update an unchangeable attribute. key: ${name}` };
    }
    attributes[name] = value;
  }
  return { attributes };
}
