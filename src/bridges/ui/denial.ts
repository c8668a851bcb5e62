import { notApproved } from '../../tools/requireApproval.ts';
import { errorContent } from '../../tools/toolContent.ts';

/** What the model is told of a call that was not approved. */
export function deniedText(reason: string | undefined): string {
  return String(errorContent(notApproved(reason).error));
}

const WITHOUT_REASON = deniedText(undefined);

/** The reason that was given with a denial; the whole text where it says something else. */
export function deniedReason(text: string): string | undefined {
  if (text === WITHOUT_REASON) return undefined;
  const start = `${WITHOUT_REASON}: `;
  return text.startsWith(start) ? text.slice(start.length) : text;
}
