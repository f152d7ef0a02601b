import type { Change, ChangeAction, NodeChange } from '../../client/admin/definitions/compare.js';
import type { FieldValue, Kind } from '../../client/admin/definitions/kinds.js';
import type { CommandContext } from '../base.js';

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  topic: 'topic',
  group: 'group',
  orderConf: 'order configuration of',
  kv: 'entry',
  user: 'user',
  acl: 'rule',
  account: 'account',
  whiteAddrs: 'global white addresses',
};

const MARKS: Readonly<Record<ChangeAction, string>> = { create: '+', update: '~', delete: '-' };
const COLOURS: Readonly<Record<ChangeAction | 'warning', number>> = { create: 32, update: 33, delete: 31, warning: 35 };
/** Nodes that a line names. */
const MAX_NODES = 6;

export type Paint = (what: ChangeAction | 'warning', text: string) => string;

/** Colours where the result goes to a terminal. */
export function painter({ io }: CommandContext): Paint {
  const isTerminal = (io.stdout as { isTTY?: boolean }).isTTY === true || io.env.FORCE_COLOR !== undefined;
  return io.terminal.colour && isTerminal ? (what, text) => `\u001b[${COLOURS[what]}m${text}\u001b[39m` : (_what, text) => text;
}

/** A thing in words: `topic OrderPaid`. */
export function thingText({ kind, name }: Pick<Change, 'kind' | 'name'>): string {
  return kind === 'whiteAddrs' ? KIND_WORDS[kind] : `${KIND_WORDS[kind]} ${name}`;
}

/** A change as lines: what, where, and each field that is different. */
export function changeLines(change: Change, paint: Paint): string[] {
  const { action, nodes, warnings } = change;
  const lines = [`${paint(action, `${MARKS[action]} ${thingText(change)}`)} on ${nodesText(nodes)}`];
  for (const warning of warnings) {
    lines.push(paint('warning', `    ! ${warning}`));
  }
  for (const [text, its] of fieldsByText(nodes)) {
    lines.push(`    ${text}${its.length === nodes.length ? '' : ` (${nodesText(its)})`}`);
  }
  return lines;
}

/** What each field becomes, with the nodes of which it is true. */
function fieldsByText(nodes: readonly NodeChange[]): Map<string, NodeChange[]> {
  const texts = new Map<string, NodeChange[]>();
  const put = (text: string, node: NodeChange): void => void texts.set(text, [...(texts.get(text) ?? []), node]);
  const actions = new Set(nodes.map((node) => node.action));
  for (const node of nodes) {
    if (actions.size > 1 && node.action !== 'update') {
      put(node.action === 'create' ? 'is not there, and is made' : 'is there, and is not declared', node);
    }
    for (const { field, from, to } of node.fields) {
      if (node.action === 'create') {
        put(`${field}: ${valueText(to)}`, node);
      } else {
        put(`${field}: ${valueText(from)} -> ${valueText(to)}`, node);
      }
    }
  }
  return texts;
}

function valueText(value: FieldValue | null): string {
  return value === null ? 'none' : typeof value === 'string' ? value || '""' : JSON.stringify(value);
}

function nodesText(nodes: readonly NodeChange[]): string {
  const names = nodes.slice(0, MAX_NODES).map(({ node }) => node);
  return nodes.length > MAX_NODES ? `${names.join(', ')} and ${nodes.length - MAX_NODES} more` : names.join(', ');
}

const PLANNED: Readonly<Record<ChangeAction, string>> = { create: 'to create', update: 'to change', delete: 'to delete' };
const DONE: Readonly<Record<ChangeAction, string>> = { create: 'created', update: 'changed', delete: 'deleted' };

/** How many there are of each action: `2 to create, 1 to delete`. */
export function countText(changes: readonly Change[], { done = false } = {}): string {
  const words = done ? DONE : PLANNED;
  const parts = (['create', 'update', 'delete'] as const).flatMap((action) => {
    const count = changes.filter((change) => change.action === action).length;
    return count === 0 ? [] : [`${count} ${words[action]}`];
  });
  return parts.join(', ');
}
