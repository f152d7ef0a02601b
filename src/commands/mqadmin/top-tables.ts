/* What the tables of top show: columns, their order by a key, and how they fit into a width. */
import { nodeName } from '../../client/admin/node-name.js';
import type { TopBroker, TopGroup, TopRound, TopTopic } from '../../client/admin/top-round.js';

export const TOP_VIEWS = ['cluster', 'brokers', 'topics', 'groups'] as const;
export type TopView = (typeof TOP_VIEWS)[number];
type Table = Exclude<TopView, 'cluster'>;

interface Column<R> {
  /** What `--sort` calls it. */
  readonly key: string;
  readonly title: string;
  readonly isText?: boolean;
  /** Where there is no room, columns with a high number go first; 0 stays. */
  readonly rank: number;
  readonly value: (row: R) => number | string | null;
  readonly show?: (row: R) => string;
}

interface TableSpec<R> {
  readonly columns: readonly Column<R>[];
  /** Column that the rows are ordered by unless it is said otherwise. */
  readonly sort: string;
  readonly name: (row: R) => string;
  readonly rows: (round: TopRound) => readonly R[];
  readonly isBad?: (row: R) => boolean;
}

const number = <R>(key: string, title: string, rank: number, value: (row: R) => number | null, show = count): Column<R> => ({
  key,
  title,
  rank,
  value,
  show: (row) => show(value(row)),
});

const text = <R>(key: string, title: string, rank: number, value: (row: R) => string): Column<R> => ({
  key,
  title,
  rank,
  value,
  isText: true,
});

const TYPES: Readonly<Record<string, string>> = { CONSUME_ACTIVELY: 'PULL', CONSUME_PASSIVELY: 'PUSH', CONSUME_POP: 'POP' };

const BROKERS: TableSpec<TopBroker> = {
  sort: 'broker',
  name: ({ brokerName }) => brokerName,
  rows: ({ brokers }) => brokers,
  isBad: ({ isUp }) => !isUp,
  columns: [
    text('broker', 'BROKER', 0, nodeName),
    text('state', 'STATE', 0, ({ isUp, brokerId }) => (isUp ? (brokerId === 0 ? 'up' : 'slave') : 'DOWN')),
    number('in', 'IN/s', 0, ({ inTps }) => inTps, rate),
    number('out', 'OUT/s', 1, ({ outTps }) => outTps, rate),
    number('disk', 'DISK', 2, ({ diskRatio }) => diskRatio, percent),
    number('sendq', 'SENDQ', 4, ({ sendQueueSize }) => sendQueueSize),
    number('pullq', 'PULLQ', 5, ({ pullQueueSize }) => pullQueueSize),
    number('lock', 'LOCK', 7, ({ putLockMs }) => putLockMs, duration),
    number('behind', 'BEHIND', 3, ({ behindBytes }) => behindBytes, bytes),
    number('oldest', 'OLDEST', 6, ({ oldestMs }) => oldestMs, duration),
    number('topics', 'TOPICS', 9, ({ topicCount }) => topicCount),
    number('groups', 'GROUPS', 9, ({ groupCount }) => groupCount),
    text('version', 'VERSION', 8, ({ version }) => version),
    text('address', 'ADDRESS', 10, ({ brokerAddr }) => brokerAddr),
    text('cluster', 'CLUSTER', 11, ({ clusterName }) => clusterName),
  ],
};

const TOPICS: TableSpec<TopTopic> = {
  sort: 'in',
  name: ({ topic }) => topic,
  rows: ({ topics }) => topics,
  columns: [
    text('topic', 'TOPIC', 0, ({ topic }) => topic),
    number('in', 'IN/s', 0, ({ inTps }) => inTps, rate),
    number('out', 'OUT/s', 1, ({ outTps }) => outTps, rate),
    number('lag', 'LAG', 0, ({ lag }) => lag),
    number('groups', 'GROUPS', 3, ({ groupCount }) => groupCount),
    number('messages', 'MESSAGES', 2, ({ messages }) => messages),
    number('idle', 'IDLE', 4, ({ idleMs }) => idleMs, duration),
    number('queues', 'QUEUES', 5, ({ queueCount }) => queueCount),
    number('brokers', 'BROKERS', 6, ({ brokerCount }) => brokerCount),
  ],
};

const GROUPS: TableSpec<TopGroup> = {
  sort: 'lag',
  name: ({ consumerGroup }) => consumerGroup,
  rows: ({ groups }) => groups,
  isBad: ({ clients, lag }) => clients === 0 && lag > 0,
  columns: [
    text('group', 'GROUP', 0, ({ consumerGroup }) => consumerGroup),
    number('lag', 'LAG', 0, ({ lag }) => lag),
    number('delay', 'DELAY', 1, ({ delayMs }) => delayMs, duration),
    number('in', 'IN/s', 3, ({ inTps }) => inTps, rate),
    number('out', 'OUT/s', 0, ({ outTps }) => outTps, rate),
    number('drain', 'DRAIN', 4, ({ timeToDrainMs }) => timeToDrainMs, duration),
    number('clients', 'CLIENTS', 2, ({ clients }) => clients),
    text('type', 'TYPE', 6, ({ consumeType }) => TYPES[consumeType] ?? '-'),
    number('retry', 'RETRY', 5, ({ retryLag }) => retryLag),
    number('topics', 'TOPICS', 7, ({ topicCount }) => topicCount),
  ],
};

const TABLES = { brokers: BROKERS, topics: TOPICS, groups: GROUPS } as const;

/** How rows are chosen and ordered. */
export interface TableOrder {
  /** Key of a column; one that the table does not have means its own order. */
  readonly sort: string | null;
  readonly isReverse: boolean;
  /** Whether a name is shown. */
  readonly isShown: (name: string) => boolean;
}

/** Keys of the columns of a view; the overview has those of all tables. */
export function sortKeys(view: TopView): string[] {
  const tables = view === 'cluster' ? (['brokers', 'topics', 'groups'] as const) : [view];
  return [...new Set(tables.flatMap((table) => TABLES[table].columns.map(({ key }) => key)))];
}

export function defaultSort(view: TopView): string | null {
  return view === 'cluster' ? null : TABLES[view].sort;
}

/** A round with the rows that are shown, in their order; tables that the view does not have are empty. */
export function orderedRound(round: TopRound, view: TopView, order: TableOrder): TopRound {
  const rows = <R>(table: Table, spec: TableSpec<R>): readonly R[] =>
    view === 'cluster' || view === table ? ordered(spec, round, order) : [];
  return { ...round, brokers: rows('brokers', BROKERS), topics: rows('topics', TOPICS), groups: rows('groups', GROUPS) };
}

function ordered<R>(spec: TableSpec<R>, round: TopRound, { sort, isReverse, isShown }: TableOrder): R[] {
  const column = spec.columns.find(({ key }) => key === sort) ?? spec.columns.find(({ key }) => key === spec.sort);
  const compare = (a: R, b: R): number => {
    const [x, y] = [column?.value(a) ?? null, column?.value(b) ?? null];
    const byName = spec.name(a) < spec.name(b) ? -1 : spec.name(a) > spec.name(b) ? 1 : 0;
    if (typeof x === 'string' || typeof y === 'string') {
      return (String(x) < String(y) ? -1 : String(x) > String(y) ? 1 : byName) * (isReverse ? -1 : 1);
    }
    // The largest first; what is unknown comes last, whatever the direction.
    const difference = x === null || y === null ? Number(x === null) - Number(y === null) : (y - x) * (isReverse ? -1 : 1);
    return difference || byName;
  };
  return spec
    .rows(round)
    .filter((row) => isShown(spec.name(row)))
    .sort(compare);
}

/** A line of a table, and what it is. */
export interface TableLine {
  readonly text: string;
  readonly kind: 'title' | 'row' | 'bad';
}

/** Title and rows of a table of an ordered round, as wide as there is room. */
export function tableLines(round: TopRound, table: Table, width: number): TableLine[] {
  switch (table) {
    case 'brokers':
      return linesOf(BROKERS, round, width);
    case 'topics':
      return linesOf(TOPICS, round, width);
    case 'groups':
      return linesOf(GROUPS, round, width);
  }
}

const GAP = '  ';
/** Names are not cut to less. */
const MIN_NAME = 28;

function linesOf<R>(spec: TableSpec<R>, round: TopRound, width: number): TableLine[] {
  const rows = spec.rows(round);
  let columns = spec.columns.map((column) => {
    const cells = rows.map((row) => column.show?.(row) ?? String(column.value(row) ?? '-'));
    return { ...column, cells, width: Math.max(column.title.length, ...cells.map((cell) => cell.length)) };
  });
  const widthOf = (): number => columns.reduce((total, column) => total + column.width + GAP.length, -GAP.length);
  const nameWidth = columns[0]?.width ?? 0;
  const least = Math.min(nameWidth, MIN_NAME);
  while (widthOf() - nameWidth + least > width && columns.some(({ rank }) => rank > 0)) {
    const last = Math.max(...columns.map(({ rank }) => rank));
    const gone = columns.findLastIndex(({ rank }) => rank === last);
    columns = columns.filter((_, i) => i !== gone);
  }
  const room = Math.max(least, nameWidth - Math.max(0, widthOf() - width));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        const column = columns[i];
        return i === 0 ? cutTo(cell, room).padEnd(room) : column?.isText ? cell.padEnd(column.width) : cell.padStart(column?.width ?? 0);
      })
      .join(GAP)
      .trimEnd();
  return [
    { kind: 'title', text: cutTo(line(columns.map(({ title }) => title)), width) },
    ...rows.map(
      (row, i): TableLine => ({
        kind: spec.isBad?.(row) ? 'bad' : 'row',
        text: cutTo(line(columns.map(({ cells }) => cells[i] ?? '')), width),
      }),
    ),
  ];
}

/** Cut with a mark where it is too long. */
export function cutTo(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

/** A summary of the round in two lines. */
export function headLines(round: TopRound, width: number): string[] {
  const { totals, clusterNames } = round;
  const time = new Date(round.time).toTimeString().slice(0, 8);
  const down = totals.brokersDown === 0 ? '' : `, ${totals.brokersDown} DOWN`;
  const namesrvs = totals.namesrvsDown === 0 ? '' : `   ${counted(totals.namesrvsDown, 'name server')} DOWN`;
  const things = [
    `${counted(totals.brokers, 'broker')}${down}`,
    ...(totals.topics === null ? [] : [counted(totals.topics, 'topic')]),
    ...(totals.groups === null ? [] : [counted(totals.groups, 'group')]),
  ];
  const sums = [
    `in ${rate(totals.inTps)}/s`,
    `out ${rate(totals.outTps)}/s`,
    ...(totals.lag === null ? [] : [`lag ${count(totals.lag)}`]),
    ...(totals.diskRatio === null ? [] : [`fullest disk ${percent(totals.diskRatio)}`]),
  ];
  return [`${time}  ${clusterNames.join(' ')}   ${things.join('   ')}${namesrvs}`, sums.join('   ')].map((line) => cutTo(line, width));
}

function counted(number: number, name: string): string {
  return `${count(number)} ${name}${number === 1 ? '' : 's'}`;
}

function count(value: number | null): string {
  return value === null ? '-' : Math.round(value).toLocaleString('en-US');
}

function rate(value: number | null): string {
  return value === null ? '-' : value >= 100 || value === 0 ? count(value) : value.toFixed(1);
}

function percent(value: number | null): string {
  return value === null ? '-' : `${Math.round(value * 100)}%`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function bytes(value: number | null): string {
  if (value === null) {
    return '-';
  }
  const power = value < 1024 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(value) / 10));
  return `${power === 0 ? value : (value / 1024 ** power).toFixed(1)} ${BYTE_UNITS[power]}`;
}

/** The two largest units: `2d 4h`, `3m 5s`, `250ms`. */
function duration(ms: number | null): string {
  if (ms === null) {
    return '-';
  }
  if (ms < 1000) {
    return `${Math.round(ms)}ms`;
  }
  const seconds = Math.floor(ms / 1000);
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = units.findIndex(([value]) => value > 0);
  return units
    .slice(first, first + 2)
    .map(([value, unit]) => `${value}${unit}`)
    .join(' ');
}
