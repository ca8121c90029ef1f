import { type PlotOptions, plot } from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/**
 * Draws with Observable Plot on linkedom, without a browser; returns SVG text. Of Plot's options, `title` and
 * `legend` must stay out: with them it returns a figure, not an SVG. Clipping must stay out as well, since
 * its ids count up and equal reports would no longer give equal bytes.
 */
export function drawSvg(options: PlotOptions, label: string): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const element = plot({
    width: 820,
    marginTop: 32,
    marginBottom: 46,
    ...options,
    ariaLabel: label,
    // Typed for browsers, whose types are not part of this program.
    document: document as never,
    style: { background: 'transparent', color: 'currentColor', fontSize: '12px', overflow: 'visible' },
  });
  element.setAttribute('role', 'img');
  return element.outerHTML;
}

/** Left margin that holds the longest of these labels, in pixels, at 12 px. */
export function marginFor(labels: readonly string[]): number {
  return 18 + 6.8 * Math.max(0, ...labels.map((label) => label.length));
}
