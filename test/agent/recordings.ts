// Lines of the real CLI 2.1.332, where they lie beside the project; tests hold without them too.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AgentMessage } from 'claude-rx/agent';

export interface AgentRecording {
  name: string;
  /** Whether it was recorded with partial messages. */
  isPartial: boolean;
  lines: AgentMessage[];
}

const folder = new URL('../../../shared/recordings/claude-code/', import.meta.url);

export const agentRecordings: AgentRecording[] = existsSync(folder)
  ? readdirSync(fileURLToPath(folder))
      .filter((name) => name.endsWith('.ndjson'))
      .toSorted()
      .map((file) => {
        const name = file.replace('.ndjson', '');
        const text = readFileSync(new URL(file, folder), 'utf8').trim();
        const lines = text.split('\n').map((line) => JSON.parse(line) as AgentMessage);
        return { name, isPartial: name.endsWith('-partial'), lines };
      })
  : [];
