/** The page's script, uPlot included; one classic script without a closing tag in it. */
export const PAGE_SCRIPT: string;
/** The page's style sheet, uPlot's included. */
export const PAGE_STYLE: string;
