import type { AgentMessage, AgentTaskUsage } from './AgentMessage.ts';

/** A subagent, or a command that runs in the background. */
export interface AgentTask {
  id: string;
  /** The id of the tool call that started it: pass it to `streamEvents` as `parent`. */
  callId: string | undefined;
  /** Such as `local_agent` or `local_bash`. */
  type: string | undefined;
  /** The kind of a subagent, such as `general-purpose`. */
  subagentType: string | undefined;
  description: string;
  isBackground: boolean;
  /** As Claude Code reports it: `running`, `paused`, and at the end `completed`, `failed`, `killed` or `stopped`. */
  status: string;
  lastTool: string | undefined;
  usage: AgentTaskUsage | undefined;
  /** Its report at the end. */
  summary: string | undefined;
}

/** How many ended tasks are kept. */
const ENDED_KEPT = 50;

/** The tasks after a message; the same list if nothing has changed. */
export function nextTasks(
  tasks: readonly AgentTask[],
  message: AgentMessage,
): readonly AgentTask[] {
  if (message.type !== 'system') return tasks;
  switch (message.subtype) {
    case 'task_started':
      return withTask(tasks, message.task_id, {
        callId: message.tool_use_id,
        type: message.task_type,
        subagentType: message.subagent_type,
        description: message.description,
        isBackground: message.is_backgrounded === true,
      });
    case 'task_progress':
      return withTask(tasks, message.task_id, {
        callId: message.tool_use_id,
        subagentType: message.subagent_type,
        usage: message.usage,
        lastTool: message.last_tool_name,
      });
    case 'task_updated':
      return withTask(tasks, message.task_id, {
        status: message.patch?.status,
        description: message.patch?.description,
        isBackground: message.patch?.is_backgrounded,
      });
    case 'task_notification':
      return withTask(tasks, message.task_id, {
        callId: message.tool_use_id,
        status: message.status,
        summary: message.summary,
        usage: message.usage,
      });
    case 'background_tasks_changed':
      return (message.tasks ?? []).reduce(
        (list, { task_id, task_type, description, subagent_type }) =>
          withTask(list, task_id, {
            type: task_type,
            subagentType: subagent_type,
            description,
            isBackground: true,
          }),
        tasks,
      );
    default:
      return tasks;
  }
}

function withTask(
  tasks: readonly AgentTask[],
  id: string | undefined,
  news: { [Field in keyof AgentTask]?: AgentTask[Field] | undefined },
): readonly AgentTask[] {
  if (typeof id !== 'string') return tasks;
  const before = tasks.find((task) => task.id === id);
  const known = Object.entries(news).filter(([, value]) => value !== undefined);
  const task = { ...(before ?? newTask(id)), ...Object.fromEntries(known) };
  if (before) return tasks.map((one) => (one === before ? task : one));
  return bounded([...tasks, task]);
}

function newTask(id: string): AgentTask {
  return {
    id,
    callId: undefined,
    type: undefined,
    subagentType: undefined,
    description: '',
    isBackground: false,
    status: 'running',
    lastTool: undefined,
    usage: undefined,
    summary: undefined,
  };
}

/** All running tasks, and the last ones that have ended. */
function bounded(tasks: readonly AgentTask[]): readonly AgentTask[] {
  const isOver = ({ status }: AgentTask) => /^(completed|failed|killed|stopped)$/.test(status);
  let tooMany = tasks.filter(isOver).length - ENDED_KEPT;
  if (tooMany <= 0) return tasks;
  return tasks.filter((task) => !isOver(task) || tooMany-- <= 0);
}
