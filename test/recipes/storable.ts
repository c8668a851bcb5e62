import type { MessageState } from 'claude-rx';

export type StoredState = ReturnType<typeof storable>;

/** A state as plain data: a class such as that of the error is not serializable. */
export function storable({ error, ...state }: MessageState) {
  return { ...state, error: error && { ...error.toJSON(), partial: error.partial } };
}

export const waiting: StoredState = storable({
  status: 'waiting',
  message: undefined,
  text: '',
  usage: undefined,
});
