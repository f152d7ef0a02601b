import { describe, expect, it } from 'vitest';
import { junitXml } from '../../../src/bench/judge/junit.js';
import { markdownSummary } from '../../../src/bench/judge/markdown.js';

const verdicts = [
  { expression: 'send.errors==0', actual: 0, limit: 0, passed: true },
  { expression: 'send.latencyMs.p99<20', actual: 23.4, limit: 20, passed: false, reason: 'was 23.4 ms, 3.4 ms (17 %) above 20 ms' },
];

describe('a JUnit file', () => {
  const run = { name: 'mqbench producer', startedAt: '2026-01-02T03:04:05.678Z', seconds: 10.5, verdicts, properties: { node: 'v20' } };

  it('has a test case for the run and one for each assertion', () => {
    const xml = junitXml(run);
    expect(xml).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites /);
    expect(xml).toContain(
      '<testsuite name="mqbench producer" tests="3" failures="1" errors="0" time="10.5" skipped="0" timestamp="2026-01-02T03:04:05">',
    );
    expect(xml).toContain('<property name="node" value="v20"/>');
    expect(xml).toContain('<testcase classname="mqbench.producer" name="run" time="10.5"/>');
    expect(xml).toContain('<testcase classname="mqbench.producer" name="send.errors==0" time="0"/>');
    expect(xml).toContain(
      'name="send.latencyMs.p99&lt;20" time="0"><failure message="was 23.4 ms, 3.4 ms (17 %) above 20 ms"/></testcase>',
    );
  });

  it('says why a run has no result, whatever characters that takes', () => {
    const xml = junitXml({ ...run, verdicts: [], failure: 'no "route" <here> & \u0000 there\ud800' });
    expect(xml).toContain('tests="1" failures="0" errors="1"');
    expect(xml).toContain('<error message="no &quot;route&quot; &lt;here&gt; &amp;   there "/>');
  });
});

describe('a Markdown summary', () => {
  const latencyMs = { mean: 0.5, p50: 0.4, p90: 1, p99: 23.4, p999: 30, p9999: 31, max: 32 };
  const result = {
    kind: 'producer',
    send: { count: 1000, seconds: 10, rate: 100, errors: 0, latencyMs },
    command: 'mqbench producer -q 1000',
  };

  it('has a row for each direction, the assertions, and the command', () => {
    expect(markdownSummary({ name: 'mqbench producer', result, verdicts }).split('\n')).toEqual([
      '### mqbench producer: 1 of 2 assertions failed',
      '',
      '|  | messages | window | msg/s | errors | mean ms | p50 | p99 | p99.9 | max |',
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
      '| send | 1,000 | 10 s | 100 | 0 | 0.500 | 0.400 | 23.4 | 30.0 | 32.0 |',
      '',
      '| assertion | actual | verdict |',
      '| --- | ---: | --- |',
      '| `send.errors==0` | 0 | passed |',
      '| `send.latencyMs.p99<20` | 23.4 | **failed**: was 23.4 ms, 3.4 ms (17 %) above 20 ms |',
      '',
      '`mqbench producer -q 1000`',
      '',
      '',
    ]);
  });

  it('has a row for each run of several', () => {
    const text = markdownSummary({ name: 'mqbench sweep', result: { kind: 'sweep', runs: [result, result] }, verdicts: [] });
    expect(text).toContain('| run 1: send | 1,000 | 10 s |');
    expect(text).toContain('| run 2: send | 1,000 | 10 s |');
  });

  it('keeps its table when a text has bars and line breaks', () => {
    const text = markdownSummary({ name: 'mqbench producer', result: {}, verdicts: [], failure: 'a | b\nc' });
    expect(text).toContain('### mqbench producer: failed\n\nThe run did not come to its end: a \\| b c\n');
  });
});
