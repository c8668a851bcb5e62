import { fromResponse, type StreamEvent } from 'claude-rx';
import type { Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('takes a response, a promise of one, or a function', () => {
  type Events = Observable<StreamEvent>;
  expectTypeOf(fromResponse(new Response())).toEqualTypeOf<Events>();
  expectTypeOf(fromResponse(fetch(''))).toEqualTypeOf<Events>();
  expectTypeOf(fromResponse((signal) => fetch('', { signal }))).toEqualTypeOf<Events>();
  expectTypeOf(fromResponse(() => fetch(''))).toEqualTypeOf<Events>();
  // @ts-expect-error: a URL is no response
  fromResponse('https://example.com');
});
