import { MessageStreamError, type StreamEvent } from 'claude-rx';
import * as operators from 'claude-rx/operators';
import { messageEvents } from 'claude-rx/testing';
import { EMPTY, map, NEVER, type Observable, of, Subject, take, takeUntil, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { outcomeOf, synchronous } from './events.ts';

type Operator = (source: Observable<StreamEvent>) => Observable<unknown>;

const { textOnly } = operators;

/** Each operator, with arguments that let every error pass. */
const every: Record<string, Operator> = {
  accumulateMessage: operators.accumulateMessage(),
  accumulateText: operators.accumulateText(),
  accumulateUsage: operators.accumulateUsage(),
  auditFrame: (source) => source.pipe(operators.auditFrame({ every: 0 })),
  bufferText: (source) => source.pipe(textOnly(), operators.bufferText(50)),
  citationsOnly: operators.citationsOnly(),
  coalesceMap: (source) =>
    source.pipe(
      textOnly(),
      operators.coalesceMap((piece) => of(piece)),
    ),
  contentBlocks: operators.contentBlocks(),
  eventsOfType: (source) => source.pipe(operators.eventsOfType('content_block_delta')),
  fallbackTo: operators.fallbackTo<StreamEvent>({ resume: () => NEVER, when: () => false }),
  finalMessage: operators.finalMessage(),
  finalText: operators.finalText(),
  jsonElements: operators.jsonElements(z.unknown()),
  jsonOutput: operators.jsonOutput(z.unknown()),
  jsonPath: (source) =>
    source.pipe(
      map((event) => ({ value: event })),
      operators.jsonPath(['type']),
    ),
  measureStream: operators.measureStream(() => {}),
  messageState: operators.messageState(),
  messageTimeout: operators.messageTimeout({ total: 60_000 }),
  requireMessageStop: operators.requireMessageStop(),
  retryResumable: operators.retryResumable<StreamEvent>({ resume: () => NEVER, count: 0 }),
  segmentText: (source) => source.pipe(textOnly(), operators.segmentText('word')),
  shareMessage: operators.shareMessage(),
  smoothText: (source) => source.pipe(textOnly(), operators.smoothText()),
  takeUntilAborted: operators.takeUntilAborted(new AbortController().signal),
  textOnly: textOnly(),
  thinkingOnly: operators.thinkingOnly(),
  toolInput: operators.toolInput('get_weather'),
  toolUses: operators.toolUses(),
  toSse: operators.toSse(),
};

/** These report an error as a value, and complete. */
const REPORT = new Set(['messageState', 'toSse']);

/** These give what they have later, by the clock. */
const LATER = new Set(['auditFrame', 'bufferText', 'smoothText']);

const refused = new MessageStreamError('Refused', { code: 'request' });
const reply = [...messageEvents.text('Hello world', { chunk: 1 })];

/** Something for each operator, and another message behind it. */
const citations = [{ type: 'page_location', cited_text: 'a' } as never];
const rich = [
  ...messageEvents
    .thinking('Let me see', { chunk: 4 })
    .text('["Paris", "Rome"]', { chunk: 3, citations })
    .toolUse('get_weather', { city: 'Paris' }, { chunk: 4 })
    .toolUse('get_weather', { city: 'Rome' }),
  ...reply,
];

/** With how many events the first value comes; `undefined` where it comes with none of them. */
function firstAt(operator: Operator): number | undefined {
  const source = new Subject<StreamEvent>();
  const outcome = outcomeOf(operator(source));
  let count = 0;
  while (outcome.values.length === 0 && count < rich.length) source.next(rich[count++]!);
  return outcome.values.length > 0 ? count : undefined;
}

it('the table has every operator', () => {
  expect(Object.keys(every).toSorted()).toEqual(Object.keys(operators).toSorted());
});

describe.each(Object.entries(every))('%s', (name, operator) => {
  it('unsubscribes the source when it is unsubscribed', () => {
    const source = new Subject<StreamEvent>();
    const subscription = operator(source).subscribe();
    source.next(reply[0]!);
    expect(source.observed).toBe(true);
    subscription.unsubscribe();
    expect(source.observed).toBe(false);
  });

  it('stops a synchronous source when it is unsubscribed', () => {
    const left = new Subject<void>();
    const { source, taken } = synchronous(reply);
    const leaving = source.pipe(tap((event) => event === reply[3] && left.next()));
    operator(leaving).pipe(takeUntil(left)).subscribe();
    expect(taken()).toBe(4);
  });

  it('takes no more from a synchronous source than needed', () => {
    const { source, taken } = synchronous(rich);
    const first = firstAt(operator);
    const { values } = outcomeOf(operator(source).pipe(take(1)));
    expect(first).toSatisfy((count) =>
      LATER.has(name) ? count === undefined : count < rich.length,
    );
    if (first !== undefined) expect([values.length, taken()]).toEqual([1, first]);
  });

  it('passes an error on, or emits it as a state and completes', () => {
    const source = new Subject<StreamEvent>();
    const outcome = outcomeOf(operator(source));
    source.next(reply[0]!);
    source.error(refused);
    if (!REPORT.has(name))
      expect(outcome.error).toMatchObject({ message: 'Refused', code: 'request' });
    expect(outcome.completed).toBe(REPORT.has(name));
  });

  it('ends when the source completes', () => {
    const outcome = outcomeOf(operator(EMPTY));
    expect(outcome.completed || outcome.error instanceof MessageStreamError).toBe(true);
  });
});
