import { fromRecording, type BetaStreamEvent, type StreamEvent } from 'claude-rx';
import { messageEvents, record } from 'claude-rx/testing';
import { asapScheduler, from, type Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('gives the events of a reply, or of a beta one', () => {
  expectTypeOf(fromRecording('')).toEqualTypeOf<Observable<StreamEvent>>();
  expectTypeOf(fromRecording<BetaStreamEvent>('')).toEqualTypeOf<Observable<BetaStreamEvent>>();
});

it('takes a text, lines, parsed lines and a builder', () => {
  fromRecording(['{}'], { speed: 2, scheduler: asapScheduler });
  fromRecording(messageEvents.text('Hi'));
  fromRecording([{ at: 0, event: { type: 'ping' } }]);
  // @ts-expect-error -- a number is no recording
  fromRecording(42);
});

it('is written by record', () => {
  expectTypeOf(from(messageEvents.text('Hi')).pipe(record())).toEqualTypeOf<Observable<string>>();
});
