import type { Fault } from './Fault.ts';
import type { Step } from './Step.ts';

type Send = Extract<Step, { do: 'send' }>;

/**
 * Inserts faults at their byte offsets in the body. The bytes of a fault itself are not counted; an offset
 * beyond the end is the end.
 */
export function cutAtBytes(
  faults: readonly Fault[],
  stepsOf: (fault: Fault) => Iterable<Step>,
): (step: Step) => Generator<Step> {
  const pending = faults.toSorted((one, other) => one.atByte! - other.atByte!);
  let offset = 0;
  return function* (step) {
    if (step.do === 'end') {
      while (pending.length > 0) yield* stepsOf(pending.shift()!);
    }
    if (step.do !== 'send' || pending.length === 0) return yield step;
    const { bytes, events } = step;
    const start = offset;
    offset += bytes.length;
    let sent = 0;
    const upTo = function* (end: number): Generator<Step> {
      const whole = end === bytes.length;
      if (end > sent) {
        yield { do: 'send', bytes: bytes.subarray(sent, end), events: whole ? events : 0 };
      }
      sent = end;
    };
    while (pending[0] && pending[0].atByte! <= offset) {
      const fault = pending.shift()!;
      yield* upTo(fault.atByte! - start);
      yield* stepsOf(fault);
    }
    yield* upTo(bytes.length);
  };
}

/** Divides the body into pieces of `size` bytes; `'event'` does not change it. */
export function rechunk(size: number | 'event'): (step: Step) => Generator<Step> {
  let waiting: Send[] = [];
  let length = 0;
  let pause = 0;
  const flush = function* (): Generator<Step> {
    if (length > 0) yield take(waiting, length);
    waiting = [];
    length = 0;
  };
  return function* (step) {
    if (step.do === 'drip') {
      yield* flush();
      size = 1;
      pause = step.ms;
      return;
    }
    if (step.do !== 'send') {
      yield* flush();
      return yield step;
    }
    if (size === 'event') return yield step;
    waiting.push(step);
    length += step.bytes.length;
    while (length >= size && length > 0) {
      yield take(waiting, size);
      length -= size;
      if (pause > 0) yield { do: 'wait', ms: pause };
    }
  };
}

/** Removes and returns the first `length` bytes of `waiting`. */
function take(waiting: Send[], length: number): Send {
  const bytes = new Uint8Array(length);
  let filled = 0;
  let events = 0;
  let whole = 0;
  while (filled < length) {
    const next = waiting[whole]!;
    const part = next.bytes.subarray(0, length - filled);
    bytes.set(part, filled);
    filled += part.length;
    if (part.length === next.bytes.length) {
      events += next.events;
      whole++;
    } else {
      waiting[whole] = { ...next, bytes: next.bytes.subarray(part.length) };
    }
  }
  // Once at the end: removing them one by one would be quadratic.
  waiting.splice(0, whole);
  return { do: 'send', bytes, events };
}
