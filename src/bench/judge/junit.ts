import type { Verdict } from './verdict.js';

/** What a JUnit file says of a run. */
export interface JunitRun {
  /** `mqbench producer`. */
  readonly name: string;
  readonly startedAt: string;
  /** Length of the run in seconds. */
  readonly seconds: number;
  readonly verdicts: readonly Verdict[];
  /** Why the run has no result, or one that is only a part of it. */
  readonly failure?: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** The XML that CI systems read: a test case for the run itself and one for each assertion. */
export function junitXml(run: JunitRun): string {
  const failed = run.verdicts.filter(({ passed }) => !passed);
  const errors = run.failure === undefined ? 0 : 1;
  const counts = `tests="${run.verdicts.length + 1}" failures="${failed.length}" errors="${errors}" time="${run.seconds}"`;
  const className = attributeText(run.name.replaceAll(' ', '.'));
  const open = (name: string, seconds: number): string =>
    `    <testcase classname="${className}" name="${attributeText(name)}" time="${seconds}"`;
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="mqbench" ${counts}>`,
    `  <testsuite name="${attributeText(run.name)}" ${counts} skipped="0" timestamp="${attributeText(run.startedAt.replace(/\.\d+Z$/, ''))}">`,
    '    <properties>',
    ...Object.entries(run.properties).map(
      ([name, value]) => `      <property name="${attributeText(name)}" value="${attributeText(value)}"/>`,
    ),
    '    </properties>',
    run.failure === undefined
      ? `${open('run', run.seconds)}/>`
      : `${open('run', run.seconds)}><error message="${attributeText(run.failure)}"/></testcase>`,
    ...run.verdicts.map(({ expression, passed, reason = 'failed' }) =>
      passed ? `${open(expression, 0)}/>` : `${open(expression, 0)}><failure message="${attributeText(reason)}"/></testcase>`,
    ),
    '  </testsuite>',
    '</testsuites>',
  ];
  return `${lines.join('\n')}\n`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Text for an attribute. XML 1.0 has no way to write most control characters, nor half a surrogate pair: they become blanks. */
function attributeText(text: string): string {
  return [...text].map((char) => ENTITIES[char] ?? (isXml(char) ? char : ' ')).join('');
}

function isXml(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return code >= 0x20 && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
}
