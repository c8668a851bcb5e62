import type { ToolUnion } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  catchError,
  defaultIfEmpty,
  defer,
  forkJoin,
  from,
  map,
  type Observable,
  of,
  take,
} from 'rxjs';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import type { AnyTool, ToolSource } from './Tool.ts';
import { toolDefinitions } from './toolDefinitions.ts';

type ToolEntries = readonly (AnyTool | ToolSource)[];

/** The tools of a turn, and their definitions in the request. */
export interface TurnTools {
  readonly tools: readonly AnyTool[];
  readonly definitions: ToolUnion[];
}

/**
 * Returns a function that emits the tools of a turn: the same object for each turn, unless an entry is a
 * function.
 *
 * @throws TypeError when two tools that do not change have the same name.
 */
export function turnTools(entries: ToolEntries): (turn: number) => Observable<TurnTools> {
  const fixed = withDefinitions(fixedTools(entries));
  if (fixed.tools.length === entries.length) return () => of(fixed);
  return (turn) =>
    forkJoin(entries.map((entry) => toolsOf(entry, turn))).pipe(
      map((lists) => withDefinitions(lists.flat())),
      catchError((error: unknown) => {
        throw toMessageStreamError(error, { otherwise: 'request' });
      }),
    );
}

/** The tools that do not change. */
export function fixedTools(entries: ToolEntries): AnyTool[] {
  return entries.filter((entry) => typeof entry !== 'function');
}

function toolsOf(entry: AnyTool | ToolSource, turn: number): Observable<readonly AnyTool[]> {
  if (typeof entry !== 'function') return of([entry]);
  return defer(() => from(entry({ turn }))).pipe(
    take(1),
    defaultIfEmpty<readonly AnyTool[], readonly AnyTool[]>([]),
  );
}

function withDefinitions(tools: readonly AnyTool[]): TurnTools {
  return { tools, definitions: toolDefinitions(tools) };
}
