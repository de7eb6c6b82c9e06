import { createHash } from 'node:crypto';
import type { Tone } from '../facts/headline.ts';
import { html, type Markup, trusted } from './markup.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** A page around its body, which may have classes, but no style and no script of its own. */
export function documentOf(title: string, body: Markup): string {
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(STYLE)}'`,
    `script-src '${hashOf(SCRIPT)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
${body}
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`.text;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`;
}

/** Told apart by shape too, not only by colour. */
export const ICONS: Record<Tone, Markup> = {
  good: icon('<circle cx="12" cy="12" r="10.5"/><path d="M7 12.5l3.5 3.5L17 8.8"/>'),
  attention: icon('<path d="M12 2.2L22.3 21H1.7z"/><path d="M12 9v6M12 17.6v.6"/>'),
  bad: icon(
    '<path d="M7.7 1.8h8.6l5.9 5.9v8.6l-5.9 5.9H7.7l-5.9-5.9V7.7z"/><path d="M8.3 8.3l7.4 7.4M15.7 8.3l-7.4 7.4"/>',
  ),
  open: icon('<circle cx="12" cy="12" r="10.5"/><path d="M12 6v6.4l4 2.4"/>'),
};

function icon(shapes: string): Markup {
  return trusted(
    `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes}</svg>`,
  );
}
