import type {
  BetaToolUnion,
  BetaToolUseBlock,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  Tool as ToolParam,
  ToolResultBlockParam,
  ToolUnion,
  ToolUseBlock,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { Observable, ObservableInput } from 'rxjs';
import type { DeepPartial } from '../json/DeepPartial.ts';
import type { InputOf, OutputOf, StandardSchema } from '../json/StandardSchema.ts';
import type { ResumedSubagent } from './ToolAnswer.ts';

/** A call as the model wrote it: a block of its reply. */
export type ToolUse = ToolUseBlock | BetaToolUseBlock;

/** What a tool knows of the call that it works for. */
export interface ToolContext<Input = unknown> {
  /**
   * Aborts when nobody waits for the call any more: the Observable of `runTools` was unsubscribed or
   * failed, the time was up, or the reply took the call back.
   */
  readonly signal: AbortSignal;
  /** The `id` of the call. */
  readonly toolUseId: string;
  /** The number of the turn, from 1; 0 for a call that the option `answers` has approved. */
  readonly turn: number;
  /**
   * The input while the model writes it, as immutable snapshots that share what has not changed; who
   * comes later begins with the latest. It completes when the call is complete or taken back, so it
   * is live in `preview`, and has its last value in `run`.
   */
  readonly partial$: Observable<DeepPartial<Input>>;
}

/** A tool of yours, as `defineTool` gives it. */
export interface DefinedTool<Schema extends StandardSchema = StandardSchema> {
  readonly name: string;
  /** What the model is told of it: an entry of the request's `tools`. */
  readonly definition: ToolParam;
  readonly input: Schema;
  readonly timeout?: number | undefined;
  readonly eager?: boolean | undefined;
  // Methods, so that a tool of any schema is a `DefinedTool`.
  run?(input: OutputOf<Schema>, context: ToolContext<InputOf<Schema>>): unknown;
  resume?(
    input: OutputOf<Schema>,
    resumed: ResumedSubagent,
    context: ToolContext<InputOf<Schema>>,
  ): unknown;
  preview?(context: ToolContext<InputOf<Schema>>): Observable<unknown>;
  /** What the model gets of what `run` gave. Default: text and blocks as they are, else JSON. */
  toContent?(value: unknown): ToolResultBlockParam['content'];
}

/**
 * A runnable tool of the SDK, by shape: what `betaZodTool`, `betaTool`, `betaMemoryTool`, `mcpTools`
 * and the like give.
 */
export interface SdkTool {
  readonly name: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- as the SDK types it
  run(input: any, context?: any): unknown;
  parse?(input: unknown): unknown;
}

/** A runnable toolset of the SDK, by shape: its calls name a member of it, and its family. */
export interface SdkToolset {
  readonly type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- as the SDK types it
  run(context: any, toolUse: any): unknown;
}

/** What `runTools` takes: tools to run here, and plain definitions of those that run at Anthropic. */
export type AnyTool = DefinedTool | SdkTool | SdkToolset | ToolUnion | BetaToolUnion;

/** Gives the tools for a turn: its first value counts. */
export type ToolSource = (context: {
  /** The number of the turn, from 1. */
  readonly turn: number;
}) => ObservableInput<readonly AnyTool[]>;

/** Whether it is a tool of `defineTool`. */
export function isDefined(tool: AnyTool): tool is DefinedTool {
  return 'definition' in tool && 'input' in tool;
}

/** Whether it is a tool or a toolset of the SDK that is to be run here. */
export function isRunnable(tool: AnyTool): tool is SdkTool | SdkToolset {
  return 'run' in tool && typeof tool.run === 'function';
}
