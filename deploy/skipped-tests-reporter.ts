import type { TestEvent } from 'node:test/reporters';

/** A reporter for node:test that ends with every skipped test and the reason it gave. */
export default async function* reportSkippedTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped: string[] = [];
  for await (const event of events) {
    if (event.type !== 'test:pass' || event.data.skip === undefined) continue;
    const reason = typeof event.data.skip === 'string' ? event.data.skip : 'no reason given';
    skipped.push(`  ${event.data.name}: ${reason}`);
  }
  yield skipped.length === 0 ? '\nNo test was skipped.\n' : `\nSkipped tests:\n${skipped.join('\n')}\n`;
}
