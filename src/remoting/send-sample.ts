/** Fields of a SEND_MESSAGE_V2 header as Java's producer writes them, in its order: what benchmarks and tests of the hot codecs read. */
export const SEND_SAMPLE = {
  a: 'PG_bench',
  b: 'BenchmarkTest',
  c: 'TBW102',
  d: '4',
  e: '3',
  f: '0',
  g: '1795233613124',
  h: '0',
  i: 'UNIQ_KEY\u0001AC11000100002A9F000000000000ABCD\u0002WAIT\u0001true\u0002',
  j: '0',
  k: 'false',
  m: 'false',
  n: 'broker-a',
};
