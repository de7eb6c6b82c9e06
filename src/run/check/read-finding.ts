import type { RawAnswer } from '../../defender/read-answer.ts';
import { readAnswer } from '../../defender/read-answer.ts';
import { describeDuration } from '../../duration.ts';
import type { Finding } from '../check-findings.ts';

/** What one read of one action showed. `canRead` is what the token says of itself; undefined when it does not say. */
export function readFinding(raw: RawAnswer, nowWallMs: number, canRead: boolean | undefined): Finding {
  const topic = 'read';
  const answer = readAnswer({ route: 'list' }, raw, nowWallMs);
  const { http } = raw;
  switch (answer.kind) {
    case 'page':
      return { level: 'ok', topic, text: 'Defender answered a read of one machine action' };
    case 'throttled': {
      const wait = answer.retryAfterMs === undefined ? 'a minute' : describeDuration(answer.retryAfterMs);
      const text = `Defender's quota for this application is used up: others send as it; wait ${wait}, and share the quota by --quota-share`;
      return { level: 'warning', topic, text };
    }
    case 'error': {
      const named = answer.code === undefined ? `HTTP ${http}` : `HTTP ${http}, ${answer.code}`;
      if (http === 401) {
        const text = `Defender refused the token (${named}); check the tenant, the cloud and the application, then sign in again`;
        return { level: 'wrong', topic, text, exitCode: 4 };
      }
      if (http === 403 && canRead === false) {
        const text = `Defender refused the read (${named}), as the missing permission lets expect; grant Machine.Read.All to screen and confirm`;
        return { level: 'warning', topic, text };
      }
      if (http === 403) {
        const text = `Defender refused the read (${named}); grant Machine.Read.All (a person also needs the role to view data) and sign in again`;
        return { level: 'wrong', topic, text, exitCode: 4 };
      }
      return {
        level: 'warning',
        topic,
        text: `Defender refused the read (${named}); look at what the code says, a run would look nothing up`,
      };
    }
    default: {
      const text = `HTTP ${http} came back with something that is not Defender's; look for a proxy or login page in between`;
      return { level: 'wrong', topic, text, exitCode: 6 };
    }
  }
}
