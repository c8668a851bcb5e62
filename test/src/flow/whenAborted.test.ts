import { takeUntilAborted } from 'claude-rx';
import { EventEmitter, getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { NEVER, type Subscription } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';

describe('fifty replies with one signal', () => {
  it('print no warning, all error when it aborts, and remove their listener', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    expect(EventEmitter.defaultMaxListeners).toBe(10);
    const stop = new AbortController();
    const codes: string[] = [];
    const read = (): Subscription =>
      NEVER.pipe(takeUntilAborted(stop.signal)).subscribe({
        error: ({ code }: { code: string }) => codes.push(code),
      });
    const replies = Array.from({ length: 50 }, read);
    await turn();
    expect(warnings).toEqual([]);
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
    for (const reply of replies.slice(0, 20)) reply.unsubscribe();
    stop.abort();
    expect(codes).toEqual(Array.from({ length: 30 }, () => 'aborted'));
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
  });

  it('remove their listener from a signal that does not abort', () => {
    const { signal } = new AbortController();
    const read = () => NEVER.pipe(takeUntilAborted(signal)).subscribe();
    for (let round = 0; round < 2; round++) {
      const replies = [read(), read()];
      for (const reply of replies) reply.unsubscribe();
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    }
  });
});
