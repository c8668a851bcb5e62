// A transform of one's own, and its test: in virtual time, without a network, with any runner.
import { textOnly } from 'claude-rx';
import { messageEvents, toMarbles } from 'claude-rx/testing';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bufferCount, map, type MonoTypeOperatorFunction } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';

/** Joins two pieces, and writes the text in capitals. */
const shout = (): MonoTypeOperatorFunction<string> => (source) =>
  source.pipe(
    bufferCount(2),
    map((pieces) => pieces.join('').toUpperCase()),
  );

test('shouts two pieces at a time', () => {
  const scheduler = new TestScheduler((actual, expected) => assert.deepEqual(actual, expected));
  scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
    const { diagram, values } = toMarbles(messageEvents.text('Hello wide world', { chunk: 5 }));
    const reply = cold(diagram, values); // start, block start, four deltas, block stop, ...
    const result = '---a-b---|';
    expectObservable(reply.pipe(textOnly(), shout())).toBe(result, {
      a: 'HELLO WIDE',
      b: ' WORLD',
    });
    expectSubscriptions(reply.subscriptions).toBe('^--------!');
  });
});

test('passes an error on', () => {
  const scheduler = new TestScheduler((actual, expected) => assert.deepEqual(actual, expected));
  scheduler.run(({ cold, expectObservable }) => {
    expectObservable(cold('-ab-#', { a: 'x', b: 'y' }).pipe(shout())).toBe('--a-#', { a: 'XY' });
  });
});
