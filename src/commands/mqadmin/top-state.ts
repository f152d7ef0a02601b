/* What the live view of top shows and how keys change it; drawing is in top-screen.ts. */
import { nameShown } from '../../client/admin/name-filter.js';
import type { TopRound } from '../../client/admin/top-round.js';
import {
  cutTo,
  defaultSort,
  headLines,
  orderedRound,
  sortKeys,
  type TableLine,
  TOP_VIEWS,
  type TopView,
  tableLines,
} from './top-tables.js';

/** All that keys can change. */
export interface TopState {
  readonly view: TopView;
  /** Null: each table's own order. */
  readonly sort: string | null;
  readonly isReverse: boolean;
  readonly filter: string;
  /** The filter while it is typed; null otherwise. */
  readonly typing: string | null;
  /** First row shown. */
  readonly offset: number;
  readonly isPaused: boolean;
  readonly intervalMs: number;
}

/** What a key leads to besides a new state. */
export type TopAction = 'quit' | 'refresh' | 'suspend' | 'draw';

const MIN_INTERVAL_MS = 500;
const MAX_INTERVAL_MS = 3_600_000;
const PAGE = 10;
const FOOTER = 'q quit  1-4 view  s sort  r reverse  / filter  ↑↓ scroll  +- interval  p pause';

/** The keys in what a terminal sent at once. */
export function keysOf(input: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals send them
  return input.match(/\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|./gsu) ?? [];
}

export function onKey(state: TopState, key: string): { readonly state: TopState; readonly action: TopAction } {
  if (key === '\x03') {
    return { state, action: 'quit' };
  }
  if (key === '\x1a') {
    return { state, action: 'suspend' };
  }
  return state.typing === null ? onCommand(state, key) : { state: onTyping(state, state.typing, key), action: 'draw' };
}

function onTyping(state: TopState, typing: string, key: string): TopState {
  switch (key) {
    case '\r':
    case '\n':
      return { ...state, typing: null, filter: typing.trim(), offset: 0 };
    case '\x1b':
      return { ...state, typing: null };
    case '\x7f':
    case '\b':
      return { ...state, typing: typing.slice(0, -1) };
    case '\x15':
      return { ...state, typing: '' };
    default:
      return key.length === 1 && key >= ' ' ? { ...state, typing: typing + key } : state;
  }
}

function onCommand(state: TopState, key: string): { readonly state: TopState; readonly action: TopAction } {
  const draw = (change: Partial<TopState>): { state: TopState; action: TopAction } => ({ state: { ...state, ...change }, action: 'draw' });
  const scroll = (by: number): { state: TopState; action: TopAction } => draw({ offset: Math.max(0, state.offset + by) });
  const view = key === '\t' ? TOP_VIEWS[(TOP_VIEWS.indexOf(state.view) + 1) % TOP_VIEWS.length] : TOP_VIEWS[Number(key) - 1];
  if (view !== undefined) {
    return { state: { ...state, view, sort: null, isReverse: false, offset: 0 }, action: 'refresh' };
  }
  switch (key) {
    case 'q':
    case 'Q':
      return { state, action: 'quit' };
    case ' ':
      return { state, action: 'refresh' };
    case 's':
    case 'S':
      return draw({ sort: nextSort(state, key === 's' ? 1 : -1) });
    case 'r':
      return draw({ isReverse: !state.isReverse });
    case '/':
      return draw({ typing: state.filter });
    case '\x1b':
      return draw({ filter: '', offset: 0 });
    case 'p':
      return draw({ isPaused: !state.isPaused });
    case '+':
      return draw({ intervalMs: Math.min(MAX_INTERVAL_MS, state.intervalMs * 2) });
    case '-':
      return draw({ intervalMs: Math.max(MIN_INTERVAL_MS, state.intervalMs / 2) });
    case '\x1b[A':
    case '\x1bOA':
    case 'k':
      return scroll(-1);
    case '\x1b[B':
    case '\x1bOB':
    case 'j':
      return scroll(1);
    case '\x1b[5~':
      return scroll(-PAGE);
    case '\x1b[6~':
      return scroll(PAGE);
    case 'g':
    case '\x1b[H':
      return draw({ offset: 0 });
    default:
      return draw({});
  }
}

function nextSort({ view, sort }: TopState, step: number): string {
  const keys = sortKeys(view);
  const at = keys.indexOf(sort ?? defaultSort(view) ?? '');
  return keys[(at + step + keys.length) % keys.length] ?? '';
}

/** A line of the screen and how it is drawn. */
export interface ScreenLine {
  readonly text: string;
  readonly kind: TableLine['kind'] | 'plain' | 'footer';
}

/** The whole screen: exactly `height` lines, none wider than `width`; and the first row shown, where scrolling went past the end. */
export function screenLines(
  { round, problem }: { round: TopRound | null; problem: string | null },
  state: TopState,
  { width, height }: { width: number; height: number },
): { readonly lines: readonly ScreenLine[]; readonly offset: number } {
  const plain = (text: string): ScreenLine => ({ text: cutTo(text, width), kind: 'plain' });
  const head = round === null ? [plain('asking the brokers …')] : headLines(round, width).map(plain);
  const notes = [
    `every ${state.intervalMs / 1000}s`,
    ...(state.isPaused ? ['PAUSED'] : []),
    ...(state.filter === '' ? [] : [`filter ${state.filter}`]),
    ...(state.sort === null ? [] : [`sort ${state.sort}${state.isReverse ? ' reversed' : ''}`]),
    ...(problem === null ? [] : [problem]),
  ];
  const footer: ScreenLine = { text: cutTo(state.typing === null ? FOOTER : `filter: ${state.typing}_`, width), kind: 'footer' };
  const top = [...head, plain(`${state.view}   ${notes.join('   ')}`)];
  const room = Math.max(0, height - top.length - 1);
  const { lines: body, offset } = round === null ? { lines: [], offset: 0 } : bodyLines(round, state, { width, height: room });
  const filled = [...top.slice(0, Math.max(0, height - 1)), ...body];
  while (filled.length < height - 1) {
    filled.push(plain(''));
  }
  return { lines: [...filled.slice(0, height - 1), footer], offset };
}

function bodyLines(
  round: TopRound,
  state: TopState,
  { width, height }: { width: number; height: number },
): { lines: ScreenLine[]; offset: number } {
  const { view, sort, isReverse, filter } = state;
  const shown = orderedRound(round, view, { sort, isReverse, isShown: nameShown(filter) });
  const tables = view === 'cluster' ? (['brokers', 'groups', 'topics'] as const) : [view];
  const all = tables.map((table) => tableLines(shown, table, width));
  const rooms = shares(
    all.map((lines) => lines.length),
    height - (tables.length - 1),
  );
  let offset = 0;
  const lines = all.flatMap((its, i): ScreenLine[] => {
    const room = rooms[i] ?? 0;
    const [title, ...rows] = its;
    const from = view === 'cluster' ? 0 : Math.max(0, Math.min(state.offset, rows.length - (room - 1)));
    offset = from;
    const part = title === undefined || room <= 0 ? [] : [title, ...rows.slice(from, from + room - 1)];
    const hidden = rows.length - Math.max(0, part.length - 1);
    if (hidden > 0 && part.length > 1 && view === 'cluster') {
      part[part.length - 1] = {
        kind: 'row',
        text: cutTo(`… ${hidden + 1} more: press ${TOP_VIEWS.indexOf(tables[i] ?? 'cluster') + 1}`, width),
      };
    }
    return i === 0 || part.length === 0 ? part : [{ kind: 'plain', text: '' }, ...part];
  });
  return { lines, offset };
}

/** Lines for each table: what it needs where there is room for all, else a fair part, and what others leave. */
function shares(needs: readonly number[], height: number): number[] {
  let rest = Math.max(0, height);
  const order = needs.map((need, i) => ({ need, i })).sort((a, b) => a.need - b.need);
  const rooms = needs.map(() => 0);
  for (const [at, { need, i }] of order.entries()) {
    const room = Math.min(need, Math.floor(rest / (order.length - at)));
    rooms[i] = room;
    rest -= room;
  }
  return rooms;
}
