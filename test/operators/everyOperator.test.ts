import { MessageStreamError, type StreamEvent } from 'claude-rx';
import * as operators from 'claude-rx/operators';
import { messageEvents } from 'claude-rx/testing';
import { EMPTY, map, NEVER, type Observable, of, Subject, takeUntil, tap } from 'rxjs';
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
  segmentText: (source) => source.pipe(textOnly(), operators.segmentText('sentence')),
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

const refused = new MessageStreamError('Refused', { code: 'request' });
const reply = [...messageEvents.text('Hello world', { chunk: 1 })];

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

  it('passes an error on, or reports it and completes', () => {
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
