import type { RunAgentInput } from '@ag-ui/core';
import { z } from 'zod';

// `fromRunInput` reads what is in the lists; here they are limited.
const list = (max: number) => z.array(z.looseObject({})).max(max);

/** The input of a run of AG-UI. */
export const AgentRequest = z.looseObject({
  threadId: z.string().max(200),
  runId: z.string().max(200),
  messages: list(400).min(1),
  tools: list(50).optional(),
  context: list(50).optional(),
  resume: list(50).optional(),
}) as unknown as z.ZodType<RunAgentInput>;
export type AgentRequest = RunAgentInput;
