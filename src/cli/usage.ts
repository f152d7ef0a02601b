import { inListOrder } from './command-order.js';
import { COMMON_OPTIONS, type CommandSpec, longName, type OptionSpec, takesValue } from './options.js';

const WIDTH = 110;
const NEXT_LINE_INDENT = 7;

type Described = Pick<CommandSpec, 'id' | 'bin' | 'options'>;

/** The usage text in the form of Apache's tool: usage lines, and one line for each option that is the command's own. */
export function usageText(spec: Described): string {
  return `${usageLines(spec).join('\n')}\n${optionLines(mainOptions(spec)).join('\n')}\n`;
}

/** The whole help of a command: Apache's usage, then what is ours, a description and examples. */
export function helpText(spec: CommandSpec): string {
  const parts = [usageText(spec).trimEnd()];
  const main = new Set(mainOptions(spec).map(([key]) => key));
  const others = Object.entries(spec.options).filter(([key]) => !main.has(key));
  if (others.length > 0) {
    parts.push(`also:\n${optionLines(others).join('\n')}`);
  }
  parts.push(spec.description === undefined ? spec.summary : `${spec.summary}\n${spec.description}`);
  if (spec.examples.length > 0) {
    parts.push(`example${spec.examples.length === 1 ? '' : 's'}:\n${spec.examples.map((example) => `  ${example}`).join('\n')}`);
  }
  return `${parts.join('\n\n')}\n`;
}

/** The list printed when no command is named; commands of Apache's tool in its order. */
export function commandListText(
  bin: string,
  commands: readonly { readonly id: string; readonly summary?: string | undefined; readonly hidden?: boolean | undefined }[],
): string {
  const rows = inListOrder(commands)
    .filter((command) => command.hidden !== true)
    .map((command) => `   ${command.id.padEnd(35)} ${command.summary ?? ''}`.trimEnd());
  return [
    `The most commonly used ${bin} commands are:`,
    ...rows,
    '',
    `See '${bin} help <command>' for more information on a specific command.`,
    '',
  ].join('\n');
}

type Entry = [string, OptionSpec];

function sortKey([key, spec]: Entry): string {
  return (spec.short ?? longName(key, spec)).toLowerCase();
}

/** Of a command of Apache's what it has there, of ours all but what every command has. */
function mainOptions({ options }: Described): Entry[] {
  const entries = Object.entries(options);
  const isOurs = entries.every(([key, option]) => option.own === true || key in COMMON_OPTIONS);
  return entries.filter(([key, option]) => option.own !== true || (isOurs && !(key in COMMON_OPTIONS)));
}

function sorted(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : sortKey(a) > sortKey(b) ? 1 : 0));
}

function usageLines(spec: Described): string[] {
  const entries = mainOptions(spec);
  const doneGroups = new Set<string>();
  let text = `usage: ${spec.id === '' ? spec.bin : `${spec.bin} ${spec.id}`} `;
  const ordered = sorted(entries);
  for (const [i, entry] of ordered.entries()) {
    const group = entry[1].group;
    if (group === undefined) {
      text += usageItem(entry, entry[1].required === true);
    } else if (!doneGroups.has(group)) {
      doneGroups.add(group);
      const members = sorted(entries.filter(([, option]) => option.group === group)).map((member) => usageItem(member, true));
      const required = entry[1].groupRequired === true;
      // Apache's formatter leaves two blanks behind a required group of two, and one more for each further member.
      text += required ? `${members.join(' | ')}${' '.repeat(members.length - 1)}` : `[${members.join(' | ')}]`;
    } else {
      continue;
    }
    if (i < ordered.length - 1) {
      text += ' ';
    }
  }
  return wrap(text, NEXT_LINE_INDENT);
}

function usageItem([key, spec]: Entry, required: boolean): string {
  const name = spec.short === undefined ? `--${longName(key, spec)}` : `-${spec.short}`;
  const value = takesValue(spec) ? (spec.kind === 'optionalText' ? ' [<arg>]' : ' <arg>') : '';
  return required ? `${name}${value}` : `[${name}${value}]`;
}

function optionLines(entries: readonly Entry[]): string[] {
  const rows = sorted(entries).map(([key, spec]): [string, string] => {
    const long = `--${longName(key, spec)}`;
    const name = spec.short === undefined ? `    ${long}` : ` -${spec.short},${long}`;
    return [`${name}${takesValue(spec) ? (spec.kind === 'optionalText' ? ' [<arg>]' : ' <arg>') : ''}`, spec.text];
  });
  const column = Math.max(...rows.map(([name]) => name.length)) + 3;
  return rows.flatMap(([name, text]) => wrap(`${name.padEnd(column)}${text}`, column));
}

/** Breaks at blanks before the width; a word longer than a line is cut. */
function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let rest = text;
  for (;;) {
    const newline = rest.indexOf('\n');
    if (rest.length <= WIDTH && newline < 0) {
      lines.push(rest.trimEnd());
      return lines;
    }
    let cut = newline >= 0 && newline <= WIDTH ? newline : rest.lastIndexOf(' ', WIDTH);
    if (cut <= indent && lines.length > 0) {
      cut = WIDTH;
    }
    lines.push(rest.slice(0, cut).trimEnd());
    rest = `${' '.repeat(indent)}${rest.slice(cut).trim()}`;
  }
}
