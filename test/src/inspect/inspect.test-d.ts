import { fromMessages, textOnly, Valve } from 'claude-rx';
import {
  attachInspector,
  connectInspector,
  drawInspection,
  inspect,
  Inspection,
  type InspectedRun,
  type InspectorEntry,
  type SvgNode,
  svgElement,
} from 'claude-rx/inspect';
import type Anthropic from '@anthropic-ai/sdk';
import { map, type MonoTypeOperatorFunction, type Observable, of, type Subscription } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const client: Anthropic;
declare const params: Anthropic.MessageCreateParamsNonStreaming;
declare const run: InspectedRun;

it('passes the type through a pipe, on both sides', () => {
  const reply = fromMessages(client, params).pipe(inspect('api'), textOnly(), inspect('text'));
  expectTypeOf(reply).toEqualTypeOf<Observable<string>>();
  const length = of('a').pipe(
    inspect('x', { content: true }),
    map((text) => text.length),
  );
  expectTypeOf(length).toEqualTypeOf<Observable<number>>();
  expectTypeOf(inspect<number>('x', { valve: new Valve() })).toEqualTypeOf<
    MonoTypeOperatorFunction<number>
  >();
  // @ts-expect-error A stage has a name.
  inspect();
  // @ts-expect-error No such option.
  inspect('x', { contents: true });
});

it('attaches, keeps and draws', () => {
  const inspection = new Inspection({ marks: 10 });
  expectTypeOf(
    attachInspector((entry) => {
      expectTypeOf(entry).toEqualTypeOf<InspectorEntry>();
      inspection.push(entry);
    }),
  ).toEqualTypeOf<Subscription>();
  expectTypeOf(connectInspector('http://127.0.0.1/', { name: 'x' })).toEqualTypeOf<Subscription>();
  const { node } = drawInspection(run, { from: 0, to: 1, width: 2 });
  expectTypeOf(node).toEqualTypeOf<SvgNode>();
  expectTypeOf(svgElement(node)).toEqualTypeOf<SVGElement>();
});
