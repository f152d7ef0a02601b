import uPlot from 'uplot';
import type { Chart } from '../model.js';
import { AXIS_FONT } from './axes.js';
import { cssColour } from './colours.js';

/** Draws the dashed lines of a chart over its lines, as far as they are on its scales. */
export function drawMarks(u: uPlot, { marks = [] }: Chart): void {
  const { ctx, bbox } = u;
  const scale = uPlot.pxRatio;
  for (const { axis, value, label } of marks) {
    const { min, max } = u.scales[axis] ?? {};
    if (typeof min !== 'number' || typeof max !== 'number' || value < min || value > max) {
      continue;
    }
    const at = Math.round(u.valToPos(value, axis, true));
    ctx.save();
    ctx.strokeStyle = cssColour('--bad');
    ctx.fillStyle = cssColour('--bad');
    ctx.lineWidth = scale;
    ctx.setLineDash([5 * scale, 4 * scale]);
    ctx.beginPath();
    ctx.moveTo(axis === 'x' ? at : bbox.left, axis === 'x' ? bbox.top : at);
    ctx.lineTo(axis === 'x' ? at : bbox.left + bbox.width, axis === 'x' ? bbox.top + bbox.height : at);
    ctx.stroke();
    ctx.font = AXIS_FONT.replace('12px', `${12 * scale}px`);
    ctx.textBaseline = 'bottom';
    if (axis === 'y') {
      ctx.textAlign = 'left';
      ctx.fillText(label, bbox.left + 6 * scale, at - 3 * scale);
    } else {
      // On the side that has room.
      const isRight = at > bbox.left + bbox.width / 2;
      ctx.textAlign = isRight ? 'right' : 'left';
      ctx.fillText(label, at + (isRight ? -6 : 6) * scale, bbox.top + bbox.height - 6 * scale);
    }
    ctx.restore();
  }
}
