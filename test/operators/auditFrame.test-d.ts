import { auditFrame, type AuditFrameConfig, fromResponse, messageState } from 'claude-rx';
import { asyncScheduler, type Observable, of } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('keeps the type of the values', () => {
  const state = fromResponse(() => fetch('/')).pipe(messageState());
  expectTypeOf(state.pipe(auditFrame())).toEqualTypeOf<typeof state>();
  expectTypeOf(of(1).pipe(auditFrame({ every: 100 }))).toEqualTypeOf<Observable<number>>();
});

it('takes a config, or nothing', () => {
  expectTypeOf(auditFrame).parameters.toEqualTypeOf<[(AuditFrameConfig | undefined)?]>();
  auditFrame({ every: 16, scheduler: asyncScheduler });
  // @ts-expect-error: a number alone is not a config.
  auditFrame(16);
});
